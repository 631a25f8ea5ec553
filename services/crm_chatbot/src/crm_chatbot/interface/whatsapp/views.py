"""A shop's WhatsApp connection as clients see it; keys and secrets only by their last letters."""

import base64
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from crm_chatbot.interface.tenants.views import Body, Hint
from shared.whatsapp.connections import ConnectionChange, ConnectionView
from shared.whatsapp.waha import SessionFacts

#: What we want to hear of: `message.any` also tells what the owner types on the phone.
EVENTS = (
    *("message.any", "message.ack", "message.reaction", "message.edited", "message.revoked"),
    *("session.status", "call.received"),
)


class ConnectionBody(Body):
    """How the shop's WhatsApp is reached."""

    session: str = Field(max_length=54, description="Its name on the WAHA server.")
    server_url: str | None = Field(
        None,
        min_length=1,
        max_length=2_048,
        description="https, and a public host; null: the platform's own WAHA server.",
        examples=["https://waha.example.com"],
    )
    api_key: str | None = Field(
        None,
        max_length=500,
        description="Never shown again. Left out, the key stays, if the server does.",
    )

    def change(self) -> ConnectionChange:
        return ConnectionChange(
            session=self.session, server_url=self.server_url, api_key=self.api_key
        )


class ConnectionShown(BaseModel):
    """A shop's connection, without its secrets."""

    session: str
    server_url: str | None
    api_key: Hint | None
    webhook_secret: Hint | None
    older_secret_until: datetime | None = Field(
        description="Until when the webhook secret before this one is believed, too."
    )

    @classmethod
    def of(cls, view: ConnectionView) -> "ConnectionShown":
        return cls(
            session=view.session,
            server_url=view.server_url,
            api_key=Hint.of(view.api_key),
            webhook_secret=Hint.of(view.webhook_secret),
            older_secret_until=view.older_valid_until,
        )


class WhatsAppShown(ConnectionShown):
    """The same, and what WAHA says of the session now."""

    status: str = Field(
        description="WORKING; SCAN_QR_CODE: scan `qr` with the shop's phone; otherwise as WAHA "
        "describes it.",
        examples=["WORKING"],
    )
    account: str | None = Field(
        description="The WhatsApp account that is connected.", examples=["6281234567890@c.us"]
    )
    qr: str | None = Field(
        description="A PNG in base64, while there is something to scan; never for a key that may "
        "only read."
    )

    @classmethod
    def seen(cls, view: ConnectionView, facts: SessionFacts, qr: bytes | None) -> "WhatsAppShown":
        return cls(
            **ConnectionShown.of(view).model_dump(),
            status=facts.status,
            account=str(facts.me.get("id")) if facts.me else None,
            qr=base64.b64encode(qr).decode() if qr else None,
        )


class LookAsked(BaseModel):
    """What will be looked into."""

    session: str


class WebhookSecret(BaseModel):
    """Shown once."""

    secret: str
    webhook: dict[str, Any] = Field(
        description="Put it into the session's `config.webhooks` in WAHA, as it is."
    )

    @classmethod
    def made(cls, secret: str, url: str) -> "WebhookSecret":
        webhook: dict[str, Any] = {
            "url": url,
            "events": list(EVENTS),
            "hmac": {"key": secret},
            "retries": {"policy": "exponential", "delaySeconds": 2, "attempts": 15},
        }
        return cls(secret=secret, webhook=webhook)

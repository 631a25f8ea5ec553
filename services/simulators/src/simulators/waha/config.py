"""What a session is configured with: as WAHA takes it, and the parts that the simulator reads."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Policy = Literal["constant", "linear", "exponential"]

#: the ending of a chat id -> the switch that ignores such chats
_SWITCHES = {
    "status@broadcast": "status",
    "@g.us": "groups",
    "@newsletter": "channels",
    "@broadcast": "broadcast",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Hmac(_Part):
    """With which key deliveries are signed."""

    key: str | None = None


class Retries(_Part):
    """How often, and how soon, a delivery that failed is tried again."""

    policy: Policy = "constant"
    delay_s: float = Field(default=2.0, ge=0, alias="delaySeconds")
    attempts: int = Field(default=15, ge=0)


class CustomHeader(_Part):
    """A header that goes with every delivery."""

    name: str
    value: str


class Webhook(_Part):
    """Who wants to hear of which events."""

    url: str
    events: tuple[str, ...] = ()
    hmac: Hmac | None = None
    retries: Retries | None = None
    headers: tuple[CustomHeader, ...] | None = Field(default=None, alias="customHeaders")

    @property
    def key(self) -> str | None:
        return self.hmac.key if self.hmac else None

    def wants(self, event: str) -> bool:
        return "*" in self.events or event in self.events


class SessionConfig(_Part):
    """The whole, of which unknown parts are kept as they came."""

    metadata: dict[str, str] | None = None
    webhooks: tuple[Webhook, ...] | None = None
    ignore: dict[str, bool | None] | None = None

    def ignores(self, chat_id: str) -> bool:
        switch = next((name for end, name in _SWITCHES.items() if chat_id.endswith(end)), None)
        return bool(switch and (self.ignore or {}).get(switch))


def a_webhook(
    url: str,
    *,
    events: tuple[str, ...] = ("message.any", "message.ack", "session.status"),
    key: str | None = None,
    **retries: Any,
) -> Mapping[str, Any]:
    """A webhook as it stands in a session's config; `retries` in WAHA's words."""
    hmac = {"hmac": {"key": key}} if key else {}
    return {"url": url, "events": list(events), **hmac, **({"retries": retries} if retries else {})}

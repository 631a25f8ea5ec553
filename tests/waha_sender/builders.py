"""Deliveries as tests speak of them: `asked("Halo")`, `a_delivery(state=SENT)`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.contracts import SendWhatsApp, WhatsAppContent, WhatsAppFile, WhatsAppText
from tests.clock import NOON
from waha_sender.application.deliveries import Delivery

TENANT, OTHER = UUID(int=0xA), UUID(int=0xB)
SESSION = "toko"
BUDI, SARI = "6281200000002@c.us", "6281200000003@c.us"
PICTURE = WhatsAppFile(
    kind="image",
    url="https://toko.example/kopi.jpg",
    mimetype="image/jpeg",
    filename="kopi.jpg",
    caption="Kopi Gayo",
)


def asked(content: str | WhatsAppContent = "Halo kak", **changes: Any) -> SendWhatsApp:
    facts: dict[str, Any] = {
        "message_id": uuid7(),
        "tenant_id": TENANT,
        "session": SESSION,
        "chat_id": BUDI,
        "content": WhatsAppText(text=content) if isinstance(content, str) else content,
    }
    return SendWhatsApp(**{**facts, **changes})


def a_delivery(text: str = "Halo kak", *, at: datetime = NOON, **changes: Any) -> Delivery:
    facts: dict[str, Any] = {
        "tenant_id": TENANT,
        "message_id": uuid7(),
        "session": SESSION,
        "chat_id": BUDI,
        "content": WhatsAppText(text=text),
        "available_at": at,
    }
    return Delivery(**{**facts, **changes})

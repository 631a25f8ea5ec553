"""What becomes of a message when its parts have ended: what crm_chatbot is told."""

from collections.abc import Sequence
from typing import Literal

from shared.contracts import WhatsAppNotSent, WhatsAppSent
from waha_sender.application.deliveries import WITHDRAWN, Delivery, DeliveryState

#: The worst that happened to a part is what happened to the message.
_WORST_FIRST: tuple[Literal["failed", "unknown", "withdrawn"], ...] = (
    "failed",
    "unknown",
    "withdrawn",
)


def outcome_of(parts: Sequence[Delivery]) -> WhatsAppSent | WhatsAppNotSent | None:
    """None while any part may still leave."""
    if not parts or not all(part.state.is_final for part in parts):
        return None
    message_id, tenant_id = parts[0].message_id, parts[0].tenant_id
    wa_ids = [part.wa_id for part in parts if part.state is DeliveryState.SENT and part.wa_id]
    for state in _WORST_FIRST:
        if bad := next((part for part in parts if part.state == state), None):
            return WhatsAppNotSent(
                message_id=message_id,
                tenant_id=tenant_id,
                outcome=state,
                code=bad.error_code or WITHDRAWN,
                detail=bad.error_detail or "",
                wa_ids=wa_ids,
            )
    return WhatsAppSent(message_id=message_id, tenant_id=tenant_id, wa_ids=wa_ids)

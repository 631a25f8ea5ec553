"""From WAHA's list of chats to ours, whichever engine tells it; nothing here raises."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from crm_chatbot.application.history import NEVER, ChatSeen
from crm_chatbot.domain.whatsapp import Event
from crm_chatbot.infrastructure.waha_events import message_in
from shared.whatsapp.ids import kind_of
from shared.whatsapp.waha import Described

#: Something was said, and nobody can tell when: it is looked at.
_SOME_TIME = datetime.max.replace(tzinfo=UTC)


def chat_in(entry: Described) -> ChatSeen | None:
    """None where it cannot be told which chat it is."""
    chat_id = _id_of(entry.get("id"))
    if chat_id is None:
        return None
    return ChatSeen(chat_id, kind_of(chat_id).is_direct, _last_at(entry.get("lastMessage")))


def said_in(message: Described, session: str, me: Described) -> Event:
    """A message of the history, as if its webhook had come."""
    return message_in(message, session=session, me=me)


def _id_of(told: object) -> str | None:
    """WEBJS tells an object, as its library does."""
    if isinstance(told, Mapping):
        return _id_of(cast("Mapping[str, object]", told).get("_serialized"))
    return told if isinstance(told, str) and told else None


def _last_at(message: object) -> datetime:
    if not isinstance(message, Mapping) or not message:
        return NEVER
    stamp = cast("Mapping[str, object]", message).get("timestamp")
    if not isinstance(stamp, int | float | str) or isinstance(stamp, bool):
        return _SOME_TIME
    try:
        return datetime.fromtimestamp(float(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        return _SOME_TIME

"""From WAHA's list of chats to ours, whichever engine tells it; nothing here raises."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import cast

from crm_chatbot.application.whatsapp.history import NEVER, ChatSeen
from crm_chatbot.domain.whatsapp import Event, Rank
from crm_chatbot.infrastructure.whatsapp.waha_events import event_in, message_in
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


def events_in(message: Described, session: str, me: Described) -> Sequence[Event]:
    """A message of the history, and what became of it: as if the webhooks had come.

    How far ours have come every engine tells. Only WEBJS, which reads WhatsApp's own memory, shows
    edits and revocations: the others keep messages as they came (WAHA's issues #383 and #1635).
    """
    told = partial(_told, message, session, me)
    raw = _fields(message.get("_data"))
    if raw.get("type") == "revoked":
        return (told("message.revoked", after=message),)
    events = [message_in(message, session=session, me=me)]
    stanza, edited_at = message.get("id"), raw.get("latestEditSenderTimestampMs")
    if isinstance(edited_at, int | float) and edited_at:
        events.append(
            told("message.edited", editedMessageId=stanza, timestamp=int(edited_at / 1_000))
        )
    ack = message.get("ack")
    if message.get("fromMe") is True and isinstance(ack, int) and ack >= Rank.DEVICE:
        events.append(told("message.ack"))
    return events


def _told(message: Described, session: str, me: Described, name: str, **more: object) -> Event:
    payload = {**message, **more}
    return event_in({"event": name, "session": session, "payload": payload, "me": me})


def _fields(value: object) -> Described:
    return cast("Described", value) if isinstance(value, Mapping) else {}


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

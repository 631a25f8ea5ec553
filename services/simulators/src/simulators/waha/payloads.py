"""What stands in the webhooks, and in the API's answers where they show messages."""

import time
from collections.abc import Mapping
from typing import Any

from simulators.waha import names
from simulators.waha.messages import Ack, Location, Message
from simulators.waha.sessions import Session

#: what an account that may not start new chats is told, on top of an ERROR ack
RESTRICTED: Mapping[str, Any] = {
    "code": "463",
    "blocked": True,
    "reason": "account_restricted",
    "until": "2030-01-01T00:00:00.000Z",
    "enforcementType": None,
}


def envelope(session: Session, event: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """One event, as it is posted."""
    environment = session.engine.environment()
    return {
        "id": names.new_event_id(),
        "timestamp": int(time.time() * 1000),
        "event": event,
        "session": session.name,
        "metadata": session.config.metadata or {},
        **({"me": session.me.view()} if session.me else {}),
        "payload": payload,
        "engine": session.engine.name,
        "environment": environment,
    }


def message(session: Session, one: Message, *, files: str) -> dict[str, Any]:
    """A message; `files` is the address under which WAHA believes its files are found."""
    engine, me = session.engine, session.owner
    return {
        "id": one.id,
        "timestamp": one.timestamp,
        "from": None,
        "fromMe": one.from_me,
        "source": one.source,
        **engine.addresses(one, me),
        "participant": one.participant,
        "body": one.body,
        "hasMedia": one.media is not None,
        "media": _media(one, f"{files}/{session.name}"),
        **_ack(one.ack if one.from_me else engine.inbound_ack),
        "location": _location(one.location),
        "vCards": [],
        "replyTo": _quoted(one, me.chat_id),
        "_data": engine.raw(one, me),
    }


def edited(session: Session, one: Message, *, files: str) -> dict[str, Any]:
    """The edit is a message of its own that names the one it changes."""
    return {**_change(session, one, files=files), "editedMessageId": one.plain_id}


def revoked(session: Session, one: Message, *, files: str) -> dict[str, Any]:
    after = {**_change(session, one, files=files), "body": "", "hasMedia": False, "media": None}
    return {"after": after, "before": None, "revokedMessageId": one.plain_id}


def reaction(session: Session, to: Message, emoji: str, *, from_me: bool) -> dict[str, Any]:
    """An empty emoji takes the reaction back."""
    plain, me = names.new_plain_id(), session.owner.chat_id
    return {
        "id": names.message_id(plain, chat_id=to.chat_id, from_me=from_me),
        "timestamp": session.engine.reacted_at(time.time()),
        "from": me if from_me else to.chat_id,
        "fromMe": from_me,
        "source": "app",
        "to": to.chat_id if from_me else me,
        "participant": me if from_me else to.chat_id,
        "reaction": {"text": emoji, "messageId": to.id},
    }


def ack(session: Session, one: Message, *, error: Mapping[str, Any] | None) -> dict[str, Any]:
    ends = {"from": one.chat_id, "to": None, **session.engine.addresses(one, session.owner)}
    return {
        "id": one.id,
        "from": ends["from"],
        "to": ends["to"],
        "participant": one.participant,
        "fromMe": one.from_me,
        **_ack(one.ack),
        "_data": {},
        **({"error": error} if error else {}),
    }


def status(session: Session) -> dict[str, Any]:
    statuses = list(session.statuses)
    return {"name": session.name, "status": session.status, "statuses": statuses, "data": None}


def presence(chat_id: str, state: str) -> dict[str, Any]:
    shown = {"participant": chat_id, "lastKnownPresence": state, "lastSeen": None}
    return {"id": chat_id, "presences": [shown]}


def call(chat_id: str, *, is_video: bool) -> dict[str, Any]:
    return {
        "id": names.new_plain_id(),
        "from": chat_id,
        "timestamp": int(time.time()),
        "isVideo": is_video,
        "isGroup": False,
        "_data": {},
    }


def file_name(one: Message) -> str:
    """Under which a message's file is kept."""
    kind = one.media.mimetype.partition(";")[0].partition("/")[2] if one.media else ""
    return f"{one.id}.{'oga' if kind == 'ogg' else kind or 'bin'}"


def _change(session: Session, one: Message, *, files: str) -> dict[str, Any]:
    shown = message(session, one, files=files)
    new_id = names.message_id(names.new_plain_id(), chat_id=one.chat_id, from_me=one.from_me)
    other = one.chat_id if one.from_me else session.owner.chat_id
    return {
        **shown,
        "id": new_id,
        "timestamp": int(time.time()),
        "to": other,
        **_ack(Ack.SERVER),
        "_data": {},
    }


def _ack(value: Ack) -> dict[str, Any]:
    return {"ack": int(value), "ackName": value.name}


def _media(one: Message, files: str) -> dict[str, Any] | None:
    media = one.media
    if media is None or media.fate == "not_downloaded":
        return None
    has_failed = media.fate == "failed"
    return {
        "url": None if has_failed else f"{files}/{file_name(one)}",
        "mimetype": media.mimetype,
        "filename": media.filename,
        "s3": None,
        "error": {"message": "media download failed"} if has_failed else None,
    }


def _location(place: Location | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "latitude": f"{place.latitude:.6f}",
        "longitude": f"{place.longitude:.6f}",
        "live": False,
        "name": place.name,
        "address": place.address,
        "url": None,
        "description": None,
        "thumbnail": None,
    }


def _quoted(one: Message, me: str) -> dict[str, Any] | None:
    if not (quoted := one.reply_to):
        return None
    return {
        "id": quoted.plain_id,
        "participant": me if quoted.from_me else quoted.chat_id,
        "body": quoted.body,
        "hasMedia": quoted.media is not None,
        "media": None,
        "_data": {},
    }

"""From WAHA's events, as five engines tell them, to ours; `_data` is a hint and never needed.

Nothing here raises: what cannot be read is ignored, with a reason. Shapes: WAHA's documentation,
"How to: events", and captures of its engines.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.whatsapp import (
    Acked,
    Called,
    Edited,
    Event,
    Ignored,
    MessageCame,
    OwnEcho,
    OwnerTyped,
    Rank,
    Reacted,
    Revoked,
    Said,
    SessionChanged,
    message_key,
)
from crm_chatbot.infrastructure.whatsapp.waha_messages import (
    alternative_of,
    content_of,
    push_name_of,
)
from shared.llm.storable import storable
from shared.whatsapp.ids import ChatKind, canonical, key_of, kind_of, stanza_of

Fields = Mapping[str, Any]

_EARLIEST, _LATEST = datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_LONGEST_ID = 128

#: How many digits an identity has. WhatsApp's own account is `0@c.us`.
_DIGITS = {IdentityKind.PHONE: range(7, 16), IdentityKind.LID: range(5, 21)}

#: Events that are WAHA's, and nothing to a shop.
_UNNEEDED = {
    *("presence.update", "chat.archive", "message.waiting", "state.change", "engine.event"),
    *("group.join", "group.leave", "group.v2.join", "group.v2.leave", "group.v2.update"),
    *("group.v2.participants", "poll.vote", "poll.vote.failed", "label.upsert", "label.deleted"),
    *("label.chat.added", "label.chat.deleted", "event.response", "event.response.failed"),
}


@dataclass(frozen=True)
class _Told:
    """An event as WAHA told it."""

    name: str
    session: str
    payload: Fields
    #: our own identities
    me: Fields
    #: of the envelope, in milliseconds
    timestamp: object
    #: the same for the same envelope, whatever is in it
    fallback: str

    def key(self, kind: str, *parts: object) -> str:
        return ":".join((self.session, kind, *(_short(part) for part in parts)))

    def ignored(self, reason: str, chat_id: str | None = None) -> Ignored:
        key = self.key("message", _id_of(self.payload) or self.fallback)
        if not self.name.startswith("message"):
            key = self.key(self.name[:64], self.fallback)
        return Ignored(
            key=key, name=self.name, session=self.session, reason=reason, chat_id=chat_id
        )


def event_in(envelope: Fields) -> Event:
    """What happened, in our words."""
    name = _text(envelope.get("event"))[:64] or "unknown"
    fallback = _text(envelope.get("id")) or _digest(repr(envelope))
    told = _Told(
        name=name,
        session=storable(_text(envelope.get("session")))[:_LONGEST_ID],
        payload=_fields(envelope.get("payload")),
        me=_fields(envelope.get("me")),
        timestamp=envelope.get("timestamp"),
        fallback=fallback,
    )
    if read := _READERS.get(name):
        return read(told)
    return told.ignored("not_needed" if name in _UNNEEDED else "unknown_event")


def message_in(payload: Fields, *, session: str, me: Fields) -> Event:
    """A message of WAHA's history, as if its webhook had come."""
    return event_in({"event": "message.any", "session": session, "payload": payload, "me": me})


def _message(told: _Told) -> Event:
    payload = told.payload
    stanza = _id_of(payload)
    if stanza is None:
        return told.ignored("no_id")
    chat = _chat_of(told)
    if refusal := _refusal(told, chat):
        return told.ignored(refusal, chat)
    kind, text, content = content_of(payload)
    alternative = _identity(alternative_of(payload) or "")
    is_from_me = payload.get("fromMe") is True
    said = _OWN.get(_text(payload.get("source")), OwnerTyped) if is_from_me else MessageCame
    return said(
        key=message_key(told.session, stanza),
        name=told.name,
        session=told.session,
        chat_id=chat,
        identities=_distinct(_identity(chat), alternative),
        stanza_id=stanza,
        text=text,
        kind=kind,
        content=content,
        sent_at=_moment(payload.get("timestamp")),
        push_name=None if is_from_me else push_name_of(payload),
    )


_OWN: Mapping[str, type[Said]] = {"api": OwnEcho, "app": OwnerTyped}


def _reaction(told: _Told) -> Event:
    reaction = _fields(told.payload.get("reaction"))
    target = stanza_of(_text(reaction.get("messageId")))
    chat = _chat_of(told)
    refusal = _refusal(told, chat) or ("" if target else "no_id")
    if refusal:
        return told.ignored(refusal, chat)
    emoji = storable(_text(reaction.get("text")))[:32] or None
    return Reacted(
        key=told.key("reaction", target, _id_of(told.payload) or told.fallback, emoji),
        name=told.name,
        session=told.session,
        chat_id=chat,
        identities=_distinct(_identity(chat)),
        stanza_id=target[:_LONGEST_ID],
        emoji=emoji,
        is_ours=told.payload.get("fromMe") is True,
    )


def _edit(told: _Told) -> Event:
    target = stanza_of(_text(told.payload.get("editedMessageId"))) or _id_of(told.payload)
    chat = _chat_of(told)
    refusal = _refusal(told, chat) or ("" if target else "no_id")
    if refusal or not target:
        return told.ignored(refusal, chat)
    _, text, _ = content_of(told.payload)
    stamp = told.payload.get("timestamp")
    return Edited(
        key=told.key("edited", target, stamp, _digest(text)),
        name=told.name,
        session=told.session,
        chat_id=chat,
        identities=_distinct(_identity(chat)),
        stanza_id=target[:_LONGEST_ID],
        text=text,
        is_ours=told.payload.get("fromMe") is True,
        at=_moment(stamp),
    )


def _revocation(told: _Told) -> Event:
    after = _fields(told.payload.get("after")) or _fields(told.payload.get("before"))
    target = stanza_of(_text(told.payload.get("revokedMessageId"))) or _id_of(after)
    chat = _chat_of(told, after)
    refusal = _refusal(told, chat) or ("" if target else "no_id")
    if refusal or not target:
        return told.ignored(refusal, chat)
    return Revoked(
        key=told.key("revoked", target),
        name=told.name,
        session=told.session,
        chat_id=chat,
        identities=_distinct(_identity(chat)),
        stanza_id=target[:_LONGEST_ID],
        is_ours=after.get("fromMe") is True,
        at=_moment(after.get("timestamp")),
    )


def _ack(told: _Told) -> Event:
    stanza, chat = _id_of(told.payload), _chat_of(told)
    rank = told.payload.get("ack")
    if not kind_of(chat).is_direct:
        return told.ignored(kind_of(chat).value, chat)
    if stanza is None or not isinstance(rank, int) or rank not in set(Rank):
        return told.ignored("unreadable", chat)
    error = _fields(told.payload.get("error"))
    return Acked(
        key=told.key("ack", stanza, rank),
        name=told.name,
        session=told.session,
        stanza_id=stanza,
        rank=Rank(rank),
        error=(storable(_text(error.get("code")))[:64] or "unknown") if rank < 0 else None,
        restricted_until=_iso(error.get("until")),
    )


def _session(told: _Told) -> Event:
    status = storable(_text(told.payload.get("status")))[:64]
    if not status:
        return told.ignored("unreadable")
    return SessionChanged(
        key=told.key("session.status", status, told.timestamp or told.fallback),
        name=told.name,
        session=told.session,
        status=status,
        at=_moment(told.timestamp, per_second=1_000),
    )


def _call(told: _Told) -> Event:
    chat = canonical(_text(told.payload.get("from")))
    if told.payload.get("isGroup") is True:
        return told.ignored("group", chat)
    if refusal := _refusal(told, chat):
        return told.ignored(refusal, chat)
    call_id = _id_of(told.payload) or told.fallback
    return Called(
        key=told.key(told.name, call_id),
        name=told.name,
        session=told.session,
        chat_id=chat,
        identities=_distinct(_identity(chat)),
        call_id=call_id,
        outcome=told.name.removeprefix("call."),
        is_video=told.payload.get("isVideo") is True,
        at=_moment(told.payload.get("timestamp")),
    )


_READERS: Mapping[str, Callable[[_Told], Event]] = {
    "message": _message,
    "message.any": _message,
    "message.reaction": _reaction,
    "message.edited": _edit,
    "message.revoked": _revocation,
    "message.ack": _ack,
    "message.ack.group": _ack,
    "session.status": _session,
    "call.received": _call,
    "call.accepted": _call,
    "call.rejected": _call,
}


def _chat_of(told: _Told, message: Fields | None = None) -> str:
    """With whom: the chat in the message's id; engines differ about `from` and `to`."""
    payload = told.payload if message is None else message
    key = key_of(_text(payload.get("id")))
    if key is not None:
        return canonical(key.chat_id)[:_LONGEST_ID]
    sender = canonical(_text(payload.get("from")))
    is_from_me = payload.get("fromMe") is True and _is_me(told, sender)
    return (canonical(_text(payload.get("to"))) if is_from_me else sender)[:_LONGEST_ID]


def _is_me(told: _Told, chat_id: str) -> bool:
    return chat_id in {canonical(_text(told.me.get(name))) for name in ("id", "lid")}


def _refusal(told: _Told, chat: str) -> str | None:
    """Why what happens in this chat is nothing to a shop."""
    kind = kind_of(chat)
    if not kind.is_direct:
        return "unknown_sender" if kind is ChatKind.UNKNOWN else kind.value
    if _identity(chat) is None:
        return "unknown_sender"
    return "own_chat" if _is_me(told, chat) else None


def _identity(chat_id: str) -> Identity | None:
    kind = kind_of(chat_id)
    if not kind.is_direct:
        return None
    named = Identity(IdentityKind(kind.value), canonical(chat_id).partition("@")[0])
    return named if len(named.value) in _DIGITS[named.kind] else None


def _distinct(*identities: Identity | None) -> tuple[Identity, ...]:
    return tuple(dict.fromkeys(one for one in identities if one is not None))


def _id_of(payload: Fields) -> str | None:
    """The stanza id; WEBJS has been seen to tell an object instead of a text."""
    inside = _fields(payload.get("id"))
    found = inside.get("_serialized") or inside.get("id") or payload.get("id")
    stanza = storable(stanza_of(_text(found)))
    return stanza[:_LONGEST_ID] or None


def _moment(stamp: object, *, per_second: int = 1) -> datetime | None:
    """A time that makes sense, or None: then the time of arrival counts."""
    if isinstance(stamp, bool) or not isinstance(stamp, int | float | str):
        return None
    try:
        moment = datetime.fromtimestamp(float(stamp) / per_second, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if _EARLIEST <= moment < _LATEST else None


def _iso(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _fields(value: object) -> Fields:
    return cast("Fields", value) if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _short(part: object) -> str:
    text = storable("" if part is None else str(part))
    return text if len(text) <= _LONGEST_ID else _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]

"""WEBJS (whatsapp-web.js): what its objects look like."""

from typing import Any

from simulators.waha.messages import Kind, Message
from simulators.waha.people import Me

_TYPES: dict[Kind, str] = {"text": "chat", "voice": "ptt", "file": "document"}


def addresses(message: Message, me: Me) -> dict[str, Any]:
    if message.from_me:
        return {"from": me.chat_id, "to": message.chat_id}
    return {"from": message.chat_id, "to": me.chat_id}


def raw(message: Message, me: Me) -> dict[str, Any]:
    return {
        "id": _id(message),
        "body": message.body,
        "type": _type(message),
        "t": message.timestamp,
        "notifyName": me.push_name if message.from_me else message.customer.name,
        **_edit(message),
        **addresses(message, me),
    }


def sent(message: Message, me: Me) -> dict[str, Any]:
    shown = {"body": message.body, "type": _type(message)}
    ends = addresses(message, me)
    return {
        "_data": {"id": _id(message), **shown, "t": message.timestamp, **ends, "ack": 0},
        "id": _id(message),
        "ack": 0,
        "hasMedia": message.media is not None,
        **shown,
        "timestamp": message.timestamp,
        **ends,
        "fromMe": True,
    }


def _id(message: Message) -> dict[str, Any]:
    return {
        "fromMe": message.from_me,
        "remote": message.chat_id,
        "id": message.plain_id,
        # A group's message has its participant in the message id, but not in this one.
        "_serialized": "_".join(message.id.split("_")[:3]),
    }


def _edit(message: Message) -> dict[str, Any]:
    if not message.is_edited:
        return {}
    return {"latestEditSenderTimestampMs": int(message.edited_at * 1_000)}


def _type(message: Message) -> str:
    if message.is_revoked:
        return "revoked"
    return _TYPES.get(message.kind, message.kind)

"""NOWEB (Baileys): what its objects look like."""

from typing import Any

from simulators.waha import names
from simulators.waha.content import content
from simulators.waha.messages import Message
from simulators.waha.people import Me


def addresses(message: Message, me: Me) -> dict[str, Any]:  # noqa: ARG001 - one shape for all engines
    # Only a group's messages have a `to`, and it is the group.
    to = {"to": message.chat_id} if message.participant else {}
    return {"from": message.chat_id, **to}


def raw(message: Message, me: Me) -> dict[str, Any]:
    return {
        "key": _key(message),
        "messageTimestamp": message.timestamp,
        "pushName": me.push_name if message.from_me else message.customer.name,
        "broadcast": False,
        "message": content(message, flag="ptt", quoted_id="stanzaId"),
        "status": 2,
    }


def sent(message: Message, me: Me) -> dict[str, Any]:  # noqa: ARG001 - as above
    # The raw object of the engine: no id at the top, and the time is a text.
    jid = names.jid(message.chat_id)
    return {
        "key": {"remoteJid": jid, "fromMe": True, "id": message.plain_id},
        "message": content(message, flag="ptt", quoted_id="stanzaId"),
        "messageTimestamp": str(message.timestamp),
        "status": "PENDING",
    }


def _key(message: Message) -> dict[str, Any]:
    key: dict[str, Any] = {
        "remoteJid": names.jid(message.chat_id),
        "fromMe": message.from_me,
        "id": message.plain_id,
    }
    if message.participant:
        key["participant"] = names.jid(message.participant)
    if message.chat_id.endswith("@lid") and not message.customer.is_phone_hidden:
        key["remoteJidAlt"] = names.jid(message.customer.phone_chat)
    return key

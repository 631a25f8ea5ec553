"""GOWS (whatsmeow): what its objects look like."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from simulators.waha import names
from simulators.waha.content import content
from simulators.waha.messages import Kind, Message
from simulators.waha.people import Me

#: whatsmeow tells the time where its server stands
_JAKARTA = timezone(timedelta(hours=7))
_MEDIA_TYPES: dict[Kind, str] = {
    "image": "image",
    "file": "document",
    "voice": "ptt",
    "video": "video",
    "location": "location",
}


def addresses(message: Message, me: Me) -> dict[str, Any]:  # noqa: ARG001 - one shape for all engines
    return {"from": message.chat_id, "to": message.participant}


def raw(message: Message, me: Me) -> dict[str, Any]:
    return {
        "Info": _info(message, me),
        "Message": content(message, flag="PTT", quoted_id="stanzaID"),
        "IsEphemeral": False,
        "IsViewOnce": False,
        "IsEdit": False,
        "Status": 3,
    }


def sent(message: Message, me: Me) -> dict[str, Any]:  # noqa: ARG001 - as above
    at = datetime.fromtimestamp(message.timestamp, tz=UTC)
    data = {"ID": message.plain_id, "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"id": message.id, "_data": data}


def _info(message: Message, me: Me) -> dict[str, Any]:
    customer, is_lid = message.customer, message.chat_id.endswith("@lid")
    sender = me.chat_id if message.from_me else message.participant or message.chat_id
    alternative = (
        "" if customer.is_phone_hidden or not is_lid else f"{customer.phone}:5@s.whatsapp.net"
    )
    at = datetime.fromtimestamp(message.timestamp, tz=_JAKARTA)
    return {
        "Chat": names.jid(message.chat_id),
        "Sender": names.jid(sender),
        "IsFromMe": message.from_me,
        "IsGroup": message.chat_id.endswith("@g.us"),
        "AddressingMode": "lid" if is_lid else "pn",
        "SenderAlt": "" if message.from_me else alternative,
        "RecipientAlt": alternative if message.from_me else "",
        "BroadcastListOwner": "",
        "ID": message.plain_id,
        "ServerID": 0,
        "Type": "media" if message.kind in _MEDIA_TYPES else "text",
        "PushName": me.push_name if message.from_me else customer.name,
        "Timestamp": at.isoformat(timespec="seconds"),
        "Category": "",
        "Multicast": False,
        "MediaType": _MEDIA_TYPES.get(message.kind, ""),
        "Edit": "",
    }

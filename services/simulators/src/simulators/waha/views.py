"""What the chat page and tests are shown of the pretend phones."""

from typing import Any

from simulators.waha.messages import Ack, Chat, Message
from simulators.waha.people import Customer
from simulators.waha.sessions import Session

_TICKS = {
    Ack.ERROR: "error",
    Ack.PENDING: "pending",
    Ack.SERVER: "sent",
    Ack.DEVICE: "delivered",
    Ack.READ: "read",
    Ack.PLAYED: "read",
}


def session(one: Session) -> dict[str, Any]:
    return {
        "name": one.name,
        "status": one.status,
        "engine": one.engine.name,
        "shop": one.owner.push_name,
        "phone": one.owner.phone,
    }


def customer(one: Customer) -> dict[str, Any]:
    return {
        "phone": one.phone,
        "name": one.name,
        "lid": one.lid,
        "writes_as": one.writes_as,
        "is_phone_hidden": one.is_phone_hidden,
        "is_on_whatsapp": one.is_on_whatsapp,
        "is_online": one.is_online,
        "chat_id": one.chat_id,
    }


def chat(one: Chat) -> dict[str, Any]:
    """A line in the list of chats, as the customer's phone would show it."""
    last = one.last
    unread = len(one.unread(by_shop=False))
    return {**customer(one.customer), "last": message(last) if last else None, "unread": unread}


def message(one: Message) -> dict[str, Any]:
    media = one.media
    return {
        "id": one.id,
        "plain_id": one.plain_id,
        "customer": one.customer.phone,
        "chat_id": one.chat_id,
        "from": "shop" if one.from_me else "customer",
        "source": one.source,
        "type": one.kind,
        "text": one.body,
        "at": one.at,
        "ack": int(one.ack),
        "ticks": _TICKS[one.ack],
        "mimetype": media.mimetype if media else None,
        "filename": media.filename if media else None,
        "size": len(media.content) if media else None,
        "location": _place(one),
        "reply_to": _quoted(one.reply_to),
        "reactions": one.reactions,
        "is_edited": one.is_edited,
        "is_revoked": one.is_revoked,
    }


def _place(one: Message) -> dict[str, Any] | None:
    place = one.location
    if place is None:
        return None
    where = {"latitude": place.latitude, "longitude": place.longitude}
    return {**where, "name": place.name, "address": place.address}


def _quoted(one: Message | None) -> dict[str, Any] | None:
    if one is None:
        return None
    sender = "shop" if one.from_me else "customer"
    return {"plain_id": one.plain_id, "from": sender, "type": one.kind, "text": one.body}

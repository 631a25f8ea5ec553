"""The calls with which a shop looks things up: history, chats, numbers, identities, files."""

import time
from collections.abc import Iterable
from typing import Any

from simulators.waha import names, payloads, refusals
from simulators.waha.calls import Act, Call, Operation, Reply, customer_of, working
from simulators.waha.messages import Ack, Chat, Media, Message
from simulators.waha.people import Customer
from simulators.waha.server import Waha
from simulators.waha.sessions import Session

_USUAL_LIMIT = 10
_FOREVER = 0.0
_END_OF_TIME = 1 << 60


def _history(waha: Waha, call: Call) -> Reply:
    session = working(waha, call)
    chat = session.chat_with(customer_of(session, call))
    since = _number(call, "filter.timestamp.gte", 0)
    until = _number(call, "filter.timestamp.lte", _END_OF_TIME)
    sides = {"true": [True], "false": [False]}.get(call.query.get("filter.fromMe", ""))
    found = sorted(_delivered(session, chat), key=lambda one: one.at, reverse=True)
    kept = [
        one
        for one in found
        if since <= one.timestamp <= until and (sides is None or one.from_me in sides)
    ]
    return Reply(content=[waha.shown(session, one) for one in _page(kept, call)])


def _one_message(waha: Waha, call: Call) -> Reply:
    session = working(waha, call)
    message = session.find_message(call.parameters["messageId"])
    if message is None:
        raise refusals.plain(404, "Message was not found")
    return Reply(content=waha.shown(session, message))


def _overview(waha: Waha, call: Call) -> Reply:
    session = working(waha, call)
    chats = [(chat, last) for chat in session.chats.values() if (last := _last(session, chat))]
    chats.sort(key=lambda pair: pair[1].at, reverse=True)
    shown = [
        {
            "id": chat.customer.chat_id,
            "name": chat.customer.name,
            "picture": None,
            "lastMessage": waha.shown(session, last),
            "_chat": {"id": chat.customer.chat_id, "unreadCount": len(chat.unread(by_shop=True))},
        }
        for chat, last in _page(chats, call)
    ]
    return Reply(content=shown)


def _check_exists(waha: Waha, call: Call) -> Reply:
    session = working(waha, call)
    phone = names.digits(names.chat_of(call.query.get("phone", "")))
    if not phone.isdecimal():
        raise refusals.plain(400, ["phone must be a string of digits"])
    customer = session.customers.by_phone(phone)
    if customer and not customer.is_on_whatsapp:
        return Reply(content={"numberExists": False})
    chat_id = customer.chat_id if customer else names.phone_chat(phone)
    return Reply(content={"numberExists": True, "chatId": chat_id})


def _contact(waha: Waha, call: Call) -> Reply:
    session = working(waha, call)
    chat_id = names.chat_of(call.query.get("contactId", ""))
    customer = session.customers.find(chat_id)
    name = customer.name if customer else None
    shown: dict[str, Any] = {
        "id": chat_id,
        "number": names.digits(chat_id),
        "name": name,
        "pushname": name,
        "shortName": name,
        "isMe": chat_id == session.owner.chat_id,
        "isGroup": False,
        "isWAContact": bool(customer and customer.is_on_whatsapp),
        "isMyContact": False,
        "isBlocked": False,
    }
    return Reply(content=shown)


def _lids(waha: Waha, call: Call) -> Reply:
    known = [one for one in working(waha, call).customers if not one.is_phone_hidden]
    return Reply(content=[_pair(one) for one in _page(known, call, usual=100)])


def _count_lids(waha: Waha, call: Call) -> Reply:
    known = [one for one in working(waha, call).customers if not one.is_phone_hidden]
    return Reply(content={"count": len(known)})


def _phone_of_lid(waha: Waha, call: Call) -> Reply:
    lid = names.digits(call.parameters["lid"])
    customer = working(waha, call).customers.by_lid(lid)
    if customer is None or customer.is_phone_hidden:
        return Reply(content={"lid": names.lid_chat(lid), "pn": None})
    return Reply(content=_pair(customer))


def _lid_of_phone(waha: Waha, call: Call) -> Reply:
    chat_id = names.chat_of(call.parameters["phone"])
    customer = working(waha, call).customers.by_phone(names.digits(chat_id))
    if customer is None or customer.is_phone_hidden:
        return Reply(content={"lid": None, "pn": chat_id})
    return Reply(content=_pair(customer))


def _file(waha: Waha, call: Call) -> Reply:
    name = call.parameters["name"]
    session = waha.session(call.session_name)
    message = session.find_message(name.rpartition(".")[0])
    if message is None or not (media := message.media) or payloads.file_name(message) != name:
        raise refusals.no_file(name)
    if not _is_there(media, waha.file_lifetime_s):
        raise refusals.no_file(name)
    return Reply(file=media.content, content_type=media.mimetype.encode())


def _is_there(media: Media, lifetime_s: float) -> bool:
    is_young = lifetime_s == _FOREVER or time.time() < media.since + lifetime_s
    return media.fate == "kept" and is_young


def _delivered(session: Session, chat: Chat) -> Iterable[Message]:
    """What the shop's account has, as the engine keeps it; the rest still waits for it."""
    has_changes = session.engine.shows_changes
    delivered = (one for one in chat if one.from_me or one.ack >= Ack.DEVICE)
    return (one if has_changes else one.as_written for one in delivered)


def _last(session: Session, chat: Chat) -> Message | None:
    return max(_delivered(session, chat), key=lambda one: one.at, default=None)


def _page(found: list[Any], call: Call, *, usual: int = _USUAL_LIMIT) -> list[Any]:
    offset = _number(call, "offset", 0)
    return found[offset : offset + _number(call, "limit", usual)]


def _number(call: Call, name: str, usual: int) -> int:
    given = call.query.get(name, str(usual))
    if not given.isdecimal():
        raise refusals.plain(400, [f"{name} must be an integer number"])
    return int(given)


def _pair(customer: Customer) -> dict[str, str]:
    return {"lid": customer.lid_chat, "pn": customer.phone_chat}


def _operation(name: str, path: str, act: Act) -> Operation:
    return Operation(name=name, method="GET", path=path, act=act)


OPERATIONS = (
    _operation("checkExists", "/api/contacts/check-exists", _check_exists),
    _operation("contact", "/api/contacts", _contact),
    _operation("file", "/api/files/{session}/{name}", _file),
    _operation("lids", "/api/{session}/lids", _lids),
    _operation("lidCount", "/api/{session}/lids/count", _count_lids),
    _operation("lidOfPhone", "/api/{session}/lids/pn/{phone}", _lid_of_phone),
    _operation("phoneOfLid", "/api/{session}/lids/{lid}", _phone_of_lid),
    _operation("overview", "/api/{session}/chats/overview", _overview),
    _operation("history", "/api/{session}/chats/{chatId}/messages", _history),
    _operation("message", "/api/{session}/chats/{chatId}/messages/{messageId}", _one_message),
)

"""The calls with which a shop speaks: texts, files, places, ticks, typing, and second thoughts."""

import time

from simulators.waha import names, refusals
from simulators.waha.bodies import (
    ChatBody,
    EditBody,
    FileBody,
    LocationBody,
    PresenceBody,
    ReactionBody,
    SendBody,
    TextBody,
)
from simulators.waha.calls import Call, Operation, Reply, customer_of, decoded, working
from simulators.waha.messages import Kind, Location, Media, Message
from simulators.waha.server import Waha

#: the kinds whose id a sender may choose, on the engines that know of it
_TAKE_IDS: set[Kind] = {"text", "location"}


def _send_text(waha: Waha, call: Call) -> Reply:
    body = call.read(TextBody)
    return _send(waha, call, body, kind="text", text=body.text)


def _send_location(waha: Waha, call: Call) -> Reply:
    body = call.read(LocationBody)
    place = Location(body.latitude, body.longitude, body.title)
    return _send(waha, call, body, kind="location", location=place)


def _send_image(waha: Waha, call: Call) -> Reply:
    return _send_file(waha, call, "image")


def _send_document(waha: Waha, call: Call) -> Reply:
    return _send_file(waha, call, "file")


def _send_voice(waha: Waha, call: Call) -> Reply:
    return _send_file(waha, call, "voice")


def _send_video(waha: Waha, call: Call) -> Reply:
    return _send_file(waha, call, "video")


def _send_file(waha: Waha, call: Call, kind: Kind) -> Reply:
    body = call.read(FileBody)
    content = call.fetched if call.fetched is not None else decoded(body.file.data or "")
    if not content:
        raise refusals.plain(400, ["file.url or file.data must be given"])
    media = Media(content, body.file.mimetype, body.file.filename)
    return _send(waha, call, body, kind=kind, text=body.caption or "", media=media)


def _send(  # noqa: PLR0913 - what the kinds of messages have, each its own
    waha: Waha,
    call: Call,
    body: SendBody,
    *,
    kind: Kind,
    text: str = "",
    media: Media | None = None,
    location: Location | None = None,
) -> Reply:
    session = working(waha, call)
    customer = customer_of(session, call)
    takes_id = session.engine.takes_ids and kind in _TAKE_IDS
    message = Message(
        plain_id=names.plain_id(body.id) if body.id and takes_id else names.new_plain_id(),
        customer=customer,
        chat_id=call.chat_id,
        from_me=True,
        source="api",
        at=time.time(),
        kind=kind,
        body=text,
        media=media,
        location=location,
        reply_to=session.chat_with(customer).find(body.reply_to) if body.reply_to else None,
    )
    answer = session.engine.sent(message, session.owner)
    is_new = waha.network.from_shop(session, message, acks=call.acks)
    facts = {"message_id": message.id, "is_new": is_new}
    return Reply(status=201, content=answer, facts=facts)


def _seen(waha: Waha, call: Call) -> Reply:
    if "chatId" not in call.parameters:
        call.read(ChatBody)
    session = working(waha, call)
    read = waha.network.read_by_shop(session, customer_of(session, call))
    return Reply(status=201, content={"ids": [message.id for message in read]})


def _typing(waha: Waha, call: Call) -> Reply:
    call.read(ChatBody)
    session = working(waha, call)
    is_typing = call.name == "startTyping"
    waha.network.shop_types(session, customer_of(session, call), is_typing=is_typing)
    return Reply(status=201, content={"result": True})


def _presence(waha: Waha, call: Call) -> Reply:
    state = call.read(PresenceBody).presence
    session = working(waha, call)
    if call.chat_id:
        is_typing = state in {"typing", "recording"}
        waha.network.shop_types(session, customer_of(session, call), is_typing=is_typing)
    return Reply(status=201, content={"result": True})


def _subscribe(waha: Waha, call: Call) -> Reply:
    # The simulator tells of everybody's presence anyway.
    session = working(waha, call)
    customer_of(session, call)
    return Reply(status=201, content={"result": True})


def _react(waha: Waha, call: Call) -> Reply:
    body = call.read(ReactionBody)
    message = _message(waha, call, body.message_id)
    session = waha.session(call.session_name)
    waha.network.react(session, message, body.reaction, from_me=True)
    return Reply(content={"id": message.id}, facts={"message_id": message.id})


def _edit(waha: Waha, call: Call) -> Reply:
    text = call.read(EditBody).text
    message = _message(waha, call, call.parameters["messageId"])
    if not message.from_me:
        raise refusals.plain(422, "Only your own messages can be edited")
    waha.network.edit(waha.session(call.session_name), message, text)
    return Reply(content={"id": message.id}, facts={"message_id": message.id})


def _delete(waha: Waha, call: Call) -> Reply:
    message = _message(waha, call, call.parameters["messageId"])
    waha.network.revoke(waha.session(call.session_name), message)
    return Reply(content={"id": message.id}, facts={"message_id": message.id})


def _new_id(waha: Waha, call: Call) -> Reply:
    session = waha.session(call.session_name)
    if not session.engine.takes_ids:
        raise refusals.not_by_engine(session.engine)
    return Reply(content={"id": names.new_plain_id()})


def _message(waha: Waha, call: Call, any_id: str) -> Message:
    message = working(waha, call).find_message(any_id)
    if message is None or message.is_revoked:
        raise refusals.plain(404, f"Message {any_id} was not found")
    return message


_ONE_MESSAGE = "/api/{session}/chats/{chatId}/messages/{messageId}"

OPERATIONS = (
    Operation(name="sendText", method="POST", path="/api/sendText", act=_send_text),
    Operation(name="sendImage", method="POST", path="/api/sendImage", act=_send_image),
    Operation(name="sendFile", method="POST", path="/api/sendFile", act=_send_document),
    Operation(name="sendVoice", method="POST", path="/api/sendVoice", act=_send_voice),
    Operation(name="sendVideo", method="POST", path="/api/sendVideo", act=_send_video),
    Operation(name="sendLocation", method="POST", path="/api/sendLocation", act=_send_location),
    Operation(name="sendSeen", method="POST", path="/api/sendSeen", act=_seen),
    Operation(name="startTyping", method="POST", path="/api/startTyping", act=_typing),
    Operation(name="stopTyping", method="POST", path="/api/stopTyping", act=_typing),
    Operation(name="reaction", method="PUT", path="/api/reaction", act=_react),
    Operation(name="presence", method="POST", path="/api/{session}/presence", act=_presence),
    Operation(
        name="subscribe",
        method="POST",
        path="/api/{session}/presence/{chatId}/subscribe",
        act=_subscribe,
    ),
    Operation(name="newId", method="GET", path="/api/{session}/new-message-id", act=_new_id),
    Operation(
        name="read",
        method="POST",
        path="/api/{session}/chats/{chatId}/messages/read",
        act=_seen,
    ),
    Operation(name="edit", method="PUT", path=_ONE_MESSAGE, act=_edit),
    Operation(name="delete", method="DELETE", path=_ONE_MESSAGE, act=_delete),
)

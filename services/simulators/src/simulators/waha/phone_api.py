"""Pretend customers over HTTP, for tests, demonstrations and the chat page: `/phone/api`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from simulators.waha import views
from simulators.waha.messages import Message
from simulators.waha.people import Customer
from simulators.waha.phone import Phone
from simulators.waha.phone_bodies import (
    CallBody,
    CustomerBody,
    MessageBody,
    ReactionBody,
    ReadBody,
    TextBody,
    TypingBody,
)
from simulators.waha.server import Waha
from simulators.waha.sessions import Session

Shown = dict[str, Any]


def _waha(request: Request) -> Waha:
    waha: Waha = request.app.state.waha
    return waha


def _session(session: str, waha: Annotated[Waha, Depends(_waha)]) -> Session:
    found = waha.sessions.get(session)
    if found is None:
        raise HTTPException(404, f"There is no session {session!r}.")
    return found


def _phone(
    session: Annotated[Session, Depends(_session)], waha: Annotated[Waha, Depends(_waha)]
) -> Phone:
    return Phone(waha, session)


def _customer(session: Annotated[Session, Depends(_session)], phone: str) -> Customer:
    found = session.customers.by_phone(phone)
    if found is None:
        raise HTTPException(404, f"There is no customer {phone}.")
    return found


def _message(session: Annotated[Session, Depends(_session)], message_id: str) -> Message:
    found = session.find_message(message_id)
    if found is None:
        raise HTTPException(404, f"There is no message {message_id}.")
    return found


TheWaha = Annotated[Waha, Depends(_waha)]
OneSession = Annotated[Session, Depends(_session)]
ThePhone = Annotated[Phone, Depends(_phone)]
OneCustomer = Annotated[Customer, Depends(_customer)]
OneMessage = Annotated[Message, Depends(_message)]

router = APIRouter(prefix="/phone/api", tags=["phone"])
_customers = APIRouter(prefix="/{session}/customers")
_one_customer = APIRouter(prefix="/{session}/customers/{phone}")
_one_message = APIRouter(prefix="/{session}/messages/{message_id}")


@router.get("/sessions")
async def list_sessions(waha: TheWaha) -> list[Shown]:
    """The shops whose customers one may play."""
    return [views.session(session) for session in waha.sessions]


@router.post("/{session}/pair")
async def pair(session: OneSession, waha: TheWaha) -> Shown:
    """Scan the code that the session shows, as the shop's owner."""
    waha.pair(session)
    return views.session(session)


@router.get("/{session}/events")
async def listen(session: OneSession) -> StreamingResponse:
    """What happens from now on, as server-sent events: message, typing, customer, session."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(session.feed.listen(), media_type="text/event-stream", headers=headers)


@_customers.get("")
async def list_customers(session: OneSession) -> list[Shown]:
    """Everybody, with the last thing that was said."""
    return [views.chat(session.chat_with(customer)) for customer in session.customers]


@_customers.post("", status_code=201)
async def add_customer(session: OneSession, hand: ThePhone, body: CustomerBody) -> Shown:
    """A new customer; or, for a known phone, what changes about one."""
    customer = session.customers.meet(body.phone.removeprefix("+"))
    comes_online = body.is_online is True and not customer.is_online
    for name, value in body.model_dump(exclude={"phone"}, exclude_none=True).items():
        setattr(customer, name, value)
    if comes_online:
        hand.go_online(customer)
    session.feed.publish("customer", views.customer(customer))
    return views.customer(customer)


@_one_customer.get("/messages")
async def list_messages(session: OneSession, customer: OneCustomer) -> list[Shown]:
    """The whole chat, oldest first."""
    return [views.message(message) for message in session.chat_with(customer)]


@_one_customer.post("/messages", status_code=201)
async def send_message(customer: OneCustomer, hand: ThePhone, body: MessageBody) -> Shown:
    """Write as the customer, or (`writer: shop`) on the shop owner's own phone."""
    try:
        draft = body.draft()
    except ValueError as bad:
        raise HTTPException(422, f"data must be base64: {bad}") from None
    return views.message(hand.send(customer, draft))


@_one_customer.post("/read")
async def read(customer: OneCustomer, hand: ThePhone, body: ReadBody) -> Shown:
    """Open the chat: what was sent turns blue."""
    return {"read": hand.read(customer, reader=body.reader)}


@_one_customer.post("/typing", status_code=204)
async def type_(customer: OneCustomer, hand: ThePhone, body: TypingBody) -> None:
    hand.type(customer, is_typing=body.is_typing)


@_one_customer.post("/call", status_code=201)
async def call(customer: OneCustomer, hand: ThePhone, body: CallBody) -> Shown:
    """Ring the shop."""
    return {"id": hand.call(customer, is_video=body.is_video)}


@_one_message.put("")
async def edit(message: OneMessage, hand: ThePhone, body: TextBody) -> Shown:
    """As whoever wrote it."""
    hand.edit(message, body.text)
    return views.message(message)


@_one_message.delete("")
async def revoke(message: OneMessage, hand: ThePhone) -> Shown:
    """For everyone, as whoever wrote it."""
    hand.revoke(message)
    return views.message(message)


@_one_message.put("/reaction")
async def react(message: OneMessage, hand: ThePhone, body: ReactionBody) -> Shown:
    hand.react(message, body.emoji, writer=body.writer)
    return views.message(message)


@_one_message.get("/media")
async def show_media(message: OneMessage) -> Response:
    """The file in a message, as the phone has it: it never expires there."""
    if message.media is None:
        raise HTTPException(404, "There is no file in this message.")
    # Whatever somebody sent, it is never run as a page of this address.
    headers = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
    return Response(message.media.content, media_type=message.media.mimetype, headers=headers)


for _part in (_customers, _one_customer, _one_message):
    router.include_router(_part)

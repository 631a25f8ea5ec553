"""WhatsApp's own network: carries everything between a shop's account and its customers' phones."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulators.waha import payloads, views
from simulators.waha.messages import Ack, Message
from simulators.waha.people import Customer
from simulators.waha.rules import Acks
from simulators.waha.sessions import Session, Sessions

#: a session, an event, its payload, and the chat that it is about
Tell = Callable[[Session, str, Mapping[str, Any], str], None]


class Network:
    """Tells WAHA's receivers through `tell`, and the phones through each session's feed."""

    def __init__(self, sessions: Sessions, tell: Tell, *, files: str) -> None:
        self._sessions = sessions
        self._tell = tell
        self.files = files

    def from_shop(self, session: Session, message: Message, *, acks: Acks = "usual") -> bool:
        """False if there is a message with this id already: nobody gets it twice."""
        if not session.chat_with(message.customer).add(message):
            return False
        self._appear(session, message)
        if acks == "refused":
            self.ack(session, message, Ack.ERROR, error=payloads.RESTRICTED)
        if acks == "usual" and message.customer.is_online:
            self._carry(session, message)
        return True

    def from_customer(self, session: Session, message: Message) -> bool:
        """False if there is a message with this id already."""
        if message.participant is None and not session.chat_with(message.customer).add(message):
            return False
        self._appear(session, message)
        return True

    def connect(self, session: Session) -> None:
        """What WhatsApp kept for the account meanwhile arrives, as old as it is."""
        waiting, session.backlog = session.backlog, []
        for message in waiting:
            self._arrive(session, message)

    def ack(
        self,
        session: Session,
        message: Message,
        ack: Ack,
        *,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """Move a message's ticks; forward only, and an error is the end."""
        if ack != Ack.ERROR and not Ack.ERROR < message.ack < ack:
            return
        message.ack = ack
        session.feed.publish("message", views.message(message))
        if message.from_me and session.is_working:
            payload = payloads.ack(session, message, error=error)
            self._tell(session, "message.ack", payload, message.chat_id)

    def come_online(self, session: Session, customer: Customer) -> None:
        """A customer's phone gets what was sent to it meanwhile."""
        customer.is_online = True
        for message in session.chat_with(customer).undelivered(to_shop=False):
            self.ack(session, message, Ack.DEVICE)

    def read_by_customer(self, session: Session, customer: Customer) -> int:
        """The customer opens the chat."""
        unread = session.chat_with(customer).unread(by_shop=False)
        for message in unread:
            self.ack(session, message, Ack.READ)
        return len(unread)

    def read_by_shop(self, session: Session, customer: Customer) -> list[Message]:
        """The shop opens the chat, or says so through the API."""
        unread = session.chat_with(customer).unread(by_shop=True)
        for message in unread:
            self.ack(session, message, Ack.READ)
        if far := self._far_end(session, customer):
            self.read_by_customer(far, far.customers.meet(session.owner.phone))
        return unread

    def edit(self, session: Session, message: Message, text: str) -> None:
        message.keep_as_written()
        message.body, message.is_edited, message.edited_at = text, True, time.time()
        payload = payloads.edited(session, message, files=self.files)
        self._changed(session, message, "message.edited", payload)

    def revoke(self, session: Session, message: Message) -> None:
        payload = payloads.revoked(session, message, files=self.files)
        message.keep_as_written()
        message.body, message.media, message.location = "", None, None
        message.is_revoked = True
        self._changed(session, message, "message.revoked", payload)

    def react(self, session: Session, message: Message, emoji: str, *, from_me: bool) -> None:
        """An empty emoji takes it back."""
        who = "shop" if from_me else "customer"
        message.reactions.pop(who, None)
        if emoji:
            message.reactions[who] = emoji
        payload = payloads.reaction(session, message, emoji, from_me=from_me)
        self._changed(session, message, "message.reaction", payload)

    def customer_types(self, session: Session, customer: Customer, *, is_typing: bool) -> None:
        self._feed_typing(session, customer, who="customer", is_typing=is_typing)
        payload = payloads.presence(customer.chat_id, "typing" if is_typing else "paused")
        self._tell_if_working(session, "presence.update", payload, customer.chat_id)

    def shop_types(self, session: Session, customer: Customer, *, is_typing: bool) -> None:
        self._feed_typing(session, customer, who="shop", is_typing=is_typing)

    def call(self, session: Session, customer: Customer, *, is_video: bool) -> str:
        """Gives the call's id."""
        payload = payloads.call(customer.chat_id, is_video=is_video)
        self._tell_if_working(session, "call.received", payload, customer.chat_id)
        return str(payload["id"])

    def _appear(self, session: Session, message: Message) -> None:
        session.feed.publish("message", views.message(message))
        if session.is_working:
            self._arrive(session, message)
        else:
            session.backlog.append(message)

    def _arrive(self, session: Session, message: Message) -> None:
        payload = payloads.message(session, message, files=self.files)
        if not message.from_me:
            self.ack(session, message, Ack.DEVICE)
            self._tell(session, "message", payload, message.chat_id)
        self._tell(session, "message.any", payload, message.chat_id)

    def _carry(self, session: Session, message: Message) -> None:
        # The number may belong to another account of this WAHA: then its phone is the far end.
        if far := self._far_end(session, message.customer):
            me = far.customers.meet(session.owner.phone, name=session.owner.push_name)
            twin = replace(message, customer=me, chat_id=me.chat_id, from_me=False, source="app")
            self.from_customer(far, replace(twin, reply_to=None, reactions={}))
        self.ack(session, message, Ack.DEVICE)

    def _far_end(self, session: Session, customer: Customer) -> Session | None:
        far = self._sessions.with_phone(customer.phone)
        return None if far is session else far

    def _changed(
        self, session: Session, message: Message, event: str, payload: Mapping[str, Any]
    ) -> None:
        session.feed.publish("message", views.message(message))
        self._tell_if_working(session, event, payload, message.chat_id)

    def _tell_if_working(
        self, session: Session, event: str, payload: Mapping[str, Any], chat_id: str
    ) -> None:
        if session.is_working:
            self._tell(session, event, payload, chat_id)

    def _feed_typing(
        self, session: Session, customer: Customer, *, who: str, is_typing: bool
    ) -> None:
        facts = {"customer": customer.phone, "from": who, "is_typing": is_typing}
        session.feed.publish("typing", facts)

"""What pretend customers do, and what the shop's owner does on their own phone."""

import time
from dataclasses import dataclass
from typing import Literal

from simulators.waha import names, pictures
from simulators.waha.messages import Ack, Fate, Kind, Location, Media, Message
from simulators.waha.people import Customer
from simulators.waha.server import Waha
from simulators.waha.sessions import Session

Writer = Literal["customer", "shop"]

_MIMETYPES: dict[Kind, str] = {
    "image": "image/png",
    "voice": "audio/ogg; codecs=opus",
    "video": "video/mp4",
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message before it is sent."""

    text: str = ""
    kind: Kind = "text"
    #: of a file; what is no text and brings none gets a made-up one
    content: bytes | None = None
    mimetype: str | None = None
    filename: str | None = None
    fate: Fate = "kept"
    location: Location | None = None
    #: any form of another message's id
    reply_to: str | None = None
    writer: Writer = "customer"
    #: written so long ago
    age_s: float = 0.0
    #: a group, `status@broadcast` or a channel, instead of the direct chat
    chat_id: str | None = None
    #: by default a new one
    plain_id: str | None = None

    @property
    def media(self) -> Media | None:
        if self.kind in {"text", "location"}:
            return None
        mimetype = self.mimetype or _MIMETYPES.get(self.kind, "application/octet-stream")
        content = self.content if self.content is not None else _made_up(self.kind, self.text)
        return Media(content, mimetype, self.filename, self.fate)


class Phone:
    """Everything that is done by hand, within one session."""

    def __init__(self, waha: Waha, session: Session) -> None:
        self._network = waha.network
        self._session = session

    def send(self, customer: Customer, draft: Draft) -> Message:
        """Write as the customer, or on the shop owner's own phone to the customer."""
        from_me = draft.writer == "shop"
        message = Message(
            plain_id=draft.plain_id or names.new_plain_id(),
            customer=customer,
            chat_id=draft.chat_id or customer.chat_id,
            from_me=from_me,
            source="app",
            at=time.time() - draft.age_s,
            kind=draft.kind,
            body=draft.text,
            media=draft.media,
            location=draft.location,
            reply_to=self._quoted(customer, draft.reply_to),
            ack=Ack.SERVER,
        )
        carry = self._network.from_shop if from_me else self._network.from_customer
        carry(self._session, message)
        return message

    def react(self, message: Message, emoji: str, *, writer: Writer = "customer") -> None:
        self._network.react(self._session, message, emoji, from_me=writer == "shop")

    def edit(self, message: Message, text: str) -> None:
        self._network.edit(self._session, message, text)

    def revoke(self, message: Message) -> None:
        self._network.revoke(self._session, message)

    def read(self, customer: Customer, *, reader: Writer = "customer") -> int:
        """Open the chat; gives how many messages were new."""
        if reader == "shop":
            return len(self._network.read_by_shop(self._session, customer))
        return self._network.read_by_customer(self._session, customer)

    def type(self, customer: Customer, *, is_typing: bool = True) -> None:
        self._network.customer_types(self._session, customer, is_typing=is_typing)

    def call(self, customer: Customer, *, is_video: bool = False) -> str:
        """Gives the call's id."""
        return self._network.call(self._session, customer, is_video=is_video)

    def go_online(self, customer: Customer) -> None:
        self._network.come_online(self._session, customer)

    def _quoted(self, customer: Customer, any_id: str | None) -> Message | None:
        return self._session.chat_with(customer).find(any_id) if any_id else None


def _made_up(kind: Kind, text: str) -> bytes:
    match kind:
        case "image":
            return pictures.photo(text)
        case "voice":
            return pictures.silent_voice(4)
        case _:
            return text.encode() or b"?"

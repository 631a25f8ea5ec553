"""What is sent to the pretend phones."""

import base64

from pydantic import BaseModel, ConfigDict, Field

from simulators.waha.messages import Fate, Kind, Location
from simulators.waha.people import WritesAs
from simulators.waha.phone import Draft, Writer


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomerBody(_Body):
    """A customer, or what changes about one; what is left out stays."""

    phone: str = Field(pattern=r"^\+?\d{5,15}$")
    name: str | None = Field(default=None, min_length=1, max_length=100)
    lid: str | None = Field(default=None, pattern=r"^\d{5,20}$")
    writes_as: WritesAs | None = None
    is_phone_hidden: bool | None = None
    is_on_whatsapp: bool | None = None
    is_online: bool | None = None


class MessageBody(_Body):
    """A message, from the customer unless the shop's owner writes it on their own phone."""

    text: str = Field(default="", max_length=65_536)
    type: Kind = "text"
    #: base64; what is no text and brings none gets a made-up one
    data: str | None = None
    mimetype: str | None = None
    filename: str | None = None
    media: Fate = "kept"
    latitude: float = Field(default=-6.2, ge=-90, le=90)
    longitude: float = Field(default=106.816666, ge=-180, le=180)
    address: str | None = None
    reply_to: str | None = None
    writer: Writer = "customer"
    age_s: float = 0.0
    chat_id: str | None = None
    id: str | None = None

    def draft(self) -> Draft:
        place = Location(self.latitude, self.longitude, self.text or None, self.address)
        is_place = self.type == "location"
        return Draft(
            text="" if is_place else self.text,
            kind=self.type,
            content=base64.b64decode(self.data) if self.data else None,
            mimetype=self.mimetype,
            filename=self.filename,
            fate=self.media,
            location=place if is_place else None,
            reply_to=self.reply_to,
            writer=self.writer,
            age_s=self.age_s,
            chat_id=self.chat_id,
            plain_id=self.id,
        )


class TextBody(_Body):
    """The new text of a message."""

    text: str


class ReactionBody(_Body):
    """An emoji; an empty one takes the reaction back."""

    emoji: str = Field(max_length=20)
    writer: Writer = "customer"


class TypingBody(_Body):
    """Whether the customer is typing."""

    is_typing: bool = True


class ReadBody(_Body):
    """Who opens the chat."""

    reader: Writer = "customer"


class CallBody(_Body):
    """What kind of call it is."""

    is_video: bool = False

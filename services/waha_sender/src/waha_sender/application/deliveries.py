"""What is to be sent: messages in parts, each part a row of its own with a life of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.contracts import SendWhatsApp, WhatsAppContent, WhatsAppFile, WhatsAppText
from shared.whatsapp.ids import kind_of
from shared.whatsapp.parts import in_parts
from shared.whatsapp.text import fit


class DeliveryState(StrEnum):
    WAITING = "waiting"  #: nothing of it has left
    SENDING = "sending"  #: WAHA is being asked, or was and nobody knows what came of it
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"  #: it may have arrived; nobody can tell
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        return self not in {DeliveryState.WAITING, DeliveryState.SENDING}


@dataclass(frozen=True)
class Claim:
    """The right to send one part, for as long as its lease token stands."""

    tenant_id: UUID
    message_id: UUID
    part: int
    lease_token: UUID


@dataclass(kw_only=True)
class Delivery:
    """One part of a message. Changed only while its row is locked."""

    tenant_id: UUID
    message_id: UUID
    session: str
    chat_id: str
    content: WhatsAppContent
    available_at: datetime
    part: int = 0
    parts: int = 1
    #: the stanza id of the message that it quotes
    reply_to: str | None = None
    is_reply: bool = True
    by_person: bool = False
    #: of the trace that it belongs to
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    state: DeliveryState = DeliveryState.WAITING
    #: chosen before sending where the engine takes one
    wa_id: str | None = None
    #: how often WAHA was asked without our knowing that it was in vain
    attempts: int = 0
    error_code: str | None = None
    error_detail: str | None = None
    #: its place in its session's pace, once it has one
    slot_at: datetime | None = None
    lease_token: UUID | None = None
    sending_at: datetime | None = None
    ended_at: datetime | None = None
    #: set by the database
    created_at: datetime | None = None

    def begin(self, wa_id: str | None, now: datetime) -> None:
        """From now on it may be on the phone."""
        self.state, self.wa_id = DeliveryState.SENDING, wa_id
        self.sending_at = self.sending_at or now
        self.attempts += 1

    def begin_anew(self) -> None:
        """It did not leave after all: it may be withdrawn, or sent as something else."""
        self.state, self.sending_at = DeliveryState.WAITING, None

    def note_trouble(self, code: str, detail: str) -> None:
        self.error_code, self.error_detail = code, detail

    def put_off(self, until: datetime) -> None:
        """Not now; whoever is free then may take it."""
        self.available_at = until
        self.let_go()

    def let_go(self) -> None:
        self.lease_token = None

    def forget(self, now: datetime) -> None:
        """Nothing is left of whom it went to, nor of its words; what became of it is still known.

        What is on its way is nobody's any more: whoever sends it has lost it.
        """
        if not self.state.is_final:
            is_open = self.state is DeliveryState.SENDING
            self.end(DeliveryState.UNKNOWN if is_open else DeliveryState.WITHDRAWN, now, WITHDRAWN)
        self.content, self.chat_id = WhatsAppText(text=""), ""
        self.reply_to = self.error_detail = None

    def end(self, state: DeliveryState, now: datetime, code: str = "", detail: str = "") -> None:
        """It will change no more."""
        self.state, self.ended_at = state, now
        if code:
            self.note_trouble(code, detail)
        self.let_go()


#: What WhatsApp shows below a picture; more than that follows it.
LONGEST_CAPTION = 1_024

#: What cannot be sent at all is stored, too: asked again, we say so again.
NOTHING_TO_SEND = "nothing_to_send"
CHAT_NOT_DIRECT = "chat_not_direct"


def deliveries_of(asked: SendWhatsApp, headers: Mapping[str, str], now: datetime) -> list[Delivery]:
    """A message in its parts; one that has ended already where it cannot be sent."""
    contents = _contents(asked.content)
    whole = Delivery(
        tenant_id=asked.tenant_id,
        message_id=asked.message_id,
        session=asked.session,
        chat_id=asked.chat_id,
        content=asked.content,
        available_at=now,
        is_reply=asked.is_reply,
        by_person=asked.by_person,
        headers=headers,
    )
    if not kind_of(asked.chat_id).is_direct:
        return [_refused(whole, CHAT_NOT_DIRECT, now)]
    if not contents:
        return [_refused(whole, NOTHING_TO_SEND, now)]
    return [
        replace(
            whole,
            content=content,
            part=part,
            parts=len(contents),
            # Only the first part quotes: the others follow from it.
            reply_to=None if part else asked.reply_to,
        )
        for part, content in enumerate(contents)
    ]


def never_asked(tenant_id: UUID, message_id: UUID, now: datetime) -> Delivery:
    """Remembers that a message was withdrawn before anybody asked for it."""
    nothing = WhatsAppText(text="")
    delivery = Delivery(
        tenant_id=tenant_id,
        message_id=message_id,
        session="",
        chat_id="",
        content=nothing,
        available_at=now,
    )
    delivery.end(DeliveryState.WITHDRAWN, now, WITHDRAWN)
    return delivery


WITHDRAWN = "withdrawn"


def with_link(file: WhatsAppFile) -> WhatsAppText:
    """What is sent where the file itself cannot be."""
    return WhatsAppText(text="\n".join(filter(None, (file.caption, file.url))))


def _contents(content: WhatsAppContent) -> Sequence[WhatsAppContent]:
    if isinstance(content, WhatsAppText):
        return _texts(content.text)
    if isinstance(content, WhatsAppFile):
        caption = fit(content.caption).strip()
        if len(caption) > LONGEST_CAPTION:
            return [content.model_copy(update={"caption": ""}), *_texts(caption)]
        return [content.model_copy(update={"caption": caption})]
    return [content]


def _texts(text: str) -> list[WhatsAppContent]:
    return [WhatsAppText(text=part) for part in in_parts(fit(text))]


def _refused(delivery: Delivery, code: str, now: datetime) -> Delivery:
    delivery.end(DeliveryState.FAILED, now, code)
    return delivery

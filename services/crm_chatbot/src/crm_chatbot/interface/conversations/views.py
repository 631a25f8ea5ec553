"""Conversations as clients see them: the schemas of requests and answers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field
from pydantic_core import PydanticCustomError

from crm_chatbot.application.conversations.looking import (
    MOST_UNREAD,
    ConversationSeen,
    LabelSeen,
    MessageSeen,
    Said,
    Status,
    Step,
    Wanted,
)
from crm_chatbot.application.conversations.service import (
    NOTE_LIMIT,
    TEXT_LIMIT,
    TextRejected,
    refuse_unsayable,
)
from crm_chatbot.application.conversations.telling import say
from crm_chatbot.domain.conversations.conversation import ConversationState, Mode, TakeoverReason
from crm_chatbot.domain.conversations.message import Author, Direction, Kind, Message, MessageState
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.label import LabelId
from crm_chatbot.domain.tenants.tenant import LONGEST_REST_S
from crm_chatbot.interface.tenants.views import Body, Whole

#: Years that Python, PostgreSQL and every time zone can tell.
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]

#: Where a file lies on the tenant's server is nobody's business; what kind it is, is.
_MEDIA_FACTS = ("mimetype", "filename", "size", "caption")
_UNSHOWN = {"media", "url", "mimetype", "filename", "caption", "kind"}


class ConversationListQuery(Body):
    """Which conversations to list; every condition must hold."""

    mode: Mode | None = None
    state: ConversationState | None = None
    customer_id: UUID | None = None
    unread: bool | None = Field(None, description="Only those that have, or have no, new messages.")
    updated_since: Moment | None = None
    label: UUID | None = Field(None, description="The id of a label of the shop.")
    tenant_id: UUID | None = Field(
        None, description="Whose; left out, one's own, and for the platform everybody's."
    )
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")

    def wanted(self) -> Wanted:
        return Wanted(
            mode=self.mode,
            state=self.state,
            customer_id=None if self.customer_id is None else CustomerId(self.customer_id),
            is_unread=self.unread,
            updated_since=self.updated_since,
            label_id=None if self.label is None else LabelId(self.label),
        )


class HistoryQuery(Body):
    """Which page of what happened."""

    limit: int = Field(50, ge=1, le=100)
    before: str | None = Field(None, description="The last page's `next_cursor`.")


class TakeOver(Body):
    """For how long a person answers."""

    handback_after_s: Annotated[Whole, Field(ge=0, le=LONGEST_REST_S)] | None = Field(
        None,
        description="When the bot answers again if no person writes; 0: never by itself. "
        "Left out, as the shop wishes.",
    )


def _says_something(text: str) -> str:
    try:
        refuse_unsayable(text, len(text))
    except TextRejected as refusal:
        raise PydanticCustomError("empty", "It says nothing.") from refusal
    return text


Words = Annotated[str, AfterValidator(_says_something)]


class MessageText(Body):
    """What a person writes to the customer."""

    text: Words = Field(
        max_length=TEXT_LIMIT,
        description="Longer than WhatsApp takes, it is sent in parts.",
        examples=["Halo kak, ini Sari. Ada yang bisa dibantu?"],
    )


class NoteText(Body):
    """What a person writes for colleagues."""

    text: Words = Field(max_length=NOTE_LIMIT, examples=["Pelanggan tetap, suka arabika."])


class CustomerShown(BaseModel):
    """Whose conversation it is."""

    id: UUID
    name: str | None
    phone: str | None = Field(description="Digits; null while WhatsApp hides it.")


class LastMessage(BaseModel):
    """The last words, whoever said them."""

    direction: Direction
    kind: Kind
    text: str
    at: datetime

    @classmethod
    def of(cls, said: Said | None) -> "LastMessage | None":
        return None if said is None else cls.model_validate(vars(said))


class LabelShown(BaseModel):
    """A label on a conversation, as lists show it."""

    id: UUID
    name: str = Field(examples=["Komplain"])
    color: str = Field(examples=["#e74c3c"])

    @classmethod
    def of(cls, seen: LabelSeen) -> "LabelShown":
        return cls.model_validate(vars(seen))


class ConversationView(BaseModel):
    """A conversation as it is now."""

    id: UUID
    tenant_id: UUID
    customer: CustomerShown
    chat_id: str = Field(description="Where replies go.", examples=["6281234567890@c.us"])
    session: str
    state: ConversationState
    mode: Mode = Field(description="Who answers.")
    mode_reason: TakeoverReason | None
    mode_since: datetime
    handback_at: datetime | None = Field(
        description="When the bot answers again, if no person writes until then."
    )
    unread: int = Field(
        description=f"Messages of the customer that no person has read; at most {MOST_UNREAD}."
    )
    last_message: LastMessage | None
    labels: list[LabelShown] = Field(description="But for those that were deleted.")
    created_at: datetime

    @classmethod
    def of(cls, seen: ConversationSeen) -> "ConversationView":
        customer = CustomerShown(id=seen.customer_id, name=seen.customer_name, phone=seen.phone)
        named: dict[str, Any] = {
            "customer": customer,
            "last_message": LastMessage.of(seen.last),
            "labels": list(map(LabelShown.of, seen.labels)),
        }
        return cls.model_validate(vars(seen) | named)


class ConversationPage(BaseModel):
    """Conversations, those with the newest messages first."""

    conversations: list[ConversationView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


class MessageView(BaseModel):
    """A message, a colleague's note, or a marker of who answers from there on."""

    id: UUID
    seq: int
    direction: Direction
    author: Author
    kind: Kind
    text: str
    media: dict[str, Any] | None = Field(description="What kind of file it is.")
    content: dict[str, Any] = Field(
        description="A place, a quoted message, contacts, a poll; `told`: "
        "what a model saw in its picture or heard in its voice."
    )
    state: MessageState
    status: Status | None = Field(description="How far an outgoing message has come.")
    reason: str | None = Field(description="Why it is in this state: a code.")
    reaction: str | None
    turn_id: UUID | None
    edited_at: datetime | None
    revoked_at: datetime | None
    sent_at: datetime | None
    provider_at: datetime | None = Field(description="WhatsApp's own time.")
    created_at: datetime

    @classmethod
    def of(cls, seen: MessageSeen) -> "MessageView":
        content = seen.message.content
        rest = {name: value for name, value in content.items() if name not in _UNSHOWN}
        named = {"media": _media(content), "content": rest, "status": seen.status}
        return cls.model_validate(vars(seen.message) | named)


class MessagePage(BaseModel):
    """A page of a conversation's history, oldest first; without `before`, the newest page."""

    messages: list[MessageView]
    next_cursor: str | None = Field(description="Pass it as `before` for what was before that.")


class MessageAccepted(BaseModel):
    """Stored for good: it will be sent, or shown as failed."""

    message_id: UUID
    status: Status


class NoteView(BaseModel):
    """A note as it was stored."""

    id: UUID
    seq: int
    text: str
    created_at: datetime

    @classmethod
    def of(cls, note: Message) -> "NoteView":
        return cls.model_validate(vars(note))


class StepView(BaseModel):
    """Something that happened."""

    at: datetime | None
    what: str = Field(examples=["turn.committed"])
    facts: dict[str, Any] = Field(description="Ids, codes and numbers; nobody's words.")
    says: str = Field(description="The same as a sentence.")

    @classmethod
    def of(cls, step: Step) -> "StepView":
        return cls.model_validate(vars(step.happened) | {"says": say(step.happened)})


class TimelinePage(BaseModel):
    """Why the bot did, or did not, answer."""

    verdict: str = Field(
        description="How it stands at this moment, in a sentence.",
        examples=["The bot has answered the last message; the reply was delivered."],
    )
    steps: list[StepView] = Field(description="Oldest first; without `before`, the newest page.")
    next_cursor: str | None = Field(description="Pass it as `before` for what was before that.")


def _media(content: Mapping[str, Any]) -> dict[str, Any] | None:
    known = {**content, **content.get("media", {})}
    return {name: known[name] for name in _MEDIA_FACTS if name in known} or None

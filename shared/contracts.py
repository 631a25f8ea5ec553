"""Every message on every queue: all that the services know about each other."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["single", "multi_agent"]


class Message(BaseModel):
    """Written once into an outbox, read at least once. `v` grows when readers must be newer."""

    model_config = ConfigDict(frozen=True)

    VERSION: ClassVar[int] = 1
    v: int = 1


class ProcessPrompt(Message):
    """gateway -> ai_engine: answer this prompt. Asked again, the stored answer is repeated."""

    job_id: UUID
    tenant_id: UUID | None
    prompt: str
    config_name: str
    template_name: str
    variables: dict[str, str]
    mode: Mode
    needs_moderation: bool
    thread_id: str | None
    #: database time
    deadline_at: datetime


class CancelPrompt(Message):
    """gateway -> ai_engine: nobody wants this answer any more."""

    job_id: UUID


class Usage(BaseModel):
    """What an answer cost, over all its model calls. Money in millionths of a US dollar."""

    model_config = ConfigDict(frozen=True)

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0


class PromptsStarted(Message):
    """ai_engine -> gateway: work on these began."""

    job_ids: list[UUID]


class PromptCompleted(Message):
    """ai_engine -> gateway: the answer."""

    job_id: UUID
    result: str
    agent: str | None
    provider: str
    model: str
    moderation: Literal["passed", "refused"] | None
    usage: Usage
    attempts: int


class PromptFailed(Message):
    """ai_engine -> gateway: there will be no answer; `code` is one of ai_engine's failure codes."""

    job_id: UUID
    code: str
    detail: str
    usage: Usage
    attempts: int


class TurnDue(Message):
    """crm_chatbot -> itself: this conversation can be answered in `in_s` seconds. A bell only."""

    tenant_id: UUID
    conversation_id: UUID
    in_s: float = 0.0


class WhatsAppText(BaseModel):
    """Words; longer ones than WhatsApp takes are sent in parts."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["text"] = "text"
    text: str


class WhatsAppFile(BaseModel):
    """A picture or a document, by a URL that the WAHA server can reach."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["image", "file"]
    url: str
    mimetype: str
    filename: str
    caption: str = ""


class WhatsAppPlace(BaseModel):
    """A point on the map, degrees."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["location"] = "location"
    latitude: float
    longitude: float
    title: str = ""


WhatsAppContent = Annotated[
    WhatsAppText | WhatsAppFile | WhatsAppPlace, Field(discriminator="kind")
]


class SendWhatsApp(Message):
    """crm_chatbot -> waha_sender: send this. Asked again, the stored outcome is repeated."""

    message_id: UUID
    tenant_id: UUID
    session: str
    chat_id: str
    content: WhatsAppContent
    #: the customer wrote first: it is no unprompted message, and a restricted account may send it
    is_reply: bool = True
    #: a person wrote it: neither typing nor pauses are acted
    by_person: bool = False
    #: the stanza id of the message that is quoted
    reply_to: str | None = None


class WithdrawWhatsApp(Message):
    """crm_chatbot -> waha_sender: do not send these any more, unless they are on their way."""

    tenant_id: UUID
    message_ids: list[UUID]


class ForgetWhatsApp(Message):
    """crm_chatbot -> waha_sender: whoever these went to is erased. Keep nothing of them but that.

    What has not left is withdrawn.
    """

    tenant_id: UUID
    message_ids: list[UUID]


class WhatsAppSessionChanged(Message):
    """crm_chatbot -> waha_sender: WAHA says that a session is now in this status."""

    tenant_id: UUID
    session: str
    status: str


class WhatsAppSent(Message):
    """waha_sender -> crm_chatbot: every part left, under these stanza ids (where WAHA told one)."""

    message_id: UUID
    tenant_id: UUID
    wa_ids: list[str]


class WhatsAppNotSent(Message):
    """waha_sender -> crm_chatbot: it did not leave, or nobody can tell; `code` says why.

    `outcome` is `failed`, `withdrawn`, or `unknown` (it may have arrived).
    """

    message_id: UUID
    tenant_id: UUID
    outcome: Literal["failed", "withdrawn", "unknown"]
    code: str
    detail: str = ""
    #: of the parts that did leave
    wa_ids: list[str] = Field(default_factory=list)


#: The queue's default name is the specification's; settings may rename it.
KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        ProcessPrompt,
        CancelPrompt,
        PromptsStarted,
        PromptCompleted,
        PromptFailed,
        TurnDue,
        SendWhatsApp,
        WithdrawWhatsApp,
        ForgetWhatsApp,
        WhatsAppSessionChanged,
        WhatsAppSent,
        WhatsAppNotSent,
    )
}

"""Every message on every queue: all that the services know about each other."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

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


#: The queue's default name is the specification's; settings may rename it.
KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (ProcessPrompt, CancelPrompt, PromptsStarted, PromptCompleted, PromptFailed)
}

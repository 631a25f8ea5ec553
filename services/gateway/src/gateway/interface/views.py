"""Jobs as clients see them: the schemas of requests and answers."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    field_validator,
)
from pydantic_core import PydanticCustomError

from gateway.domain.job import FAILURES, JobFilter, JobStatus, Prompt, PromptRejected, Request

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
ThreadId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:@\-]{1,128}$")]

#: Years that Python, PostgreSQL and every time zone can tell.
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]

METADATA_LIMIT = 4_096


class SubmitJob(BaseModel):
    """A prompt, and how it is to be answered."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(
        max_length=Prompt.LIMIT,
        description=f"1 to {Prompt.LIMIT:,} characters, and not only blank ones.",
        examples=["Write a haiku about programming"],
    )
    config_name: Name = Field("default-smart", description="An LLM config, see `/v1/llm-configs`.")
    template_name: Name = Field(
        "default-assistant", description="A prompt template, see `/v1/prompt-templates`."
    )
    variables: dict[VariableName, Annotated[str, StringConstraints(max_length=8_000)]] = Field(
        default_factory=dict, description="What the template's `{{holes}}` are filled with."
    )
    mode: Literal["single", "multi_agent"] = Field(
        "single", description="One model call, or the router with its main and followup agents."
    )
    needs_moderation: StrictBool = Field(
        default=False,
        description="Have the prompt checked first. When the check cannot be had, the job fails.",
    )
    thread_id: ThreadId | None = Field(
        None, description="Your name for a conversation: later jobs on it know what was said."
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description=f"Yours; at most {METADATA_LIMIT:,} bytes of JSON."
    )
    callback_url: str | None = Field(
        None,
        description="Where a signed POST goes when the job has ended: https, and a public host.",
        examples=["https://example.com/hooks/jobs"],
    )

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, value: str) -> str:
        try:
            return Prompt(value).text
        except PromptRejected as refusal:
            raise PydanticCustomError("empty", "{why}", {"why": str(refusal)}) from refusal

    @field_validator("metadata")
    @classmethod
    def _small(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value and len(orjson.dumps(value)) > METADATA_LIMIT:
            raise ValueError(f"must be at most {METADATA_LIMIT} bytes of JSON")
        return value

    def request(self) -> Request:
        return Request(
            prompt=Prompt(self.prompt),
            config_name=self.config_name,
            template_name=self.template_name,
            variables=self.variables,
            mode=self.mode,
            needs_moderation=self.needs_moderation,
            thread_id=self.thread_id,
            metadata=self.metadata,
            callback_url=self.callback_url,
        )


class JobListQuery(BaseModel):
    """Which jobs to list; every condition must hold."""

    model_config = ConfigDict(extra="forbid")

    status: JobStatus | None = None
    thread_id: ThreadId | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")

    def filter(self) -> JobFilter:
        return JobFilter(
            status=self.status,
            thread_id=self.thread_id,
            created_after=self.created_after,
            created_before=self.created_before,
        )


class JobAccepted(BaseModel):
    """Stored for good: this job will end."""

    job_id: UUID = Field(examples=["550e8400-e29b-41d4-a716-446655440000"])
    status: JobStatus = Field(examples=["QUEUED"])


class JobError(BaseModel):
    """Why there is no answer."""

    code: str = Field(description=f"One of: {', '.join(sorted(FAILURES))}.")
    detail: str


class JobUsage(BaseModel):
    """What it took, over all attempts."""

    attempts: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class CallbackView(BaseModel):
    """How far the callback has come."""

    webhook_id: str
    state: Literal["PENDING", "DELIVERED", "FAILED"]
    attempts: int
    last_status: int | None
    last_error: str | None


class JobView(BaseModel):
    """A job as it is now."""

    job_id: UUID
    status: JobStatus
    result: str | None
    error: JobError | None
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    prompt: str
    config_name: str
    template_name: str
    mode: str
    needs_moderation: bool
    thread_id: str | None
    metadata: dict[str, Any]
    agent: str | None = Field(description="Which agent answered (multi_agent).")
    provider: str | None
    model: str | None
    moderation: Literal["passed", "refused"] | None = Field(description="None: it was not asked.")
    usage: JobUsage
    callback_url: str | None
    callback: CallbackView | None = Field(
        default=None, description="Shown for a single job that has a `callback_url`."
    )


class JobPage(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


#: One event of a watched job. OpenAPI has no word for streams yet: this is each of its parts.
EVENT_SCHEMA = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {
            "type": "string",
            "enum": ["status", "token", "restart", "completed", "failed", "cancelled"],
        },
        "id": {"type": "string", "description": "Send it as `Last-Event-ID` to go on after it."},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}

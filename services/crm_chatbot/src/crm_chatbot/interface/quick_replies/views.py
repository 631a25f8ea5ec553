"""Quick replies as clients see them: the schemas of requests and answers."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from crm_chatbot.domain.placeholders import Rendered
from crm_chatbot.domain.quick_reply import (
    GENERAL,
    LONGEST_CATEGORY,
    LONGEST_CONTENT,
    LONGEST_SHORTCUT,
    VARIABLES,
    QuickReply,
    QuickReplyId,
    Wanted,
    Wording,
    shortcut_of,
)
from crm_chatbot.interface.tenants.views import Body

_SHORTCUTS = f"^[A-Za-z0-9_-]{{1,{LONGEST_SHORTCUT}}}$"
Shortcut = Annotated[str, StringConstraints(pattern=_SHORTCUTS, max_length=LONGEST_SHORTCUT)]
Content = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_CONTENT)]
Category = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_CATEGORY)]

_SAYS = "Halo {customer_name}, pesanan {order_number} sudah kami kirim."


class QuickReplyBody(Body):
    """All of a quick reply; a category that is left out is the default one."""

    shortcut: Shortcut = Field(
        description="Letters, digits, - and _, kept in lower case, without a leading /.",
        examples=["dikirim"],
    )
    content: Content = Field(
        description=f"May name {', '.join(f'{{{name}}}' for name in VARIABLES)}; "
        "`{{` and `}}` are braces.",
        examples=[_SAYS],
    )
    category: Category = Field(GENERAL, examples=["pengiriman"])

    def wording(self) -> Wording:
        return Wording(shortcut=self.shortcut, content=self.content, category=self.category)


class QuickReplyListQuery(Body):
    """Which quick replies to list; every condition must hold."""

    q: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{0,50}$")] = Field(
        "", description="How their shortcuts begin.", examples=["dik"]
    )
    category: Category | None = Field(None, examples=["pengiriman"])
    active: bool = Field(default=True, description="False: those that were deleted.")
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")

    def wanted(self) -> Wanted:
        return Wanted(prefix=self.q.lower(), category=self.category, is_active=self.active)


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


#: What is left out of a body.
_UNSAID: Any = Field(default=None, json_schema_extra=_no_default)


class QuickReplyNamed(Body):
    """Which quick reply: either `shortcut` or `quick_reply_id`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"shortcut": "dikirim"}]})

    shortcut: Shortcut = _UNSAID
    quick_reply_id: UUID = _UNSAID

    @model_validator(mode="after")
    def _says_one_thing(self) -> "QuickReplyNamed":
        if len(self.model_fields_set) != 1:
            raise ValueError("Either a shortcut or a quick_reply_id.")
        return self

    def which(self) -> str | QuickReplyId:
        if "shortcut" in self.model_fields_set:
            return shortcut_of(self.shortcut)
        return QuickReplyId(self.quick_reply_id)


class PreviewBody(Body):
    """In which chat."""

    conversation_id: UUID = Field(examples=["0198c0de-0000-7000-8000-000000000001"])


class PreviewView(BaseModel):
    """What it would say there; what is missing stands in it as it was written."""

    text: str = Field(examples=["Halo Budi, pesanan {order_number} sudah kami kirim."])
    missing: list[str] = Field(
        description="Variables that this chat has nothing for: it would be refused.",
        examples=[["order_number"]],
    )

    @classmethod
    def of(cls, rendered: Rendered) -> "PreviewView":
        return cls(text=rendered.text, missing=list(rendered.missing))


class QuickReplyView(BaseModel):
    """A quick reply as it is now."""

    id: UUID
    shortcut: str = Field(examples=["dikirim"])
    content: str = Field(examples=[_SAYS])
    category: str = Field(examples=["pengiriman"])
    is_active: bool = Field(description="False: it was deleted.")
    uses: int = Field(description="How often it was said, by people and by rules.", examples=[12])
    used_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, reply: QuickReply) -> "QuickReplyView":
        return cls.model_validate(vars(reply))


class QuickReplyPage(BaseModel):
    """Quick replies, by their shortcuts."""

    quick_replies: list[QuickReplyView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for more.")

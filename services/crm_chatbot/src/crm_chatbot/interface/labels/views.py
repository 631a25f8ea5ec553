"""Labels as clients see them: the schemas of requests and answers."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from crm_chatbot.domain.label import (
    DEFAULT_COLOR,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    Applied,
    Label,
    LabelId,
    Terms,
)
from crm_chatbot.interface.tenants.views import Body

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)
]
Color = Annotated[str, StringConstraints(pattern="^#[0-9A-Fa-f]{6}$")]


class LabelTerms(Body):
    """All of a label; what is left out has its default."""

    name: Name = Field(
        description="However it is written, in capitals or not, it is one label.",
        examples=["Komplain"],
    )
    color: Color = Field(DEFAULT_COLOR, examples=["#e74c3c"])
    description: Annotated[str, StringConstraints(max_length=LONGEST_DESCRIPTION)] = Field(
        "", description="For colleagues, and for the bot.", examples=["Something went wrong."]
    )

    def terms(self) -> Terms:
        return Terms(name=self.name, color=self.color, description=self.description)


class LabelListQuery(Body):
    """Which labels to list."""

    active: bool | None = Field(
        None, description="Only those that were not deleted, or only those that were."
    )


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


#: What is left out of a body.
_UNSAID: Any = Field(default=None, json_schema_extra=_no_default)


class LabelNamed(Body):
    """Which label: either `label_id` or `name`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Komplain"}]})

    label_id: UUID = _UNSAID
    name: Name = _UNSAID

    @model_validator(mode="after")
    def _says_one_thing(self) -> "LabelNamed":
        if len(self.model_fields_set) != 1:
            raise ValueError("Either a label_id or a name.")
        return self

    def which(self) -> LabelId | str:
        return self.name if "name" in self.model_fields_set else LabelId(self.label_id)


class LabelView(BaseModel):
    """A label as it is now."""

    id: UUID
    name: str = Field(examples=["Komplain"])
    color: str = Field(examples=["#e74c3c"])
    description: str = Field(examples=["Something went wrong."])
    is_active: bool = Field(description="False: it was deleted, and stays where it was applied.")
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, label: Label) -> "LabelView":
        return cls.model_validate(vars(label))


class LabelList(BaseModel):
    """All of a shop's labels that were asked for, in the order of their names."""

    labels: list[LabelView]


class AppliedView(LabelView):
    """A label on a conversation."""

    applied_at: datetime
    applied_by: str = Field(
        description="A key, the platform, the bot, or a rule.",
        examples=["key 3f0c7c1e-0000-4000-8000-000000000001"],
    )

    @classmethod
    def on(cls, applied: Applied) -> "AppliedView":
        when = {"applied_at": applied.applied_at, "applied_by": applied.applied_by}
        return cls.model_validate(vars(applied.label) | when)


class AppliedList(BaseModel):
    """A conversation's labels, the first applied first; also such as were deleted since."""

    labels: list[AppliedView]

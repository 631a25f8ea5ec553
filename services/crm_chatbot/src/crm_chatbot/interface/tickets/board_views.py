"""Boards and templates of tickets as clients see them."""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StringConstraints

from crm_chatbot.domain.tickets import board as boards
from crm_chatbot.domain.tickets import template as templates
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import LONGEST_SUBJECT, LONGEST_TEXT, Priority
from crm_chatbot.interface.tenants.views import Body
from crm_chatbot.interface.tickets.ticket_views import UNSAID, such_as, unsaid

_ID = "01a2291f-80d3-779e-9633-aec14a80209f"
_TIMES: dict[str, Any] = {
    "version": 1,
    "created_at": "2026-05-04T05:00:00Z",
    "updated_at": "2026-05-04T05:00:00Z",
}
_COLUMNS = [{"status": "open", "name": "Baru"}, {"status": "closed", "name": "Beres"}]

BoardName = Annotated[str, StringConstraints(min_length=1, max_length=boards.LONGEST_NAME)]


class ColumnBody(Body):
    """What a status is called on a board."""

    status: Status = Field(examples=["open"])
    name: BoardName = Field(examples=["Baru"])


Columns = Annotated[list[ColumnBody], Field(min_length=1, max_length=len(Status))]


class BoardFields(Body):
    """Columns stand in their order, one for a status at most; `open` and `closed` are needed."""

    description: Annotated[str, StringConstraints(max_length=boards.LONGEST_DESCRIPTION)] = UNSAID
    columns: Columns = UNSAID
    is_default: StrictBool = unsaid(
        "`true`: tickets go here where no board is named. Another one no longer is."
    )

    def terms(self) -> boards.BoardTerms:
        """But for whether it is to be the default."""
        said: dict[str, Any] = {
            name: getattr(self, name) for name in self.model_fields_set - {"is_default"}
        }
        if "columns" in said:
            said["columns"] = tuple(boards.Column(one.status, one.name) for one in self.columns)
        return cast("boards.BoardTerms", said)


class NewBoard(BoardFields):
    """A board that is not there yet; with a column for each status, unless it is said which."""

    model_config = such_as(name="Uang", description="Refund.", columns=_COLUMNS)

    name: BoardName


class BoardChange(BoardFields):
    """What is to be otherwise."""

    model_config = such_as(is_default=True)

    name: BoardName = UNSAID


class BoardView(BaseModel):
    """A board as it is now."""

    model_config = such_as(
        id=_ID,
        name="Uang",
        description="Refund.",
        columns=_COLUMNS,
        is_default=False,
        **_TIMES,
    )

    id: UUID
    name: str
    description: str
    columns: list[ColumnBody]
    is_default: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, board: boards.Board) -> "BoardView":
        columns = [vars(column) for column in board.columns]
        return cls.model_validate({**vars(board), "columns": columns})


class BoardList(BaseModel):
    """All boards of a shop, the oldest first."""

    boards: list[BoardView]


TemplateName = Annotated[str, StringConstraints(min_length=1, max_length=templates.LONGEST_NAME)]
SubjectTemplate = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SUBJECT)]
DescriptionTemplate = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
_VARIABLES = ", ".join(f"`{{{name}}}`" for name in templates.VARIABLES)


class TemplateFields(Body):
    """What may be left out."""

    description_template: DescriptionTemplate = UNSAID
    default_priority: Priority = UNSAID

    def terms(self) -> templates.TemplateTerms:
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return cast("templates.TemplateTerms", said)


class NewTicketTemplate(TemplateFields):
    """A template that is not there yet."""

    model_config = such_as(
        name="Paket hilang",
        subject_template="Paket {order_number} hilang",
        description_template="Pelanggan: {customer_name}",
        default_priority="high",
    )

    name: TemplateName
    subject_template: SubjectTemplate = Field(description=f"With any of {_VARIABLES}.")


class TicketTemplateChange(TemplateFields):
    """What is to be otherwise."""

    model_config = such_as(default_priority="urgent")

    name: TemplateName = UNSAID
    subject_template: SubjectTemplate = UNSAID


class TicketTemplateView(BaseModel):
    """A template as it is now."""

    model_config = such_as(
        id=_ID,
        name="Paket hilang",
        subject_template="Paket {order_number} hilang",
        description_template="Pelanggan: {customer_name}",
        default_priority="high",
        **_TIMES,
    )

    id: UUID
    name: str
    subject_template: str
    description_template: str
    default_priority: Priority
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, template: templates.TicketTemplate) -> "TicketTemplateView":
        return cls.model_validate(vars(template))


class TicketTemplateList(BaseModel):
    """All templates of a shop, by their names."""

    templates: list[TicketTemplateView]

"""A template: what tickets of a kind say, with variables in the place of what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol, TypedDict
from uuid import UUID

from crm_chatbot.domain.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import Priority
from shared.domain import Aggregate, Conflict, Invalid, NotFound

TemplateId = NewType("TemplateId", UUID)


class TemplateNotFound(NotFound):
    message = "There is no ticket template {template_id}."


class TemplateNameTaken(Conflict):
    message = "Another ticket template is called {name!r}."
    at = "/name"


class TemplateRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class TemplateTerms(TypedDict, total=False):
    """What may be changed about a template."""

    name: str
    subject_template: str
    description_template: str
    default_priority: Priority


@dataclass(eq=False, kw_only=True)
class TicketTemplate(Aggregate):
    """`version` grows with each change."""

    id: TemplateId
    tenant_id: TenantId
    name: str
    subject_template: str
    created_at: datetime
    updated_at: datetime
    description_template: str = ""
    default_priority: Priority = Priority.NONE
    version: int = 1


class TicketTemplates(Protocol):
    """Every ticket template of one tenant."""

    async def get(self, template_id: TemplateId, /) -> TicketTemplate:
        """Raises TemplateNotFound."""
        ...

    async def all(self) -> Sequence[TicketTemplate]:
        """By their names."""
        ...

    async def add(self, template: TicketTemplate, /) -> None:
        """Raises TemplateNameTaken."""
        ...

    async def save(self, template: TicketTemplate, /) -> None:
        """Raises TemplateNameTaken, ChangedMeanwhile."""
        ...

    async def remove(self, template_id: TemplateId, /) -> None:
        """Raises TemplateNotFound."""
        ...

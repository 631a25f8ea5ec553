"""A template: what tickets of a kind say, with variables in the place of what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.placeholders import refuse_bad_variables, rendered
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import LONGEST_SUBJECT, LONGEST_TEXT, Priority
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

TemplateId = NewType("TemplateId", UUID)

LONGEST_NAME = 100

#: What may stand between braces; where nobody knows it, it is missing.
VARIABLES = (
    *("customer_name", "customer_phone", "order_number", "order_status", "order_total"),
    "shop_name",
)


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

    def change(self, now: datetime, **terms: Unpack[TemplateTerms]) -> None:
        """Only what is named.

        Raises TemplateRejected, VariableUnknown, BraceAlone, and then nothing has changed.
        """
        after: TemplateTerms = {
            "name": self.name,
            "subject_template": self.subject_template,
            "description_template": self.description_template,
            "default_priority": self.default_priority,
            **terms,
        }
        _refuse_bad(after)
        for name, value in after.items():
            setattr(self, name, value)
        self.updated_at = now

    def filled_in(self, values: Mapping[str, str]) -> "FilledIn":
        """What a ticket of it says."""
        subject = rendered(self.subject_template, values, gap="")
        description = rendered(self.description_template, values, gap="")
        # Names may hold what subjects may not: joiners, say.
        line = "".join(c if c.isprintable() else " " for c in subject.text)
        line = " ".join(line.split())[:LONGEST_SUBJECT]
        return FilledIn(
            subject=line if says_something(line) else self.name,
            description=description.text[:LONGEST_TEXT],
            missing=tuple(dict.fromkeys((*subject.missing, *description.missing))),
        )


@dataclass(frozen=True, kw_only=True)
class FilledIn:
    """A template with its variables filled in; `missing`: those that nobody knows."""

    subject: str
    description: str
    missing: tuple[str, ...]


def _refuse_bad(terms: TemplateTerms) -> None:
    name, subject = terms.get("name", ""), terms.get("subject_template", "")
    _refuse_bad_line("name", name, LONGEST_NAME)
    _refuse_bad_line("subject_template", subject, LONGEST_SUBJECT)
    description = terms.get("description_template", "")
    if len(description) > LONGEST_TEXT or "\0" in description:
        reason = f"at most {LONGEST_TEXT} characters"
        raise TemplateRejected(field="description_template", reason=reason)
    for field, text in (("subject_template", subject), ("description_template", description)):
        refuse_bad_variables(field, text, VARIABLES)


def _refuse_bad_line(field: str, text: str, longest: int) -> None:
    if len(text) > longest or not text.isprintable() or not says_something(text):
        raise TemplateRejected(field=field, reason=f"1 to {longest} printable characters")


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

"""A label: a shop's own word for what a conversation is about, and who has put it there."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

LabelId = NewType("LabelId", UUID)

#: Of one shop: people, and models, choose among all of them.
MOST_LABELS = 500
LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500
DEFAULT_COLOR = "#3498db"
_COLOR = re.compile(r"#[0-9a-f]{6}")


class LabelNotFound(NotFound):
    message = "There is no label {label}."


class LabelNameTaken(Conflict):
    message = "There is a label called {name!r} already."
    at = "/name"


class TooManyLabels(Conflict):
    message = "A shop has at most {most} labels."


class LabelInactive(Conflict):
    message = "The label {name!r} was deleted: it is applied to nothing more."


class LabelRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class Terms(TypedDict, total=False):
    """What may be said of a label."""

    name: str
    color: str
    description: str


@dataclass(eq=False, kw_only=True)
class Label(Aggregate):
    """Never removed, for the sake of what it was applied to; `version` grows with each change."""

    id: LabelId
    tenant_id: TenantId
    name: str
    created_at: datetime
    updated_at: datetime
    #: as `#rrggbb`, in lower case
    color: str = DEFAULT_COLOR
    description: str = ""
    #: False: it was deleted, and stays only where it was applied before
    is_active: bool = True
    version: int = 1

    @property
    def name_key(self) -> str:
        """The name as it is compared."""
        return key_of(self.name)

    def change(self, now: datetime, **terms: Unpack[Terms]) -> None:
        """Only what is named. Raises LabelRejected, and then nothing has changed."""
        name = terms.get("name", self.name).strip()
        color = terms.get("color", self.color).lower()
        description = terms.get("description", self.description).strip()
        for field, is_right, reason in _faults(name, color, description):
            if not is_right:
                raise LabelRejected(field=field, reason=reason)
        self.name, self.color, self.description = name, color, description
        self.updated_at = now

    def delete(self, now: datetime) -> bool:
        """False where it was deleted before."""
        if not self.is_active:
            return False
        self.is_active, self.updated_at = False, now
        return True

    def come_back(self, now: datetime, **terms: Unpack[Terms]) -> None:
        """As something new, by the same name. Raises LabelNameTaken, LabelRejected."""
        if self.is_active:
            raise LabelNameTaken(name=self.name)
        self.change(now, **terms)
        self.is_active = True


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A label on a conversation; `applied_by` is a key, the bot, or a rule."""

    label: Label
    applied_at: datetime
    applied_by: str


class Labels(Protocol):
    """Every label of one tenant, and what it is applied to."""

    async def get(self, label_id: LabelId, /) -> Label:
        """Also one that was deleted. Raises LabelNotFound."""
        ...

    async def named(self, name: str, /) -> Label:
        """However it is written; also one that was deleted. Raises LabelNotFound."""
        ...

    async def all(self, *, is_active: bool | None = None) -> Sequence[Label]:
        """In the order of their names; with `is_active`, only those that are, or are not."""
        ...

    async def add(self, label: Label, /) -> bool:
        """False when another, deleted or not, has its name: then it is not added."""
        ...

    async def save(self, label: Label, /) -> None:
        """Raises LabelNameTaken, ChangedMeanwhile."""
        ...

    async def apply(
        self, conversation_id: ConversationId, label_id: LabelId, /, *, by: str, at: datetime
    ) -> bool:
        """False when it is there already: then it stays as it is."""
        ...

    async def take_off(self, conversation_id: ConversationId, label_id: LabelId, /) -> bool:
        """False when it is not there."""
        ...

    async def on(self, conversation_id: ConversationId, /) -> Sequence[Applied]:
        """Those of a conversation, the first applied first; also such as were deleted since."""
        ...


def key_of(name: str) -> str:
    """The same for names that people take to be one: in any case, width, and spacing."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _faults(name: str, color: str, description: str) -> Iterator[tuple[str, bool, str]]:
    is_name = 0 < len(name) <= LONGEST_NAME and name.isprintable() and says_something(name)
    yield "name", is_name, f"1 to {LONGEST_NAME} printable characters"
    yield "color", _COLOR.fullmatch(color) is not None, "# and six hexadecimal digits"
    is_description = len(description) <= LONGEST_DESCRIPTION and "\0" not in description
    yield "description", is_description, f"at most {LONGEST_DESCRIPTION} characters"

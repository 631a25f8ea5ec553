"""A board: how people of a shop see their tickets, in a column for each status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.status import Status
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

BoardId = NewType("BoardId", UUID)

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 1_000
#: Tickets begin in the one, and end in the other: no board is without them.
NEEDED = (Status.OPEN, Status.CLOSED)


class BoardNotFound(NotFound):
    message = "There is no board {board_id}."


class BoardNameTaken(Conflict):
    message = "Another board is called {name!r}."
    at = "/name"


class BoardInUse(Conflict):
    message = "There are tickets on this board: put them on another first."


class BoardIsDefault(Conflict):
    message = "A shop always has a default board: make another one the default first."


class BoardRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(frozen=True)
class Column:
    """What a status is called on a board."""

    status: Status
    name: str


class BoardTerms(TypedDict, total=False):
    """What may be changed about a board."""

    name: str
    description: str
    columns: tuple[Column, ...]


@dataclass(eq=False, kw_only=True)
class Board(Aggregate):
    """Of a shop's boards one is the default; `version` grows with each change."""

    id: BoardId
    tenant_id: TenantId
    name: str
    #: in their order; tickets of a status without one are not shown
    columns: tuple[Column, ...]
    created_at: datetime
    updated_at: datetime
    description: str = ""
    is_default: bool = False
    version: int = 1

    def change(self, now: datetime, **terms: Unpack[BoardTerms]) -> None:
        """Only what is named. Raises BoardRejected, and then nothing has changed."""
        name = terms.get("name", self.name)
        description = terms.get("description", self.description)
        columns = terms.get("columns", self.columns)
        _refuse_bad_name("name", name)
        if len(description) > LONGEST_DESCRIPTION or "\0" in description:
            reason = f"at most {LONGEST_DESCRIPTION} characters"
            raise BoardRejected(field="description", reason=reason)
        _refuse_bad_columns(columns)
        self.name, self.description, self.columns = name, description, columns
        self.updated_at = now


def _refuse_bad_columns(columns: Sequence[Column]) -> None:
    for place, column in enumerate(columns):
        _refuse_bad_name(f"columns/{place}/name", column.name)
    statuses = [column.status for column in columns]
    if len(set(statuses)) < len(statuses):
        raise BoardRejected(field="columns", reason="at most one for each status")
    for status in NEEDED:
        if status not in statuses:
            raise BoardRejected(field="columns", reason=f"one for {status} is needed")


def _refuse_bad_name(field: str, name: str) -> None:
    if len(name) > LONGEST_NAME or not name.isprintable() or not says_something(name):
        reason = f"1 to {LONGEST_NAME} printable characters"
        raise BoardRejected(field=field, reason=reason)


#: What boards and their columns are called, as long as nobody calls them anything else.
_NAMES: Mapping[Language, tuple[str, Sequence[str]]] = {
    Language.INDONESIAN: ("Umum", ("Baru", "Dikerjakan", "Menunggu", "Selesai", "Ditutup")),
    Language.ENGLISH: ("General", ("Open", "In progress", "Waiting", "Resolved", "Closed")),
}


def default_columns(language: Language) -> tuple[Column, ...]:
    """One for each status, in their order."""
    _, names = _NAMES[language]
    return tuple(Column(status, name) for status, name in zip(Status, names, strict=True))


def default_name(language: Language) -> str:
    """What a shop's first board is called."""
    return _NAMES[language][0]


class Boards(Protocol):
    """Every board of one tenant."""

    async def get(self, board_id: BoardId, /) -> Board:
        """Raises BoardNotFound."""
        ...

    async def hold(self, board_id: BoardId, /) -> Board:
        """The same; and it stays until the transaction ends. Raises BoardNotFound."""
        ...

    async def default(self) -> Board | None:
        """None: the shop has no board yet. Held, too."""
        ...

    async def all(self) -> Sequence[Board]:
        """The oldest first."""
        ...

    async def add(self, board: Board, /) -> None:
        """Raises BoardNameTaken, or where there is a default already and it is to be one."""
        ...

    async def save(self, board: Board, /) -> None:
        """But for whether it is the default. Raises BoardNameTaken, ChangedMeanwhile."""
        ...

    async def make_default(self, board_id: BoardId, /) -> None:
        """It, and no other. Raises BoardNotFound."""
        ...

    async def remove(self, board_id: BoardId, /) -> None:
        """Raises BoardNotFound, BoardIsDefault, BoardInUse."""
        ...

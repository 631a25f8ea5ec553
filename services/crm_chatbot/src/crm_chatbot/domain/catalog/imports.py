"""An import of a catalog: what became of a file, and what was wrong with its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from shared.domain import Invalid, NotFound

ImportId = NewType("ImportId", UUID)

MOST_ROWS = 5_000
#: Nobody reads more than that; how many there were is told all the same.
MOST_MISTAKES = 1_000
#: An import that has not ended by then never will, and nothing of it was applied.
PATIENCE = timedelta(minutes=10)


class OnError(StrEnum):
    REFUSE = "refuse"  #: one bad row, and nothing is applied
    SKIP = "skip"  #: all good rows are applied, at once


class ImportStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"  #: applied, all at once
    REFUSED = "refused"  #: nothing was applied: there were bad rows
    INTERRUPTED = "interrupted"  #: nothing was applied: something went wrong on our side


class ImportNotFound(NotFound):
    message = "There is no import {import_id}."


class CsvRejected(Invalid, code="malformed_csv"):
    """Not a single row of it can be read."""

    message = "{reason}"
    at = ""


@dataclass(frozen=True)
class RowMistake:
    """What is wrong with a row; `line` counts the file's lines from 1."""

    line: int
    #: None: with the row as a whole
    column: str | None
    code: str
    message: str


@dataclass(kw_only=True)
class CatalogImport:
    """A file of rows, applied in one transaction or not at all."""

    id: ImportId
    on_error: OnError
    rows: int
    started_at: datetime
    status: ImportStatus = ImportStatus.RUNNING
    rows_done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    mistakes: tuple[RowMistake, ...] = ()
    ended_at: datetime | None = None

    def end(self, now: datetime, status: ImportStatus, mistakes: Sequence[RowMistake] = ()) -> None:
        self.status, self.ended_at = status, now
        in_order = sorted(mistakes, key=lambda one: (one.line, one.column or ""))
        self.mistakes = tuple(in_order[:MOST_MISTAKES])

    def status_at(self, now: datetime) -> ImportStatus:
        """Nobody is left to say that an import was interrupted."""
        is_over = self.status is ImportStatus.RUNNING and now - self.started_at > PATIENCE
        return ImportStatus.INTERRUPTED if is_over else self.status


class Imports(Protocol):
    """Every import of one tenant."""

    async def add(self, started: CatalogImport, /) -> None: ...

    async def get(self, import_id: ImportId, /) -> CatalogImport:
        """Raises ImportNotFound."""
        ...

    async def save(self, ended: CatalogImport, /) -> None: ...

"""Named settings that operators change while the platform runs; every change is remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from shared.domain import Conflict


class InUse(Conflict):
    message = "{name!r} is used by {users}."


class Entry(Protocol):
    """Something with a name; `version` counts its changes, from 1."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...


EntryT = TypeVar("EntryT", bound=Entry)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of one entry; `before` is None for its first, `after` for its last."""

    id: int
    kind: str
    name: str
    version: int
    actor: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changed_at: datetime


class Entries(Protocol[EntryT]):
    """All entries of one kind, within one transaction."""

    async def all(self) -> Sequence[EntryT]:
        """By name."""
        ...

    async def get(self, name: str, /) -> EntryT:
        """Raises the kind's NotFound."""
        ...

    async def add(self, entry: EntryT, /) -> EntryT:
        """Raises NameTaken. The version that it gets was never its name's before."""
        ...

    async def replace(self, entry: EntryT, /, *, expected: int | None = None) -> EntryT:
        """Raises the kind's NotFound, or ChangedSince unless its version is the expected one.

        The same entry again changes nothing, not even the version.
        """
        ...

    async def remove(self, name: str, /, *, expected: int | None = None) -> None:
        """Raises the kind's NotFound, or ChangedSince unless its version is the expected one."""
        ...

    async def history(self, name: str, /) -> Sequence[Change]:
        """The latest hundred changes, the newest first; also of a name that is gone."""
        ...

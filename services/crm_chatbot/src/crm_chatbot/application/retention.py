"""What is kept for a while, for those who want to know what was, and then forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

#: Rows that are forgotten in one transaction: nobody waits long for their locks.
AT_ONCE = 1_000
_DAY_S = 86_400.0


class Kept(StrEnum):
    """What is forgotten by its age alone. What people wrote is not among it."""

    WEBHOOKS = "webhooks"  #: what became of each event, and how far each message of ours has come
    TIMELINES = "timelines"  #: with what tools answered in turns that have ended
    CHECKPOINTS = "checkpoints"  #: of turns that have ended, or that nobody will go on with


class Attic(Protocol):
    """Where it is kept, for all tenants together. Raises DatabaseUnavailable."""

    async def clear(self, kept: Kept, most: int, /, *, older_than_s: float) -> int:
        """Forget what is older, so much at most of each kind; how much it was."""
        ...


@dataclass(frozen=True)
class Retention:
    """May run in any number of processes."""

    attic: Attic
    days: Mapping[Kept, float]

    async def tidy(self) -> None:
        """Forget all that is too old, a little at a time."""
        for kept, days in self.days.items():
            is_more = True
            while is_more:
                cleared = await self.attic.clear(kept, AT_ONCE, older_than_s=days * _DAY_S)
                is_more = cleared >= AT_ONCE

"""Answers while they are being written: from the worker, through Redis, to whoever watches.

A hint all the way: pieces may be lost, and the stored result is what counts.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.infrastructure.redis import Hints


@dataclass(frozen=True)
class Piece:
    """Some words of an answer; `position` is where a reader may resume after them."""

    position: str
    text: str
    #: a higher one than before means that the answer began anew
    attempt: int


@dataclass
class TokenWriter:
    """Gathers what was written since the last time, over all jobs, into one round trip.

    An answer that is decided before its first words were sent costs nothing at all.
    """

    hints: Hints
    #: how long words are gathered
    every_s: float = 0.05
    _unsent: dict[tuple[UUID, int], list[str]] = field(
        default_factory=dict[tuple[UUID, int], list[str]]
    )
    _written: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, job_id: UUID, attempt: int, text: str, /) -> None:
        """Never waits, and never fails."""
        self._unsent.setdefault((job_id, attempt), []).append(text)
        self._written.set()

    def forget(self, job_id: UUID, attempt: int, /) -> None:
        """The answer is decided: what was not sent yet is of no use."""
        self._unsent.pop((job_id, attempt), None)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._written.wait()
            await asyncio.sleep(self.every_s)
            self._written.clear()
            unsent, self._unsent = self._unsent, {}
            await self.hints.append(
                [
                    (_stream(job_id), {"text": "".join(texts), "attempt": str(attempt)})
                    for (job_id, attempt), texts in unsent.items()
                ]
            )


@dataclass(frozen=True)
class TokenReader:
    """Reads what TokenWriters wrote."""

    hints: Hints

    async def read(self, job_id: UUID, after: str, /, *, wait_s: float) -> Sequence[Piece]:
        """Pieces after a position (`0-0` is the beginning); waits up to `wait_s` for one."""
        return [
            Piece(position, fields["text"], int(fields["attempt"]))
            for position, fields in await self.hints.read(_stream(job_id), after, wait_s=wait_s)
        ]


def _stream(job_id: UUID) -> str:
    return f"tokens:{job_id}"

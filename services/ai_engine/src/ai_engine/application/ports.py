"""What the engine's use cases need from outside, and the transaction that they work in."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ai_engine.application.processing import Meter, ProcessingRequest, ProcessingResult
from ai_engine.domain.run import Run, Runs, Workers
from shared.llm.chat import ChatMessage


class Threads(Protocol):
    """What was said on each thread, within one transaction."""

    async def append(self, said: Sequence[tuple[Run, str]], /) -> None:
        """Add each run's prompt and its answer to its thread."""
        ...


class Ledger(Protocol):
    """What model calls cost, within one transaction."""

    async def record(self, used: Sequence[tuple[Run, Meter]], /) -> None:
        """Note every call, and settle what was reserved for it."""
        ...


@dataclass(frozen=True)
class Work:
    """One transaction: commits when its block ends, rolls back when it raises."""

    runs: Runs
    workers: Workers
    threads: Threads
    ledger: Ledger


class OpenWork(Protocol):
    """Opens a transaction."""

    def __call__(self, *, in_one_step: bool = False) -> AbstractAsyncContextManager[Work]:
        """`in_one_step`: one call inside does it all, and need not wait for a commit of its own."""
        ...


class ThreadHistory(Protocol):
    """What was said on a thread so far; read outside any transaction."""

    async def __call__(self, tenant_id: UUID | None, thread_id: str, /) -> Sequence[ChatMessage]:
        """Oldest first; only as much as a model should be given."""
        ...


class Processing(Protocol):
    """The two ways to answer a prompt (see ProcessingService)."""

    async def process(self, request: ProcessingRequest, /) -> ProcessingResult: ...

    async def process_multi_agent(
        self, request: ProcessingRequest, context: Mapping[str, object], *, needs_moderation: bool
    ) -> ProcessingResult: ...


class TokenSink(Protocol):
    """Pieces of answers, for whoever watches: a hint, which may be lost without harm."""

    def emit(self, job_id: UUID, attempt: int, text: str, /) -> None:
        """Never waits."""
        ...

    def forget(self, job_id: UUID, attempt: int, /) -> None:
        """The answer is decided: pieces that were not sent yet are of no use."""
        ...

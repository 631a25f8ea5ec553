"""One worker process: claims conversations that are ready, answers many at once, loses none."""

import asyncio
import heapq
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from crm_chatbot.application.turns.answering import Books
from crm_chatbot.domain.conversations.conversation import Claim, ConversationId
from shared import logs, metrics, tracing
from shared.availability import DatabaseUnavailable
from shared.pulse import Pulse

log = logs.get()


class Mailboxes(Protocol):
    """Every tenant's conversations, as one worker process sees them. Raises DatabaseUnavailable."""

    async def beat(self) -> None:
        """Say that this worker lives. Whoever is silent for too long loses what it holds."""
        ...

    async def claim(self, most: int, /, *, share: int, dead_after_s: float) -> Sequence[Claim]:
        """Lease conversations whose time has come, of each tenant no more than its share.

        Those of workers that have been silent for longer than `dead_after_s` are taken over.
        """
        ...

    async def next_ready_in(self) -> float | None:
        """In how many seconds the next conversation becomes ready that nobody holds."""
        ...

    async def held(self) -> Collection[Claim]:
        """What this worker holds."""
        ...

    async def release(self, only: Collection[ConversationId] | None = None, /) -> int:
        """Hand back what this worker holds, all of it or only these; returns how many."""
        ...

    async def leave(self) -> None:
        """Say good-bye, and forget who died long ago."""
        ...


class Answers(Protocol):
    """TurnService, as a worker sees it."""

    async def answer(self, claim: Claim, books: Books, /) -> None:
        """Until it is answered, put off, or somebody else's business."""
        ...

    async def suppress(self, claim: Claim, books: Books, /) -> None:
        """It was taken away: note what it cost until then."""
        ...


#: While one's own heart falters nobody is taken for dead (seconds).
_FOR_EVER_S = 86_400.0

#: Clocks differ by less, and no look at the tables takes longer (seconds).
_JUST_NOW_S = 0.05


@dataclass
class Worker:
    """At most `capacity` conversations at once, of one tenant at most half of that."""

    mailboxes: Mailboxes
    answers: Answers
    pulse: Pulse
    capacity: int
    #: how often one looks for conversations that nobody announced
    look_every_s: float = 0.5
    _busy: dict[ConversationId, tuple[Claim, asyncio.Task[None]]] = field(
        default_factory=dict[ConversationId, tuple[Claim, "asyncio.Task[None]"]]
    )
    #: when announced conversations become ready, by the event loop's clock
    _due: list[float] = field(default_factory=list[float])
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _emptied: asyncio.Condition = field(default_factory=asyncio.Condition)
    #: worked on, but held by somebody else: at the last beat, and for certain
    _missing: set[Claim] = field(default_factory=set[Claim])
    _lost: set[Claim] = field(default_factory=set[Claim])
    #: held at the last beat, but not worked on
    _strays: set[Claim] = field(default_factory=set[Claim])
    #: there are conversations that only wait for room
    _is_awaited: bool = False
    #: before its first beat the others take it for dead
    _has_beaten: asyncio.Event = field(default_factory=asyncio.Event)
    _telling: asyncio.Future[None] | None = None

    @property
    def share(self) -> int:
        return max(1, self.capacity // 2)

    def ring(self, in_s: float) -> None:
        """A conversation becomes ready in so many seconds."""
        at = asyncio.get_running_loop().time() + max(in_s, 0.0)
        if not self._due or at < self._due[0]:
            self._rung.set()
        heapq.heappush(self._due, at)

    async def take_what_is_ready(self) -> None:
        """Claim and answer, until cancelled."""
        await self._has_beaten.wait()
        while True:
            claimed: Sequence[Claim] = ()
            if room := self.capacity - len(self._busy):
                claimed = await self.mailboxes.claim(
                    room, share=self.share, dead_after_s=self._patience_s
                )
                self._begin(claimed)
            if not claimed or room == 0:
                await self._rest()

    async def beat(self) -> None:
        """Say that this worker lives, and settle where it and the tables disagree."""
        before = {claim for claim, _ in self._busy.values()}
        try:
            async with asyncio.timeout(self.pulse.dead_after_s):
                await self.mailboxes.beat()
                held = set(await self.mailboxes.held())
        except (TimeoutError, DatabaseUnavailable) as away:
            self.pulse.miss()
            raise DatabaseUnavailable("no beat") from away
        self.pulse.beat()
        self._has_beaten.set()
        self._stop_what_is_lost(before - held)
        await self._hand_back_strays(held - before)

    async def drain(self, patience_s: float) -> None:
        """Claim nothing more, finish what can be finished in time, hand the rest back."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s), self._emptied:
                await self._emptied.wait_for(lambda: not self._busy)
        tasks = [task for _, task in self._busy.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        released = await self.mailboxes.release()
        await self.mailboxes.leave()
        log.info("worker.left", released=released)

    @property
    def _patience_s(self) -> float:
        return self.pulse.dead_after_s if self.pulse.is_steady else _FOR_EVER_S

    async def _rest(self) -> None:
        """Until something is due: announced, known to the tables, or not known at all."""
        loop = asyncio.get_running_loop()
        self._rung.clear()
        while self._due and self._due[0] <= loop.time():
            heapq.heappop(self._due)
        waits = [self.look_every_s]
        if len(self._busy) < self.capacity:
            in_s = await self.mailboxes.next_ready_in()
            # What is ready by now is somebody's whose share is used up: until a turn ends.
            self._is_awaited = in_s is not None and in_s <= 0
            # But for what has become so since one looked.
            waits += [in_s] if in_s is not None and in_s > -_JUST_NOW_S else []
            waits += [self._due[0] - loop.time()] if self._due else []
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(waits), 0.001)):
                await self._rung.wait()

    def _begin(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            task = asyncio.create_task(self._work_on(claim), name=f"turn-{claim.conversation_id}")
            self._busy[claim.conversation_id] = (claim, task)
            task.add_done_callback(partial(self._ended, claim))

    async def _work_on(self, claim: Claim) -> None:
        books: Books = {}
        try:
            with tracing.span("turn"):
                await self.answers.answer(claim, books)
        except asyncio.CancelledError:
            if claim not in self._lost:
                raise
            await self.answers.suppress(claim, books)

    def _ended(self, claim: Claim, task: "asyncio.Task[None]") -> None:
        known = self._busy.get(claim.conversation_id)
        if known and known[1] is task:
            del self._busy[claim.conversation_id]
        self._lost.discard(claim)
        if not task.cancelled() and (error := task.exception()):
            log.warning("turn.broke_off", error=type(error).__name__)
        if self._is_awaited or len(self._busy) == self.capacity - 1:
            self._rung.set()  # there is room again
        if not self._busy:
            # Kept, because a task that nobody refers to may be collected before it has run.
            self._telling = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._emptied:
            self._emptied.notify_all()

    def _stop_what_is_lost(self, missing: set[Claim]) -> None:
        # Twice missing: once may be one that was just decided, and is about to leave by itself.
        for claim in missing & self._missing:
            if (known := self._busy.get(claim.conversation_id)) and known[0] == claim:
                log.warning("turn.lost", conversation_id=str(claim.conversation_id))
                self._lost.add(claim)
                known[1].cancel()
        self._missing = missing

    async def _hand_back_strays(self, strays: set[Claim]) -> None:
        # Taken in a commit whose outcome we were never told. Once may be one about to begin.
        ours = {one.conversation_id for one in strays & self._strays} - self._busy.keys()
        self._strays = strays
        if ours:
            metrics.takeovers.labels("turn").inc(len(ours))
            await self.mailboxes.release(ours)

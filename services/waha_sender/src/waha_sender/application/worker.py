"""One worker process: many parts in hand at once, none of them in another's way."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from shared import logs
from shared.availability import DatabaseUnavailable
from shared.contracts import SendWhatsApp
from shared.crash_points import crash_point
from shared.pulse import Pulse
from shared.whatsapp.waha import Verdict, WahaFailed
from waha_sender.application.bookkeeping import Bookkeeping, Later
from waha_sender.application.deliveries import Claim
from waha_sender.application.ports import Leases
from waha_sender.application.sending import Sender

log = logs.get()

#: What an unsteady worker takes for the silence of the dead: none is long enough.
_FOR_EVER_S = 1e9
_MOST_OVERDUE = 200
#: Rows that are forgotten in one go: nobody waits long for their locks.
_MOST_FORGOTTEN = 1_000
_DAY_S = 86_400.0


@dataclass
class Worker:
    """At most `capacity` parts in hand, and of each session at most `share`."""

    book: Bookkeeping
    sender: Sender
    leases: Leases
    pulse: Pulse
    capacity: int = 200
    share: int = 8
    #: for so long the outcome of a message is repeated to whoever asks
    keep_days: float = 14.0
    _in_hand: dict[UUID, asyncio.Task[None]] = field(default_factory=dict[UUID, asyncio.Task[None]])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _has_beaten: bool = False
    _is_leaving: bool = False
    _telling: asyncio.Future[None] | None = None

    async def take(self, asked: SendWhatsApp, headers: Mapping[str, str]) -> None:
        """Take a message on; it leaves when it is its turn."""
        if await self.book.take(asked, headers):
            self._due.set()

    async def withdraw(self, tenant_id: UUID, message_ids: Sequence[UUID]) -> None:
        await self.book.withdraw(tenant_id, message_ids)
        self._due.set()

    async def forget(self, tenant_id: UUID, message_ids: Sequence[UUID]) -> None:
        await self.book.forget(tenant_id, message_ids)
        self._due.set()

    async def session_changed(self, tenant_id: UUID, session: str, status: str) -> None:
        await self.book.session_changed(tenant_id, session, status)
        self._due.set()

    async def send_what_is_due(self, every_s: float) -> None:
        """Take parts up as far as there is room, until cancelled."""
        while True:
            self._due.clear()
            taken = await self._claim()
            for claim in taken:
                self._begin(claim)
            if taken:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._due.wait()

    async def beat(self) -> None:
        """Say that this worker lives."""
        try:
            async with asyncio.timeout(self.pulse.dead_after_s):
                await self.leases.beat()
        except (DatabaseUnavailable, TimeoutError):
            self.pulse.miss()
            raise
        self.pulse.beat()
        self._has_beaten = True

    async def give_up_what_is_overdue(self) -> None:
        """End what could not leave for too long, whatever kept it."""
        overdue = await self.leases.overdue(
            _MOST_OVERDUE, older_than_s=self.book.give_up_after_s, patience_s=self._patience_s
        )
        for tenant_id, message_id in overdue:
            await self.book.give_up(tenant_id, message_id)

    async def tidy(self) -> None:
        """Forget what nobody asks for any more, a little at a time."""
        age_s = self.keep_days * _DAY_S
        is_more = True
        while is_more:
            forgotten = await self.leases.forget(_MOST_FORGOTTEN, older_than_s=age_s)
            is_more = forgotten >= _MOST_FORGOTTEN

    async def drain(self, patience_s: float) -> None:
        """Begin nothing more, end what can be ended in time, leave the rest to others."""
        self._is_leaving = True
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s), self._changed:
                await self._changed.wait_for(lambda: not self._in_hand)
        for task in [*self._in_hand.values()]:
            task.cancel()
        await asyncio.gather(*self._in_hand.values(), return_exceptions=True)
        await self.leases.leave()
        log.info("sender.left", dropped=len(self._in_hand))

    @property
    def _patience_s(self) -> float:
        return self.pulse.dead_after_s if self.pulse.is_steady else _FOR_EVER_S

    async def _claim(self) -> Sequence[Claim]:
        # Before its first beat the others take it for dead.
        if self._is_leaving or not self._has_beaten:
            return ()
        room = self.capacity - len(self._in_hand)
        if room <= 0:
            return ()
        claims = await self.leases.claim(
            room, share=self.share, in_hand=list(self._in_hand), patience_s=self._patience_s
        )
        crash_point("sender.claimed")
        return claims

    def _begin(self, claim: Claim) -> None:
        task = asyncio.create_task(self._work_on(claim), name=f"delivery-{claim.message_id}")
        self._in_hand[claim.lease_token] = task
        task.add_done_callback(partial(self._ended, claim))

    def _ended(self, claim: Claim, _: asyncio.Task[None]) -> None:
        self._in_hand.pop(claim.lease_token, None)
        if not self._in_hand:
            # Kept, because a task that nobody refers to may be collected before it has run.
            self._telling = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _work_on(self, claim: Claim) -> None:
        later: Later | None = None
        try:
            later = await self.sender.attempt(claim)
        except DatabaseUnavailable:
            return  # it is claimed again, by its lease token that nobody has in hand
        except Exception as error:
            log.exception("delivery.broken", message_id=str(claim.message_id))
            broken = WahaFailed("unforeseen", Verdict.AMBIGUOUS, type(error).__name__)
            with suppress(DatabaseUnavailable):
                later = await self.book.failed(claim, broken, was_asked=False)
        if later is not None:
            asyncio.get_running_loop().call_later(later.seconds, self._due.set)

"""Delivering callbacks: at least once, signed, retried for about a day."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.application.ports import CallbackSender, JobReader, OpenWork
from gateway.domain.callback import Callback, CallbackState, Verdict
from shared import logs, metrics
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import Clock

log = logs.get()

#: Callbacks on their way at once, and how many of those one receiver may keep busy.
MOST = 50
PER_HOST = 2


@dataclass
class CallbackService:
    """Sends what is due. A sender that dies leaves a row that is due again when its lease ends."""

    open_work: OpenWork
    read: JobReader
    sender: CallbackSender
    now: Clock
    jitter: Callable[[], float]
    first_pause_s: float
    #: longer than one try may take
    lease_s: float
    _sending: dict[asyncio.Task[None], str] = field(default_factory=dict[asyncio.Task[None], str])

    async def deliver_due(self) -> int:
        """Begin to send what is due, without waiting for it; returns how many were begun."""
        async with self.open_work() as work:
            due = await work.callbacks.claim(
                MOST - len(self._sending),
                lease_s=self.lease_s,
                busy=Counter(self._sending.values()),
                per_host=PER_HOST,
            )
        if due:
            crash_point("callback.claimed")
        for callback in due:
            task = asyncio.create_task(self._deliver(callback))
            self._sending[task] = callback.host
            task.add_done_callback(self._sending.pop)
        return len(due)

    async def settle(self) -> None:
        """Wait for what is on its way."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _deliver(self, callback: Callback) -> None:
        try:
            verdict = await self._send(callback)
            crash_point("callback.sent")
            callback.record(
                verdict, self.now(), first_pause_s=self.first_pause_s, jitter=self.jitter()
            )
            async with self.open_work() as work:
                is_ours = await work.callbacks.save(callback)
        except DatabaseUnavailable:
            return  # its lease ends, and it is due again
        if not is_ours:
            metrics.fenced.labels("callback").inc()
            return
        metrics.callbacks.labels(verdict.error or "delivered").inc()
        if callback.state is CallbackState.FAILED:
            log.warning("callback.failed", job_id=str(callback.job_id), reason=verdict.error)

    async def _send(self, callback: Callback) -> Verdict:
        try:
            job = await self.read.find(callback.job_id, owner=None)
            return await self.sender.send(callback, job)
        except DatabaseUnavailable:
            raise
        except Exception:
            # Nobody waits for this task: what is not written down here would go unseen.
            log.exception("callback.broken", job_id=str(callback.job_id))
            return Verdict("internal")

"""Which adapter stands behind which port of waha_sender, and what runs beside its health."""

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.outbox import Relay
from shared.interface.queues import handler
from shared.interface.service import Service
from shared.messaging import CarrierUnavailable
from shared.pulse import Pulse
from shared.runtime import Loop, every, running
from shared.settings import Jobs, Retention, Sending, Shop, load
from shared.whatsapp.connection_store import SqlConnections
from shared.whatsapp.waha import Waha
from shared.whatsapp.waha_http import http_waha, own_server, rules_for_tenants
from waha_sender.application.bookkeeping import Bookkeeping
from waha_sender.application.pacing import Rules
from waha_sender.application.sending import Sender
from waha_sender.application.worker import Worker
from waha_sender.infrastructure.lease_store import SqlLeases
from waha_sender.infrastructure.tables import SCHEMA, WAITS
from waha_sender.infrastructure.work import sql_work
from waha_sender.interface import handlers

#: Messages are rows at once: this bounds only what is read from the carrier in one go.
_PREFETCH = 100


@asynccontextmanager
async def run(base: Ground, _app: FastAPI) -> AsyncGenerator[None]:
    """waha_sender, ready to send; what it holds is left to others when the block ends."""
    if not base.platform.runs_worker:
        yield
        return
    jobs, relay, waha = (
        load(Jobs),
        Relay(base.sessions, SCHEMA, base.transport),
        http_waha(load(Shop)),
    )
    worker = _worker(base, jobs, relay, waha)
    with suppress(DatabaseUnavailable, TimeoutError):
        await worker.beat()
    around: dict[str, Loop] = {
        "waha_sender.relay": relay.run,
        "waha_sender.beat": lambda: every(jobs.heartbeat_every_s, worker.beat),
        "waha_sender.tidy": lambda: every(3_600, worker.tidy),
    }
    try:
        async with running(around):
            async with running(_taking(base, jobs, worker)):
                yield
            with suppress(DatabaseUnavailable):  # then its leases end by themselves
                await worker.drain(base.platform.drain_s)
            with suppress(CarrierUnavailable, DatabaseUnavailable):
                await relay.flush()
    finally:
        await waha.close()


def rules_from(sending: Sending) -> Rules:
    """How humanly sessions send, as the settings want it."""
    return Rules(
        is_on=sending.wa_pacing,
        messages_per_minute=sending.wa_messages_per_minute,
        chat_gap_s=sending.wa_chat_gap_s,
        typing_s_per_character=sending.wa_typing_s_per_character,
        messages_per_day=sending.wa_messages_per_day,
        first_day_messages=sending.wa_first_day_messages,
    )


def _worker(base: Ground, jobs: Jobs, relay: Relay, waha: Waha) -> Worker:
    shop, sending = load(Shop), load(Sending)
    result_queue = base.infrastructure.rabbitmq_wa_result_queue
    book = Bookkeeping(
        open_work=sql_work(base.sessions, result_queue, hand_over=relay.hand_over),
        now=base.clock,
        jitter=random.random,
        rules=rules_from(sending),
        give_up_after_s=sending.wa_give_up_after_s,
    )
    connections = SqlConnections(
        base.sessions, base.vault, rules=rules_for_tenants(shop), own=own_server(shop)
    )
    return Worker(
        book=book,
        sender=Sender(book, connections, waha),
        leases=SqlLeases(base.sessions, uuid7()),
        pulse=Pulse(jobs.worker_dead_after_s),
        # Typing takes up to eight seconds: a fast session needs many hands.
        share=max(8, sending.wa_messages_per_minute // 4),
        keep_days=load(Retention).keep_deliveries_days,
    )


def _taking(base: Ground, jobs: Jobs, worker: Worker) -> dict[str, Loop]:
    """The loops that take work on: the first to end when the process must stop."""
    heard = handler(handlers.subscriptions(worker))

    async def room() -> int:
        return _PREFETCH

    async def listen() -> None:
        await base.transport.listen(
            base.infrastructure.rabbitmq_wa_queue, heard, prefetch=_PREFETCH, room=room
        )

    return {
        "waha_sender.messages": listen,
        "waha_sender.due": lambda: worker.send_what_is_due(min(jobs.heartbeat_every_s, 0.5)),
        "waha_sender.overdue": lambda: every(jobs.sweep_every_s, worker.give_up_what_is_overdue),
    }


SERVICE = Service("waha_sender", (), run, waits=WAITS)

"""Which adapter stands behind which port of the gateway, and what runs beside its requests."""

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from gateway.application import Application
from gateway.application.callbacks import CallbackService
from gateway.application.jobs import JobService
from gateway.application.watching import Board, Watch
from gateway.infrastructure.callback_secrets import SqlCallbackSecrets
from gateway.infrastructure.callback_sender import SignedSender
from gateway.infrastructure.idempotency import forget_old_keys
from gateway.infrastructure.persistence import SqlJobReader, sql_work
from gateway.infrastructure.tables import SCHEMA, WAITS
from gateway.interface import api, handlers, secrets_api
from shared import tracing
from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.guarded_http import GuardedClient
from shared.infrastructure.outbox import Relay
from shared.infrastructure.token_stream import TokenReader
from shared.infrastructure.url_rules import rules_from
from shared.interface.parameters import Cursors
from shared.interface.queues import handler
from shared.interface.service import Service
from shared.llm.budget_store import SqlBudgets
from shared.llm.store import CachedCatalogue
from shared.messaging import CarrierUnavailable
from shared.runtime import Loop, every, running
from shared.settings import Jobs, Models, load

#: Results that may be handed to the gateway before it has stored the last ones.
PREFETCH = 500


@asynccontextmanager
async def run(base: Ground, app: FastAPI) -> AsyncGenerator[None]:
    """The gateway, ready to answer; its loops end with the block."""
    settings = load(Jobs)
    relay = Relay(base.sessions, SCHEMA, base.transport)
    board = Board(SqlJobReader(base.sessions))
    rules = rules_from(settings.callback_allowed_hosts, allow_http=settings.callback_allow_http)
    client = GuardedClient(rules, total_s=settings.callback_timeout_s)
    try:
        menu = app.state.gateway = _application(base, settings, relay, board, client)
        loops: dict[str, Loop] = {"gateway.relay": relay.run, "gateway.board": board.run}
        if base.platform.runs_worker:
            loops |= _worker_loops(base, menu, settings)
        async with running(loops):
            yield
        await menu.callbacks.settle()
        with suppress(CarrierUnavailable, DatabaseUnavailable):
            await relay.flush()
    finally:
        await client.close()


def _application(
    base: Ground, settings: Jobs, relay: Relay, board: Board, client: GuardedClient
) -> Application:
    open_work = sql_work(
        base.sessions,
        task_queue=base.infrastructure.rabbitmq_task_queue,
        reask_after_s=settings.reask_after_s,
        hand_over=relay.hand_over,
    )
    secrets = SqlCallbackSecrets(base.sessions, base.vault)
    return Application(
        jobs=JobService(
            open_work=open_work,
            catalogue=CachedCatalogue(base.sessions),
            now=base.clock,
            new_id=uuid7,
            trace=tracing.inject,
            patience_s=settings.job_deadline_s,
        ),
        read=board.read,
        watch=Watch(board.read, board, TokenReader(base.hints)),
        callbacks=CallbackService(
            open_work=open_work,
            read=board.read,
            sender=SignedSender(client, secrets),
            now=base.clock,
            jitter=random.random,
            first_pause_s=settings.callback_retry_base_s,
            lease_s=settings.callback_timeout_s * 4,
        ),
        callback_secrets=secrets,
        budgets=SqlBudgets(base.sessions, platform_daily_usd=load(Models).llm_daily_budget_usd),
        cursors=Cursors(base.vault.key_for("cursors")),
        check_callback_url=client.rules.check,
    )


def _worker_loops(base: Ground, app: Application, settings: Jobs) -> dict[str, Loop]:
    results = handler(handlers.subscriptions(app.jobs))

    async def always_room() -> int:
        return PREFETCH

    async def sweep() -> None:
        while await app.jobs.sweep() >= 200:
            pass

    async def listen() -> None:
        queue = base.infrastructure.rabbitmq_result_queue
        await base.transport.listen(queue, results, prefetch=PREFETCH, room=always_room)

    async def deliver() -> None:
        await every(0.5, app.callbacks.deliver_due)

    async def tidy() -> None:
        await every(3_600, lambda: forget_old_keys(base.sessions, timedelta(hours=24)))

    return {
        "gateway.results": listen,
        "gateway.sweep": lambda: every(settings.sweep_every_s, sweep),
        "gateway.callbacks": deliver,
        "gateway.tidy": tidy,
    }


SERVICE = Service("gateway", (api.router, secrets_api.router), run, waits=WAITS)

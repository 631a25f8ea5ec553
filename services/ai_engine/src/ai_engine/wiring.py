"""Which adapter stands behind which port of ai_engine, and what runs beside its requests."""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from ai_engine.application.processing import Desk, ProcessingService
from ai_engine.application.runs import RunService
from ai_engine.application.worker import Worker
from ai_engine.infrastructure.agent_store import CachedAgents, seed_agents, sql_configuration
from ai_engine.infrastructure.graph import AgentGraph
from ai_engine.infrastructure.run_store import forget_old_runs
from ai_engine.infrastructure.tables import SCHEMA, WAITS
from ai_engine.infrastructure.thread_store import SqlThreadHistory
from ai_engine.infrastructure.work import sql_work
from ai_engine.interface import config_api, handlers
from ai_engine.interface.administration import Administration
from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.database import transaction
from shared.infrastructure.outbox import Relay
from shared.infrastructure.token_stream import TokenWriter
from shared.interface.queues import handler
from shared.interface.service import Service
from shared.llm.budget_store import SqlBudgets
from shared.llm.models import LangChainModels
from shared.llm.store import CachedCatalogue
from shared.llm.usage import Group, UsageFilter, UsageSum, sums
from shared.messaging import CarrierUnavailable
from shared.pulse import Pulse
from shared.runtime import Loop, every, once, running
from shared.settings import Jobs, Models, load, variables


@asynccontextmanager
async def run(base: Ground, app: FastAPI) -> AsyncGenerator[None]:
    """ai_engine, ready to work; what it holds is handed back when the block ends."""
    relay = Relay(base.sessions, SCHEMA, base.transport)
    app.state.ai_engine = _administration(base)
    if not base.platform.runs_worker:
        yield
        return
    settings = load(Jobs)
    models = LangChainModels(
        keys=variables().get,
        offline_delay_s=load(Models).offline_delay_s,
        limit_per_endpoint=max(200, settings.worker_concurrency),
    )
    tokens = TokenWriter(base.hints)
    desk = _desk(base, models)
    graph = AgentGraph(desk)
    worker = _worker(base, settings, ProcessingService(desk, graph), tokens, relay)
    with suppress(DatabaseUnavailable):
        await worker.beat()
    around: dict[str, Loop] = {
        "ai_engine.relay": relay.run,
        "ai_engine.tokens": tokens.run,
        "ai_engine.beat": lambda: every(settings.heartbeat_every_s, worker.beat),
        "ai_engine.begun": worker.tell_what_takes_long,
        "ai_engine.tidy": lambda: every(3_600, lambda: forget_old_runs(base.sessions)),
        "ai_engine.warm_up": lambda: once(partial(_warm_up, base, models, graph)),
    }
    try:
        async with running(around):
            async with running(_taking(base, settings, worker)):
                yield
            with suppress(DatabaseUnavailable):  # then its leases end by themselves
                await worker.drain(base.platform.drain_s)
            with suppress(CarrierUnavailable, DatabaseUnavailable):
                await relay.flush()
    finally:
        await models.close()


async def _warm_up(base: Ground, models: LangChainModels, graph: AgentGraph) -> None:
    """Their libraries take seconds to load: neither the start nor the first job waits for them."""
    catalogue = await CachedCatalogue(base.sessions)()
    present = _keys_present()
    await models.warm_up(
        [one for one in catalogue.configs.values() if one.is_active and one.api_key_env in present]
    )
    await graph.warm_up()


def _budgets(base: Ground) -> SqlBudgets:
    cap = load(Models).llm_daily_budget_usd
    return SqlBudgets(base.sessions, platform_daily_usd=cap)


def _keys_present() -> frozenset[str]:
    return frozenset(name for name, value in variables().items() if value)


def _administration(base: Ground) -> Administration:
    async def usage(wanted: UsageFilter, by: Sequence[Group]) -> Sequence[UsageSum]:
        async with transaction(base.sessions) as session:
            return await sums(session, wanted, by=by)

    return Administration(
        configuration=sql_configuration(base.sessions),
        standings=_budgets(base).standings,
        usage=usage,
        keys_present=_keys_present(),
        now=base.clock,
    )


def _desk(base: Ground, models: LangChainModels) -> Desk:
    return Desk(
        catalogue=CachedCatalogue(base.sessions),
        models=models,
        agents=CachedAgents(base.sessions),
        budgets=_budgets(base),
        keys_present=_keys_present(),
    )


def _worker(
    base: Ground,
    settings: Jobs,
    processing: ProcessingService,
    tokens: TokenWriter,
    relay: Relay,
) -> Worker:
    open_work = sql_work(
        base.sessions,
        worker_id=uuid7(),
        result_queue=base.infrastructure.rabbitmq_result_queue,
        dead_after_s=settings.worker_dead_after_s,
        hand_over=relay.hand_over,
    )
    return Worker(
        runs=RunService(
            open_work=open_work,
            jitter=random.random,
            max_attempts=settings.max_attempts,
            retry_base_s=settings.retry_base_s,
            result_limit_bytes=settings.result_limit_bytes,
            pulse=Pulse(settings.worker_dead_after_s),
        ),
        processing=processing,
        history=SqlThreadHistory(base.sessions),
        tokens=tokens,
        now=base.clock,
        capacity=settings.worker_concurrency,
    )


def _taking(base: Ground, settings: Jobs, worker: Worker) -> dict[str, Loop]:
    """The loops that take work on: the first to end when the process must stop."""
    tasks = handler(handlers.subscriptions(worker))

    async def listen() -> None:
        await base.transport.listen(
            base.infrastructure.rabbitmq_task_queue,
            tasks,
            prefetch=settings.worker_concurrency,
            room=worker.room,
        )

    return {
        "ai_engine.tasks": listen,
        "ai_engine.due": lambda: worker.take_what_is_due(min(settings.heartbeat_every_s, 0.5)),
        "ai_engine.take_over": lambda: every(settings.heartbeat_every_s, worker.runs.take_over),
        # A loop of its own: others may die while a suspect runs.
        "ai_engine.suspects": lambda: every(settings.heartbeat_every_s, worker.take_a_suspect),
    }


SERVICE = Service("ai_engine", config_api.routers, run, seeds=(seed_agents,), waits=WAITS)

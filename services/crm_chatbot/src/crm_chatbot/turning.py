"""What stands behind turns: models, tools, places, and the loops that take conversations up."""

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from uuid_utils.compat import uuid7

from crm_chatbot.application import Application
from crm_chatbot.application.ports import OpenWork
from crm_chatbot.application.turns.answering import Agent
from crm_chatbot.application.turns.closing import Closing
from crm_chatbot.application.turns.desk import Desk
from crm_chatbot.application.turns.facts import FactCheck
from crm_chatbot.application.turns.mailbox import Worker
from crm_chatbot.application.turns.media import MediaReader
from crm_chatbot.application.turns.patience import Patience
from crm_chatbot.application.turns.service import TurnService
from crm_chatbot.application.turns.steps import Steps
from crm_chatbot.application.turns.tools.registry import every_tool
from crm_chatbot.application.turns.tools.toolbox import Toolbox
from crm_chatbot.background import PREFETCH
from crm_chatbot.domain.turns.turn import TurnLimits
from crm_chatbot.infrastructure.turns.history_cache import RedisHistories
from crm_chatbot.infrastructure.turns.mailbox_store import SqlMailboxes
from crm_chatbot.infrastructure.turns.media_reader import WahaMediaReader
from crm_chatbot.infrastructure.turns.places import Places, taking_turns
from crm_chatbot.infrastructure.turns.warming import WarmedUp
from crm_chatbot.interface.bell import bell
from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.interface.queues import handler
from shared.llm.budget_store import SqlBudgets
from shared.llm.models import LangChainModels
from shared.llm.offline_shop import SHOP_MARKER
from shared.llm.store import CachedCatalogue
from shared.pulse import Pulse
from shared.runtime import Loop, every, once, running
from shared.settings import Jobs, Models, Shop, load, variables


@asynccontextmanager
async def answering(base: Ground, menu: Application) -> AsyncGenerator[None]:
    """Conversations are answered while the block lasts; what is held is handed back at its end."""
    jobs, shop = load(Jobs), load(Shop)
    models = LangChainModels(
        keys=variables().get,
        offline_delay_s=load(Models).offline_delay_s,
        limit_per_endpoint=max(200, shop.turn_concurrency),
    )
    places = Places(max(1, base.infrastructure.database_pool_size // 2), menu.inbound.courtesy)
    open_turn = taking_turns(menu.open_work, places)
    desk = _desk(base, models)
    agent = WarmedUp(lambda: _agent(base, desk, open_turn, places))
    reader = WahaMediaReader(menu.connections, menu.waha, desk)
    worker = _worker(base, agent, open_turn, reader)
    with suppress(DatabaseUnavailable):
        await worker.beat()
    around: dict[str, Loop] = {
        "crm_chatbot.beat": lambda: every(jobs.heartbeat_every_s, worker.beat),
        "crm_chatbot.warm_up": lambda: once(agent.warm_up),
    }
    try:
        async with running(around):
            async with running(_taking(base, worker)):
                yield
            with suppress(DatabaseUnavailable):  # then its leases end by themselves
                await worker.drain(base.platform.drain_s)
    finally:
        await models.close()


def _desk(base: Ground, models: LangChainModels) -> Desk:
    return Desk(
        catalogue=CachedCatalogue(base.sessions),
        models=models,
        budgets=SqlBudgets(base.sessions, platform_daily_usd=load(Models).llm_daily_budget_usd),
        keys_present=frozenset(name for name, value in variables().items() if value),
        marker=SHOP_MARKER,
        hearing=models,
    )


def _agent(base: Ground, desk: Desk, open_turn: OpenWork, places: Places) -> Agent:
    from crm_chatbot.infrastructure.turns.graph import TurnGraph  # noqa: PLC0415 - a second to load

    tools = every_tool(new_id=uuid7, patience_s=load(Shop).resend_ask_after_s)
    steps = Steps(desk, Toolbox(open_turn, tools), FactCheck(open_turn), _limits())
    return TurnGraph(steps, base.sessions, places=places)


def _limits() -> TurnLimits:
    return TurnLimits(seconds=load(Shop).turn_deadline_s)


def _worker(base: Ground, agent: Agent, open_turn: OpenWork, read_media: MediaReader) -> Worker:
    jobs, shop = load(Jobs), load(Shop)
    closing = Closing(
        open_work=open_turn,
        now=base.clock,
        new_id=uuid7,
        patience_s=shop.resend_ask_after_s,
        retry_base_s=jobs.retry_base_s,
        jitter=random.random,
    )
    return Worker(
        mailboxes=SqlMailboxes(base.sessions, uuid7()),
        answers=TurnService(
            open_work=open_turn,
            agent=agent,
            patience=Patience(
                open_work=open_turn,
                now=base.clock,
                after_s=shop.turn_patience_s,
                resend_after_s=shop.resend_ask_after_s,
            ),
            histories=RedisHistories(base.hints, ttl_s=shop.conversation_ttl),
            closing=closing,
            now=base.clock,
            new_id=uuid7,
            read_media=read_media,
            limits=_limits(),
        ),
        pulse=Pulse(jobs.worker_dead_after_s),
        capacity=shop.turn_concurrency,
    )


def _taking(base: Ground, worker: Worker) -> dict[str, Loop]:
    """The loops that take work on: the first to end when the process must stop."""
    heard = handler([bell(worker)])

    async def room() -> int:
        return PREFETCH

    async def listen() -> None:
        queue = base.infrastructure.rabbitmq_crm_queue
        await base.transport.listen(queue, heard, prefetch=PREFETCH, room=room)

    return {"crm_chatbot.bell": listen, "crm_chatbot.turns": worker.take_what_is_ready}

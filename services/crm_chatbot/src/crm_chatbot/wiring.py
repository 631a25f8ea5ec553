"""Which adapter stands behind which port of crm_chatbot, and what runs beside its requests."""

import random
from asyncio import Semaphore
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from crm_chatbot.application import Application, WebhookRules
from crm_chatbot.application.answering import Agent
from crm_chatbot.application.callbacks import CallbackService
from crm_chatbot.application.catalog import CatalogService
from crm_chatbot.application.catch_up import Reminder
from crm_chatbot.application.closing import Closing
from crm_chatbot.application.concerns import ConcernService
from crm_chatbot.application.conversations import ConversationService
from crm_chatbot.application.customers import CustomerService
from crm_chatbot.application.desk import Desk
from crm_chatbot.application.facts import FactCheck
from crm_chatbot.application.importing import ImportService
from crm_chatbot.application.inbound import InboundService
from crm_chatbot.application.looking import Looking
from crm_chatbot.application.mailbox import Worker
from crm_chatbot.application.media import MediaReader
from crm_chatbot.application.order_desk import OrderService
from crm_chatbot.application.patience import Patience
from crm_chatbot.application.payment_asking import Asking
from crm_chatbot.application.payment_desk import PaymentDesk
from crm_chatbot.application.payment_worker import PaymentLoop, PaymentService
from crm_chatbot.application.ports import OpenWork
from crm_chatbot.application.registry import every_tool
from crm_chatbot.application.shop_rules import ShopRules
from crm_chatbot.application.steps import Steps
from crm_chatbot.application.tenants import TenantService
from crm_chatbot.application.tools import Toolbox
from crm_chatbot.application.turns import TurnService
from crm_chatbot.background import PREFETCH, background_loops
from crm_chatbot.domain.turn import TurnLimits
from crm_chatbot.infrastructure.columns import SCHEMA
from crm_chatbot.infrastructure.conversation_reader import SqlConversationReader, SqlDirectory
from crm_chatbot.infrastructure.history_cache import RedisHistories
from crm_chatbot.infrastructure.mailbox_store import SqlMailboxes
from crm_chatbot.infrastructure.media_reader import WahaMediaReader
from crm_chatbot.infrastructure.payment_account_store import SqlPaymentAccounts
from crm_chatbot.infrastructure.payment_gateways import (
    READERS,
    Gateways,
    gateways,
    own_accounts,
)
from crm_chatbot.infrastructure.payment_store import SqlPaymentDirectory
from crm_chatbot.infrastructure.payment_tables import PAYMENT_WAITS
from crm_chatbot.infrastructure.places import Places, taking_turns
from crm_chatbot.infrastructure.seeds import seed_templates
from crm_chatbot.infrastructure.tables import WAITS
from crm_chatbot.infrastructure.tenant_store import SqlTenantList
from crm_chatbot.infrastructure.waha_events import event_in
from crm_chatbot.infrastructure.warming import WarmedUp
from crm_chatbot.infrastructure.work import Queues, sql_work
from crm_chatbot.interface import (
    concerns_api,
    conversations_api,
    customers_api,
    import_api,
    orders_api,
    payment_callback_api,
    payments_api,
    products_api,
    shop_rules_api,
    tenant_keys_api,
    tenants_api,
    webhook_api,
    whatsapp_api,
)
from crm_chatbot.interface.administration import Administration
from crm_chatbot.interface.bell import bell
from crm_chatbot.interface.payments_api import Till
from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.api_keys import ApiKeys
from shared.infrastructure.outbox import Relay
from shared.interface.parameters import Cursors
from shared.interface.queues import handler
from shared.interface.service import Service
from shared.llm.budget_store import SqlBudgets
from shared.llm.models import LangChainModels
from shared.llm.offline_shop import SHOP_MARKER
from shared.llm.store import CachedCatalogue
from shared.messaging import CarrierUnavailable
from shared.pulse import Pulse
from shared.runtime import Loop, every, once, running
from shared.settings import Jobs, Models, Platform, Shop, load, variables
from shared.whatsapp.connection_store import SqlConnections
from shared.whatsapp.waha import Waha
from shared.whatsapp.waha_http import http_waha, own_server, rules_for_tenants


@asynccontextmanager
async def run(base: Ground, app: FastAPI) -> AsyncGenerator[None]:
    """crm_chatbot, ready to answer; its loops end with the block."""
    relay = Relay(base.sessions, SCHEMA, base.transport)
    waha, providers = http_waha(load(Shop)), gateways(load(Shop))
    try:
        menu = app.state.crm_chatbot = _application(base, relay, waha)
        app.state.crm_administration = _administration(base, menu)
        paying = _paying(base, menu, providers)
        app.state.crm_till, app.state.crm_callbacks = _till(base, menu, paying)
        loops: dict[str, Loop] = {"crm_chatbot.relay": relay.run}
        if base.platform.runs_worker:
            pause_s = load(Shop).payment_poll_s
            loops |= background_loops(base, menu)
            loops["crm_chatbot.payments"] = lambda: paying.run(pause_s)
        async with running(loops), AsyncExitStack() as answering:
            if base.platform.runs_worker:
                await answering.enter_async_context(_answering(base, menu))
            yield
        with suppress(CarrierUnavailable, DatabaseUnavailable):
            await relay.flush()
    finally:
        await waha.close()
        await providers.hang_up()


def _application(base: Ground, relay: Relay, waha: Waha) -> Application:
    queues = Queues(
        own=base.infrastructure.rabbitmq_crm_queue, sender=base.infrastructure.rabbitmq_wa_queue
    )
    shop = load(Shop)
    open_work = sql_work(
        base.sessions, queues, hand_over=relay.hand_over, own_accounts=own_accounts(shop)
    )
    return Application(
        open_work=open_work,
        connections=SqlConnections(
            base.sessions, base.vault, rules=rules_for_tenants(shop), own=own_server(shop)
        ),
        waha=waha,
        inbound=InboundService(
            open_work=open_work,
            now=base.clock,
            new_id=uuid7,
            stale_after_s=shop.stale_after_s,
            patience_s=shop.resend_ask_after_s,
        ),
        understand=event_in,
        webhooks=WebhookRules(
            allows_unsigned=shop.allow_unsigned_webhooks, window_s=shop.webhook_window_s
        ),
    )


def _accounts(base: Ground) -> SqlPaymentAccounts:
    shop = load(Shop)
    allows_play = shop.allow_sandbox_payments or not load(Platform).is_production
    return SqlPaymentAccounts(
        base.sessions, base.vault, own_accounts(shop), allows_play=allows_play
    )


def _paying(base: Ground, menu: Application, providers: Gateways) -> PaymentLoop:
    shop = load(Shop)
    service = PaymentService(
        open_work=menu.open_work,
        asking=Asking(
            accounts=_accounts(base), gateways=providers.by_provider, public_url=shop.public_url
        ),
        now=base.clock,
        new_id=uuid7,
        patience_s=shop.resend_ask_after_s,
    )
    return PaymentLoop(SqlPaymentDirectory(base.sessions), service)


def _till(base: Ground, menu: Application, paying: PaymentLoop) -> tuple[Till, CallbackService]:
    desk = PaymentDesk(
        open_work=menu.open_work,
        now=base.clock,
        new_id=uuid7,
        patience_s=load(Shop).resend_ask_after_s,
        bell=paying.bell,
    )
    callbacks = CallbackService(
        open_work=menu.open_work,
        accounts=_accounts(base),
        directory=paying.directory,
        readers=READERS,
        now=base.clock,
        bell=paying.bell,
    )
    return Till(desk, callbacks.accounts, paying.directory), callbacks


def _administration(base: Ground, menu: Application) -> Administration:
    return Administration(
        tenants=TenantService(
            open_work=menu.open_work,
            connections=menu.connections,
            catalogue=CachedCatalogue(base.sessions),
            now=base.clock,
            new_id=uuid7,
        ),
        every_tenant=SqlTenantList(base.sessions),
        connections=menu.connections,
        waha=menu.waha,
        keys=ApiKeys(base.sessions),
        cursors=Cursors(base.vault.key_for("cursors")),
        conversations=ConversationService(
            open_work=menu.open_work,
            now=base.clock,
            new_id=uuid7,
            patience_s=load(Shop).resend_ask_after_s,
        ),
        customers=CustomerService(
            menu.open_work,
            RedisHistories(base.hints, ttl_s=load(Shop).conversation_ttl),
            base.clock,
        ),
        looking=Looking(SqlConversationReader(base.sessions), SqlDirectory(base.sessions)),
        reminder=Reminder(menu.open_work, base.clock),
        catalog=CatalogService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        imports=ImportService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        orders=OrderService(open_work=menu.open_work, now=base.clock),
        rules=ShopRules(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        concerns=ConcernService(open_work=menu.open_work, now=base.clock),
    )


@asynccontextmanager
async def _answering(base: Ground, menu: Application) -> AsyncGenerator[None]:
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


def _agent(base: Ground, desk: Desk, open_turn: OpenWork, places: Semaphore) -> Agent:
    from crm_chatbot.infrastructure.graph import TurnGraph  # noqa: PLC0415 - a second to load

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


ROUTERS = (
    tenants_api.router,
    tenant_keys_api.router,
    whatsapp_api.router,
    webhook_api.router,
    conversations_api.router,
    customers_api.router,
    payment_callback_api.router,
    payments_api.router,
    import_api.router,
    products_api.router,
    orders_api.router,
    shop_rules_api.router,
    concerns_api.router,
)

SERVICE = Service(
    "crm_chatbot", ROUTERS, run, seeds=(seed_templates,), waits=(*WAITS, PAYMENT_WAITS)
)

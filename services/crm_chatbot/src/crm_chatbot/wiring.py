"""Which adapter stands behind which port of crm_chatbot, and what runs beside its requests."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from crm_chatbot.application import Application, WebhookRules
from crm_chatbot.application.automation_rules import AutomationRules
from crm_chatbot.application.catalog.importing import ImportService
from crm_chatbot.application.catalog.service import CatalogService
from crm_chatbot.application.conversations.looking import Looking
from crm_chatbot.application.conversations.service import ConversationService
from crm_chatbot.application.customers import CustomerService
from crm_chatbot.application.feed import Feed
from crm_chatbot.application.labelling import Labelling
from crm_chatbot.application.labels import LabelService
from crm_chatbot.application.orders.concerns import ConcernService
from crm_chatbot.application.orders.desk import OrderService
from crm_chatbot.application.orders.shop_rules import ShopRules
from crm_chatbot.application.ports import Means
from crm_chatbot.application.quick_replies import QuickReplyService
from crm_chatbot.application.quick_reply_sending import QuickReplySending
from crm_chatbot.application.tenants import TenantService
from crm_chatbot.application.tickets.boards import BoardService
from crm_chatbot.application.tickets.clock import TargetService
from crm_chatbot.application.tickets.templates import TicketTemplateService
from crm_chatbot.application.tickets.tickets import TicketService
from crm_chatbot.application.whatsapp.catch_up import Reminder
from crm_chatbot.application.whatsapp.inbound import InboundService
from crm_chatbot.background import background_loops
from crm_chatbot.infrastructure.columns import SCHEMA
from crm_chatbot.infrastructure.conversations.reader import SqlConversationReader, SqlDirectory
from crm_chatbot.infrastructure.feed import LocalFeed, telling
from crm_chatbot.infrastructure.payments.gateways import (
    gateways,
    own_accounts,
)
from crm_chatbot.infrastructure.payments.tables import PAYMENT_WAITS
from crm_chatbot.infrastructure.redis_feed import RedisFeed
from crm_chatbot.infrastructure.tables import WAITS
from crm_chatbot.infrastructure.tenant_store import SqlTenantList
from crm_chatbot.infrastructure.turns.history_cache import RedisHistories
from crm_chatbot.infrastructure.turns.seeds import seed_templates
from crm_chatbot.infrastructure.whatsapp.waha_events import event_in
from crm_chatbot.infrastructure.work import Queues, sql_work
from crm_chatbot.interface import events_api
from crm_chatbot.interface.administration import Administration
from crm_chatbot.interface.automation import api as automation_api
from crm_chatbot.interface.catalog import api as products_api
from crm_chatbot.interface.catalog import import_api
from crm_chatbot.interface.conversations import api as conversations_api
from crm_chatbot.interface.customers import api as customers_api
from crm_chatbot.interface.labels import api as labels_api
from crm_chatbot.interface.orders import api as orders_api
from crm_chatbot.interface.orders import concerns_api, shop_rules_api
from crm_chatbot.interface.payments import api as payments_api
from crm_chatbot.interface.payments import callback_api
from crm_chatbot.interface.quick_replies import api as quick_replies_api
from crm_chatbot.interface.tenants import api as tenants_api
from crm_chatbot.interface.tenants import keys_api
from crm_chatbot.interface.tickets import boards_api, targets_api, templates_api, tickets_api
from crm_chatbot.interface.whatsapp import api as whatsapp_api
from crm_chatbot.interface.whatsapp import webhook_api
from crm_chatbot.paying import paying_loop, till
from crm_chatbot.turning import answering
from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.api_keys import ApiKeys
from shared.infrastructure.outbox import Relay
from shared.infrastructure.redis import Hints
from shared.interface.parameters import Cursors
from shared.interface.service import Service
from shared.llm.store import CachedCatalogue
from shared.messaging import CarrierUnavailable
from shared.runtime import Loop, running
from shared.settings import Shop, load
from shared.whatsapp.connection_store import SqlConnections
from shared.whatsapp.waha import Waha
from shared.whatsapp.waha_http import http_waha, own_server, rules_for_tenants


@asynccontextmanager
async def run(base: Ground, app: FastAPI) -> AsyncGenerator[None]:
    """crm_chatbot, ready to answer; its loops end with the block."""
    async with _feed(base) as feed, _running(base, app, feed):
        yield


@asynccontextmanager
async def _feed(base: Ground) -> AsyncGenerator[Feed]:
    if base.redis_url is None:
        yield LocalFeed(base.clock)
        return
    # Nobody waits for what is published: it may take longer than hints, and not hold them up.
    patient = Hints(base.redis_url, timeout_s=2.0, pause_s=1.0)
    feed = RedisFeed(base.redis_url, patient, base.clock)
    async with running(feed.loops):
        yield feed
    await feed.close()
    await patient.close()


@asynccontextmanager
async def _running(base: Ground, app: FastAPI, feed: Feed) -> AsyncGenerator[None]:
    relay = Relay(base.sessions, SCHEMA, base.transport)
    waha, providers = http_waha(load(Shop)), gateways(load(Shop))
    try:
        menu = app.state.crm_chatbot = _application(base, relay, waha, feed)
        app.state.crm_administration = _administration(base, menu, feed)
        paying = paying_loop(base, menu, providers)
        app.state.crm_till, app.state.crm_callbacks = till(base, menu, paying)
        loops: dict[str, Loop] = {"crm_chatbot.relay": relay.run}
        if base.platform.runs_worker:
            pause_s = load(Shop).payment_poll_s
            loops |= background_loops(base, menu)
            loops["crm_chatbot.payments"] = lambda: paying.run(pause_s)
        async with running(loops), AsyncExitStack() as work:
            if base.platform.runs_worker:
                await work.enter_async_context(answering(base, menu))
            yield
        with suppress(CarrierUnavailable, DatabaseUnavailable):
            await relay.flush()
    finally:
        await waha.close()
        await providers.hang_up()


def _application(base: Ground, relay: Relay, waha: Waha, feed: Feed) -> Application:
    queues = Queues(
        own=base.infrastructure.rabbitmq_crm_queue, sender=base.infrastructure.rabbitmq_wa_queue
    )
    shop = load(Shop)
    open_work = sql_work(
        base.sessions,
        queues,
        hand_over=relay.hand_over,
        tell=telling(feed, base.clock),
        own_accounts=own_accounts(shop),
        means=Means(new_id=uuid7, patience_s=shop.resend_ask_after_s),
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


def _conversations(base: Ground, menu: Application) -> ConversationService:
    patience_s = load(Shop).resend_ask_after_s
    return ConversationService(
        open_work=menu.open_work, now=base.clock, new_id=uuid7, patience_s=patience_s
    )


def _administration(base: Ground, menu: Application, feed: Feed) -> Administration:
    conversations = _conversations(base, menu)
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
        conversations=conversations,
        customers=CustomerService(
            menu.open_work,
            RedisHistories(base.hints, ttl_s=load(Shop).conversation_ttl),
            base.clock,
        ),
        labels=LabelService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        labelling=Labelling(open_work=menu.open_work, now=base.clock),
        looking=Looking(SqlConversationReader(base.sessions), SqlDirectory(base.sessions)),
        reminder=Reminder(menu.open_work, base.clock),
        catalog=CatalogService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        imports=ImportService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        orders=OrderService(open_work=menu.open_work, now=base.clock),
        rules=ShopRules(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        concerns=ConcernService(open_work=menu.open_work, now=base.clock),
        ticket_targets=TargetService(menu.open_work),
        automation=AutomationRules(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        feed=feed,
        tell=telling(feed, base.clock),
        tickets=TicketService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        boards=BoardService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        ticket_templates=TicketTemplateService(
            open_work=menu.open_work, now=base.clock, new_id=uuid7
        ),
        quick_replies=QuickReplyService(open_work=menu.open_work, now=base.clock, new_id=uuid7),
        say_quick_reply=QuickReplySending(conversations),
    )


ROUTERS = (
    tenants_api.router,
    keys_api.router,
    whatsapp_api.router,
    webhook_api.router,
    conversations_api.router,
    customers_api.router,
    labels_api.router,
    callback_api.router,
    payments_api.router,
    import_api.router,
    products_api.router,
    orders_api.router,
    shop_rules_api.router,
    concerns_api.router,
    targets_api.router,
    automation_api.router,
    events_api.router,
    tickets_api.router,
    boards_api.router,
    templates_api.router,
    quick_replies_api.router,
)

SERVICE = Service(
    "crm_chatbot", ROUTERS, run, seeds=(seed_templates,), waits=(*WAITS, PAYMENT_WAITS)
)

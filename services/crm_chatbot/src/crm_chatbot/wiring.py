"""Which adapter stands behind which port of crm_chatbot, and what runs beside its requests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from crm_chatbot.application import Application
from crm_chatbot.application.conversations import ConversationService
from crm_chatbot.application.customers import CustomerService
from crm_chatbot.application.looking import Looking
from crm_chatbot.application.tenants import TenantService
from crm_chatbot.infrastructure.conversation_reader import SqlConversationReader, SqlDirectory
from crm_chatbot.infrastructure.history_cache import RedisHistories
from crm_chatbot.infrastructure.tables import SCHEMA, WAITS
from crm_chatbot.infrastructure.tenant_store import SqlTenantList
from crm_chatbot.infrastructure.work import Queues, sql_work
from crm_chatbot.interface import (
    conversations_api,
    customers_api,
    tenant_keys_api,
    tenants_api,
    whatsapp_api,
)
from crm_chatbot.interface.administration import Administration
from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.api_keys import ApiKeys
from shared.infrastructure.outbox import Relay
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
    relay = Relay(base.sessions, SCHEMA, base.transport)
    waha = http_waha(load(Shop))
    try:
        menu = app.state.crm_chatbot = _application(base, relay, waha)
        app.state.crm_administration = _administration(base, menu)
        loops: dict[str, Loop] = {"crm_chatbot.relay": relay.run}
        if base.platform.runs_worker:
            loops |= _worker_loops(base, menu)
        async with running(loops):
            yield
        with suppress(CarrierUnavailable, DatabaseUnavailable):
            await relay.flush()
    finally:
        await waha.close()


def _application(base: Ground, relay: Relay, waha: Waha) -> Application:
    queues = Queues(
        own=base.infrastructure.rabbitmq_crm_queue, sender=base.infrastructure.rabbitmq_wa_queue
    )
    shop = load(Shop)
    return Application(
        open_work=sql_work(base.sessions, queues, hand_over=relay.hand_over),
        connections=SqlConnections(
            base.sessions, base.vault, rules=rules_for_tenants(shop), own=own_server(shop)
        ),
        waha=waha,
    )


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
    )


def _worker_loops(_base: Ground, _app: Application) -> dict[str, Loop]:
    return {}


ROUTERS = (
    tenants_api.router,
    tenant_keys_api.router,
    whatsapp_api.router,
    conversations_api.router,
    customers_api.router,
)

SERVICE = Service("crm_chatbot", ROUTERS, run, waits=WAITS)

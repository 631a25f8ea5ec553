"""Which adapter stands behind which port of crm_chatbot, and what runs beside its requests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from crm_chatbot.application import Application
from crm_chatbot.infrastructure.tables import SCHEMA, WAITS
from crm_chatbot.infrastructure.work import Queues, sql_work
from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.outbox import Relay
from shared.interface.service import Service
from shared.messaging import CarrierUnavailable
from shared.runtime import Loop, running


@asynccontextmanager
async def run(base: Ground, app: FastAPI) -> AsyncGenerator[None]:
    """crm_chatbot, ready to answer; its loops end with the block."""
    relay = Relay(base.sessions, SCHEMA, base.transport)
    menu = app.state.crm_chatbot = _application(base, relay)
    loops: dict[str, Loop] = {"crm_chatbot.relay": relay.run}
    if base.platform.runs_worker:
        loops |= _worker_loops(base, menu)
    async with running(loops):
        yield
    with suppress(CarrierUnavailable, DatabaseUnavailable):
        await relay.flush()


def _application(base: Ground, relay: Relay) -> Application:
    queues = Queues(
        own=base.infrastructure.rabbitmq_crm_queue, sender=base.infrastructure.rabbitmq_wa_queue
    )
    open_work = sql_work(base.sessions, queues, hand_over=relay.hand_over)
    return Application(open_work=open_work)


def _worker_loops(_base: Ground, _app: Application) -> dict[str, Loop]:
    return {}


SERVICE = Service("crm_chatbot", (), run, waits=WAITS)

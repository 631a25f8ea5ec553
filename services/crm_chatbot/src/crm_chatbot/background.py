"""What runs beside the requests and the turns: reports, sweeps, and looks into WAHA's memory."""

from uuid_utils.compat import uuid7

from crm_chatbot.application import Application
from crm_chatbot.application.conversations.results import ResultService
from crm_chatbot.application.orders.sweeping import OrderSweeper
from crm_chatbot.application.retention import Kept, Retention
from crm_chatbot.application.sweeping import Sweeper
from crm_chatbot.application.ticket_sweeping import TicketSweeper
from crm_chatbot.application.whatsapp.catch_up import CatchUp
from crm_chatbot.application.whatsapp.history import History
from crm_chatbot.application.whatsapp.resolving import Resolver
from crm_chatbot.infrastructure.attic import SqlAttic
from crm_chatbot.infrastructure.backlog_store import SqlBacklog
from crm_chatbot.infrastructure.whatsapp.waha_history import chat_in, events_in
from crm_chatbot.interface import handlers
from shared import settings
from shared.ground import Ground
from shared.interface.queues import handler
from shared.runtime import Loop, every
from shared.settings import Jobs, Shop, load

#: Messages from the carrier that may be in hand at once.
PREFETCH = 500


def background_loops(base: Ground, menu: Application) -> dict[str, Loop]:
    """Each may run in any number of processes."""
    pause_s = load(Jobs).sweep_every_s
    sweeper, resolver, catch_up = _sweeper(base, menu), _resolver(base, menu), _catch_up(base, menu)
    return {
        "crm_chatbot.results": _results(base, menu),
        "crm_chatbot.ask_again": lambda: every(pause_s, sweeper.ask_again),
        "crm_chatbot.hand_back": lambda: every(pause_s, sweeper.hand_back),
        "crm_chatbot.expire_orders": lambda: every(pause_s, _order_sweeper(base, menu).expire),
        "crm_chatbot.note_overdue_tickets": lambda: every(
            pause_s, _ticket_sweeper(base, menu).note_overdue
        ),
        "crm_chatbot.catch_up": lambda: catch_up.run(min(pause_s, catch_up.every_s)),
        "crm_chatbot.resolve": lambda: every(pause_s, resolver.resolve),
        "crm_chatbot.forget_again": lambda: every(3_600, sweeper.forget_again),
        "crm_chatbot.tidy": lambda: every(3_600, _retention(base).tidy),
    }


def _results(base: Ground, menu: Application) -> Loop:
    results = ResultService(
        open_work=menu.open_work,
        now=base.clock,
        new_id=uuid7,
        patience_s=load(Shop).resend_ask_after_s,
    )
    heard = handler(handlers.subscriptions(results))

    async def room() -> int:
        return PREFETCH

    async def listen() -> None:
        queue = base.infrastructure.rabbitmq_wa_result_queue
        await base.transport.listen(queue, heard, prefetch=PREFETCH, room=room)

    return listen


def _sweeper(base: Ground, menu: Application) -> Sweeper:
    return Sweeper(
        backlog=SqlBacklog(base.sessions),
        open_work=menu.open_work,
        now=base.clock,
        new_id=uuid7,
        patience_s=load(Shop).resend_ask_after_s,
    )


def _order_sweeper(base: Ground, menu: Application) -> OrderSweeper:
    return OrderSweeper(
        backlog=SqlBacklog(base.sessions),
        open_work=menu.open_work,
        now=base.clock,
        new_id=uuid7,
        patience_s=load(Shop).resend_ask_after_s,
    )


def _ticket_sweeper(base: Ground, menu: Application) -> TicketSweeper:
    return TicketSweeper(
        backlog=SqlBacklog(base.sessions), open_work=menu.open_work, now=base.clock
    )


def _resolver(base: Ground, menu: Application) -> Resolver:
    return Resolver(
        backlog=SqlBacklog(base.sessions),
        connections=menu.connections,
        waha=menu.waha,
        inbound=menu.inbound,
    )


def _retention(base: Ground) -> Retention:
    wanted = load(settings.Retention)
    days = {
        Kept.WEBHOOKS: wanted.keep_webhooks_days,
        Kept.TIMELINES: wanted.keep_timelines_days,
        Kept.CHECKPOINTS: wanted.keep_checkpoints_days,
    }
    return Retention(SqlAttic(base.sessions), days)


def _catch_up(base: Ground, menu: Application) -> CatchUp:
    return CatchUp(
        backlog=SqlBacklog(base.sessions),
        open_work=menu.open_work,
        connections=menu.connections,
        waha=menu.waha,
        inbound=menu.inbound,
        history=History(
            waha=menu.waha,
            inbound=menu.inbound,
            open_work=menu.open_work,
            chat_in=chat_in,
            events_in=events_in,
        ),
        now=base.clock,
        every_s=load(Shop).catch_up_every_s,
    )

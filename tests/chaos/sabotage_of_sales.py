"""The mechanisms that keep stock and money right, each with a way to switch it off from outside.

As tests.chaos.sabotage, to which it belongs.
"""

import asyncio
import dataclasses
import secrets
from datetime import timedelta
from importlib import import_module
from typing import Any

from tests.chaos.sabotage import Act, Change, Found, replace, rewrite_sql, strike

#: of the commit that comes too late
LATE_S = 3.0
#: for which a payment is nobody else's: longer than all that is asked about it at once
CLAIM_S = 4.0
#: between a look and the act that trusts it
HESITATION_S = 1.0


def _brief_claims() -> None:
    """Not a mechanism but numbers: a payment that a dead worker held is looked at soon."""
    worker: Found = import_module("crm_chatbot.application.payments.worker")
    http: Found = import_module("crm_chatbot.infrastructure.payments.provider_http")
    worker.SECONDS, http.TIMEOUT_S = CLAIM_S, CLAIM_S / 3
    worker._REFUND_PAUSE = timedelta(seconds=1)
    strike("brief_claims")


def _hurry() -> None:
    """Not a mechanism but numbers: providers are asked again within seconds."""
    payment: Found = import_module("crm_chatbot.domain.payments.payment")
    payment.FIRST_PAUSE, payment.LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=2)
    payment.AFTERWARDS = tuple(timedelta(seconds=after) for after in (2, 5, 10, 20, 40))
    strike("hurry")


def _one_reference() -> None:
    """Each try asks under a name of its own, of which no row tells."""

    def asked_for(original: Act, payment: Found, *rest: Any, **named: Any) -> Found:
        asked = original(payment, *rest, **named)
        return dataclasses.replace(asked, reference=f"{asked.number}-{secrets.token_hex(6)}")

    replace("one_reference", "crm_chatbot.application.payments.asking:asked_for", asked_for)


def _known_pages() -> None:
    """A page is asked for again without a look whether the first try made one."""

    def asked_for(original: Act, *arguments: Any, **named: Any) -> Found:
        return dataclasses.replace(original(*arguments, **named), is_retry=False)

    replace("known_pages", "crm_chatbot.application.payments.asking:asked_for", asked_for)


def _stored_notice() -> None:
    """A notice is answered first, and stored seconds later."""
    pending = set[asyncio.Task[Any]]()

    async def store(original: Act, *arguments: Any) -> Found:
        async def later() -> None:
            await asyncio.sleep(LATE_S)
            await original(*arguments)

        pending.add(asyncio.create_task(later()))
        return import_module("crm_chatbot.application.payments.callbacks").CallbackOutcome.TAKEN

    replace(
        "stored_notice", "crm_chatbot.application.payments.callbacks:CallbackService._store", store
    )


def _reconciliation() -> None:
    """A provider is asked only when it has called: a notice that is lost is lost."""

    def rest(original: Act, payment: Found, now: Found) -> None:
        original(payment, now)
        if payment.status != "CREATING":
            payment.check_at = None

    replace("reconciliation", "crm_chatbot.domain.payments.payment:Payment.rest", rest)


def _known_notices() -> None:
    """A notice that is known is an error like any other."""
    rewrite_sql(
        "known_notices", r"(INSERT INTO crm\.payment_events .*) ON CONFLICT DO NOTHING", r"\1"
    )


def _effects_once() -> None:
    """Every look at money that came has the effects of the first."""

    def learn(original: Act, payment: Found, *rest: Any) -> Found:
        original(payment, *rest)
        found = payment.standing
        return found and import_module("crm_chatbot.domain.payments.payment").Change(None, found)

    async def tell(original: Act, scene: Found, change: Found, *, was_paid: bool) -> None:
        del was_paid
        await original(scene, change, was_paid=False)

    replace("effects_once", "crm_chatbot.domain.payments.payment:Payment.learn", learn)
    replace("effects_once", "crm_chatbot.application.payments.effects:_tell", tell)


def _tool_once() -> None:
    """Nobody remembers what a tool has done."""

    async def forget(*_: object, **__: object) -> None:
        return None

    store = "crm_chatbot.infrastructure.turns.store:SqlExecutions"
    replace("tool_once", f"{store}.result_of", forget)
    replace("tool_once", f"{store}.add", forget)


def _stock_lock() -> None:
    """Stock is looked at, and taken a moment later: whoever else looks sees it, too."""
    rewrite_sql("stock_lock", r"ORDER BY v\.id FOR NO KEY UPDATE OF v", "ORDER BY v.id")

    async def lock(original: Act, *arguments: Any) -> Found:
        found = await original(*arguments)
        await asyncio.sleep(HESITATION_S)
        return found

    replace(
        "stock_lock",
        "crm_chatbot.infrastructure.orders.reservation_store:SqlReservations._lock",
        lock,
    )


def _late_money() -> None:
    """Money for an order that is over is passed over."""

    async def paid(original: Act, work: Found, order: Found, **named: Any) -> Found:
        if order.status in {"EXPIRED", "CANCELLED"}:
            return order.status
        return await original(work, order, **named)

    replace("late_money", "crm_chatbot.application.payments.effects:paid", paid)


SALES: dict[str, Change] = {
    "brief_claims": _brief_claims,
    "effects_once": _effects_once,
    "hurry": _hurry,
    "known_notices": _known_notices,
    "known_pages": _known_pages,
    "late_money": _late_money,
    "one_reference": _one_reference,
    "reconciliation": _reconciliation,
    "stock_lock": _stock_lock,
    "stored_notice": _stored_notice,
    "tool_once": _tool_once,
}

"""Whether a reply says what is so: money that code has told, and deeds that rows bear out."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import orjson

from crm_chatbot.application.ports import OpenWork
from crm_chatbot.application.turns.answering import Brief, Progress
from crm_chatbot.application.turns.tools.wares import money_told, order_told
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.tickets.ticket import Ticket, Wanted
from crm_chatbot.domain.turns.assertions import Assertion, assertions_in, says_free, untrue
from crm_chatbot.domain.turns.figures import unknown_figures

#: Of a customer's orders the newest of these are what can be talked about.
_MOST_ORDERS = 5
_MOST_TICKETS = 10

_UNKNOWN_MONEY = "It names amounts that no tool has told: {these}."
_UNTRUE = "It claims what has not happened: {these}."
_CORRECTION = (
    "[Checked by the shop's system] Your answer was not sent. {faults} Call a tool that tells or "
    "does it, or write the answer anew without it. Do not mention this check."
)


@dataclass(frozen=True, kw_only=True)
class Objection:
    """Why a reply must not leave as it is."""

    findings: tuple[str, ...]
    #: what the model is told, so that it may do better
    correction: str
    #: what is said in its place if it does not: rendered by code
    instead: str


@dataclass(frozen=True)
class FactCheck:
    """Looks at what a model wrote, and at the customer's orders where it speaks of them."""

    open_work: OpenWork

    async def __call__(self, brief: Brief, progress: Progress, text: str) -> Objection | None:
        """None: nothing in it is made up. Raises DatabaseUnavailable."""
        told = [*_money_of(progress)]
        claims = assertions_in(text)
        if says_free(brief.tenant.prompt):
            claims -= {Assertion.FREE}
        money = self._unknown(brief, progress, text, [brief.tenant.prompt, *told])
        if not money and not claims:
            return None
        # Only now: most replies speak of neither.
        orders, tickets = await self._known_of(brief)
        known = [order_told(order, brief.language) for order in orders]
        told += money_told(known)
        numbers = [order.number for order in orders] + [str(one.number) for one in tickets]
        money = self._unknown(brief, progress, text, [brief.tenant.prompt, *told], numbers)
        has_discount = any(order.discounts for order in orders)
        lies = untrue(claims, [order.status for order in orders], has_discount=has_discount)
        if not money and not lies:
            return None
        return _objection(brief, money, lies, rendered=[one["text"] for one in known[:1]])

    def _unknown(
        self,
        brief: Brief,
        progress: Progress,
        text: str,
        facts: Sequence[str],
        numbers: Sequence[str] = (),
    ) -> list[str]:
        results = [message.text for message in progress.said if message.role == "tool"]
        heard = [message.words for message in brief.heard]
        history = [message.text for message in brief.history if message.role == "user"]
        return unknown_figures(
            text,
            facts=facts,
            told=[brief.tenant.prompt, *results, *numbers],
            plain_from=[*heard, *history],
            scale=brief.tenant.currency.scale,
        )

    async def _known_of(self, brief: Brief) -> tuple[Sequence[Order], Sequence[Ticket]]:
        theirs = Wanted(customer_id=brief.customer.id)
        async with self.open_work(brief.tenant.id) as work:
            orders = await work.orders.newest_of(brief.customer.id, most=_MOST_ORDERS)
            return orders, await work.tickets.page(theirs, before=None, limit=_MOST_TICKETS)


def _money_of(progress: Progress) -> Iterator[str]:
    for message in progress.said:
        if message.role == "tool":
            with suppress(ValueError):  # too long, and cut: then it told no amounts
                yield from money_told(orjson.loads(message.text))


def _objection(
    brief: Brief, money: Sequence[str], lies: Sequence[Assertion], *, rendered: Sequence[str]
) -> Objection:
    faults: list[str] = []
    if money:
        faults.append(_UNKNOWN_MONEY.format(these=", ".join(money[:5])))
    if lies:
        faults.append(_UNTRUE.format(these=", ".join(lies)))
    phrase = Phrase.ORDER_AS_IT_IS if rendered else Phrase.NO_ORDER_YET
    if money and not lies:
        phrase = Phrase.NO_FIGURES
        rendered = ()
    return Objection(
        findings=(*(("unknown_money",) if money else ()), *(f"untrue_{one}" for one in lies)),
        correction=_CORRECTION.format(faults=" ".join(faults)),
        instead="\n\n".join([said(phrase, brief.language), *rendered]),
    )

"""Asking a payment's provider: outside of any transaction, and whatever comes of it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from crm_chatbot.application.payments.accounts import NoPaymentAccount, PaymentAccounts
from crm_chatbot.application.payments.billing import asked_for
from crm_chatbot.application.payments.gateways import (
    Account,
    GatewayRefused,
    GatewayUncertain,
    Page,
    PaymentGateway,
    Reading,
    RefundAnswer,
)
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.payments.events import PaymentEvent
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.refund import Refund, RefundId, RefundStatus
from crm_chatbot.domain.payments.standing import FactKind, PaymentStatus
from shared import logs, metrics

log = logs.get()

_S = PaymentStatus
#: Only the keys of another account are there: they know nothing of it.
ACCOUNT_CHANGED = "account_changed"
#: While one of these is what the provider says, somebody may still be paying.
_OPEN = frozenset({FactKind.PENDING, FactKind.AUTHORIZED, FactKind.REVIEW})


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A payment and what belongs to it, as they were before the provider was asked."""

    payment: Payment
    order: Order
    customer: Customer
    refunds: Sequence[Refund]
    events: Sequence[PaymentEvent]


@dataclass(kw_only=True)
class Told:
    """What came of asking."""

    #: a page was made
    page: Page | None = None
    #: by whose mark the page was made
    account: str | None = None
    #: of the shop's bank account
    details: str = ""
    #: by the payment's provider, and for good: a code
    refused: str | None = None
    #: it may have happened: a code
    uncertain: str | None = None
    reading: Reading | None = None
    #: it was closed before it was read
    is_closed: bool = False
    #: by a refund's key: how far it is; None: the provider will never do it
    refunds: dict[str, RefundAnswer | None] = field(
        default_factory=dict[str, "RefundAnswer | None"]
    )

    @property
    def is_over(self) -> bool:
        """Nobody can pay any more, and nobody has."""
        if not self.is_closed or self.reading is None:
            return False
        return not any(fact.kind in _OPEN or fact.is_money for fact in self.reading.facts)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Every provider, and the accounts to ask them with."""

    accounts: PaymentAccounts
    gateways: Mapping[Provider, PaymentGateway]
    #: where providers reach us from outside; None: their own settings know
    public_url: str | None = None

    async def about(self, seen: Seen, now: datetime) -> Told:
        """All that there is to be asked about a payment as it stands."""
        payment, told = seen.payment, Told()
        try:
            account = await self.accounts.find(payment.tenant_id, payment.provider)
            told.details = account.details
            if payment.provider is not Provider.MANUAL:
                await self._ask_either(account, seen, told, now)
        except NoPaymentAccount as gone:
            told.refused = None if payment.provider is Provider.MANUAL else gone.code
        except GatewayRefused as refusal:
            log.warning("payment.refused", code=refusal.code, detail=refusal.detail)
            told.refused = refusal.code
        except GatewayUncertain as unsure:
            told.uncertain = unsure.code
        if payment.provider is Provider.MANUAL:
            _look_at_the_clock(payment, told, now)
        if code := told.refused or told.uncertain:
            metrics.payment_troubles.labels(payment.provider, code).inc()
        return told

    async def _ask_either(self, account: Account, seen: Seen, told: Told, now: datetime) -> None:
        """By the keys that its page was made with, or else by those that there are.

        Keys of another account know nothing of it: that says nothing of who has paid.
        """
        made_by = seen.payment.account
        known = next((one for one in account.versions if one.mark == made_by), None)
        if made_by is None or known is account:
            await self._ask(account, seen, told, now)
            return
        if known is not None:
            try:
                await self._ask(known, seen, told, now)
            except GatewayRefused as refusal:
                if refusal.code != "provider_unauthorized":
                    raise
            else:
                return
        await self._ask(account, seen, told, now)
        if told.reading is not None and not told.reading.facts:
            told.reading, told.uncertain = None, ACCOUNT_CHANGED

    async def _ask(self, account: Account, seen: Seen, told: Told, now: datetime) -> None:
        payment, gateway = seen.payment, self.gateways[seen.payment.provider]
        is_over = payment.is_unwanted or payment.is_overdue(now)
        if payment.status is _S.CREATING and not is_over:
            asked = asked_for(
                payment, seen.order, seen.customer, now=now, public_url=self.public_url
            )
            told.page, told.account = await gateway.create(account, asked), account.mark
            return
        for refund in seen.refunds:
            if refund.status is RefundStatus.REQUESTED:
                told.refunds[refund.key] = await _send_back(gateway, account, payment, refund)
        if is_over and payment.status in {_S.CREATING, _S.PENDING}:
            await gateway.close(account, payment)
            told.is_closed = True
        ours = [_named(refund, told.refunds.get(refund.key)) for refund in seen.refunds]
        every = [*ours, *refunds_unknown(payment, ours, seen.events)]
        told.reading = await gateway.read(account, payment, every)


def _named(refund: Refund, answer: RefundAnswer | None) -> Refund:
    """As the provider has just called it: it can be asked of it at once, and perhaps is done."""
    return (
        replace(refund, provider_id=answer.provider_id) if answer and answer.provider_id else refund
    )


def refunds_unknown(
    payment: Payment, ours: Sequence[Refund], events: Sequence[PaymentEvent]
) -> Sequence[Refund]:
    """Those that a callback named and that nobody asked us for: the provider is asked of them."""
    known = {one.key for one in ours} | {one.provider_id for one in ours}
    found: dict[str, Refund] = {}
    for event in events:
        name, key = str(event.body.get("id", "")), str(event.body.get("reference_id", ""))
        if not str(event.body.get("event", "")).startswith("refund.") or {name, key} & known:
            continue
        found[name] = Refund(
            id=RefundId(payment.id),
            tenant_id=payment.tenant_id,
            payment_id=payment.id,
            key=key or name,
            amount=0,
            reason="",
            actor=payment.provider,
            created_at=event.received_at,
            status=RefundStatus.PENDING,
            provider_id=name,
        )
    return [*found.values()]


def _look_at_the_clock(payment: Payment, told: Told, now: datetime) -> None:
    """Nobody is asked of a transfer: a person of the shop will say that it came."""
    told.reading = Reading()
    told.is_closed = payment.is_unwanted or payment.is_overdue(now)
    if payment.status is _S.CREATING and not told.is_closed:
        told.page = Page("", "")


async def _send_back(
    gateway: PaymentGateway, account: Account, payment: Payment, refund: Refund
) -> RefundAnswer | None:
    try:
        return await gateway.refund(account, payment, refund)
    except GatewayRefused as refusal:
        log.warning("refund.refused", code=refusal.code, detail=refusal.detail)
        # An earlier try may have arrived: what is refused then may be a second one.
        is_sure = refusal.code == "provider_refused" and refund.tries <= 1
        if is_sure or refusal.code == "refund_not_supported":
            return None
        return RefundAnswer(RefundStatus.REQUESTED)
    except GatewayUncertain as unsure:  # it is asked for again, by the same key
        metrics.payment_troubles.labels(payment.provider, unsure.code).inc()
        return RefundAnswer(RefundStatus.REQUESTED)

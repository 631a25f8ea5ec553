"""Payments, and what was told of them, in memory: one tenant's at a time."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from crm_chatbot.application.payments.accounts import (
    AccountChange,
    AccountState,
    AccountView,
    NoPaymentAccount,
    chosen,
)
from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.payments.events import PaymentEvent, Proof
from crm_chatbot.domain.payments.payment import (
    NoWayToPay,
    Payment,
    PaymentId,
    PaymentNotFound,
    Provider,
)
from crm_chatbot.domain.payments.refund import Refund, RefundId
from crm_chatbot.domain.payments.standing import UNPAID_ENDS
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Clock
from shared.whatsapp.connections import SecretHint
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.memory_orders import Deals

Kept = tuple[AccountState, int]


@dataclass
class Till:
    """Everything that one tenant's transactions may change of its payments."""

    payments: dict[PaymentId, Payment] = field(default_factory=dict[PaymentId, Payment])
    refunds: dict[RefundId, Refund] = field(default_factory=dict[RefundId, Refund])
    events: dict[tuple[Provider, str], PaymentEvent] = field(
        default_factory=dict[tuple[Provider, str], PaymentEvent]
    )
    proofs: list[Proof] = field(default_factory=list[Proof])
    accounts: dict[Provider, Kept] = field(default_factory=dict[Provider, Kept])
    #: what was there before other keys were given
    older: dict[Provider, Account] = field(default_factory=dict[Provider, Account])


@dataclass
class MemoryPayments:
    """Honours crm_chatbot.domain.payments.payment.Payments."""

    till: Till
    deals: Deals = field(default_factory=Deals)

    async def get(self, payment_id: PaymentId, /) -> Payment:
        if payment_id not in self.till.payments:
            raise PaymentNotFound(payment_id=payment_id)
        return copy.deepcopy(self.till.payments[payment_id])

    async def lock(self, payment_id: PaymentId, /) -> Payment:
        return await self.get(payment_id)

    async def of_order(self, order_id: OrderId, /) -> Sequence[Payment]:
        found = [one for one in self.till.payments.values() if one.order_id == order_id]
        return copy.deepcopy(sorted(found, key=lambda one: one.attempt))

    async def wanted_of(self, order_id: OrderId, /) -> Payment | None:
        every = await self.of_order(order_id)
        return next((one for one in every if not one.is_unwanted), None)

    async def transfer_of(self, customer_id: CustomerId, since: datetime, /) -> Payment | None:
        theirs = {one.id for one in self.deals.orders.values() if one.customer_id == customer_id}
        found = [
            one
            for one in self.till.payments.values()
            if one.order_id in theirs
            and one.provider is Provider.MANUAL
            and (one.is_live or (one.status in UNPAID_ENDS and one.changed_at >= since))
        ]
        newest = max(found, key=lambda one: (not one.is_unwanted, one.created_at), default=None)
        return copy.deepcopy(newest)

    async def known_as(self, provider: Provider, names: Sequence[str], /) -> PaymentId | None:
        by_refund = {one.payment_id for one in self.till.refunds.values() if one.key in names}
        found = [
            one
            for one in self.till.payments.values()
            if one.provider is provider
            and ({one.reference, one.provider_id} & {*names} or one.id in by_refund)
        ]
        found.sort(key=lambda one: (one.reference not in names, one.id))
        return found[0].id if found else None

    async def add(self, payment: Payment, /) -> None:
        wanted = await self.wanted_of(payment.order_id)
        assert payment.is_unwanted or wanted is None, "uq_payments_wanted"
        self.till.payments[payment.id] = copy.deepcopy(payment)

    async def save(self, payment: Payment, /) -> None:
        known = self.till.payments[payment.id].facts
        self.till.payments[payment.id] = copy.deepcopy(payment)
        self.till.payments[payment.id].facts |= known

    async def wake(
        self, payment_id: PaymentId, now: datetime, /, *, transaction: str | None = None
    ) -> None:
        payment = self.till.payments[payment_id]
        payment.check_at, payment.transaction = now, transaction or payment.transaction

    async def drop(self, order_id: OrderId, now: datetime, /) -> None:
        for payment in self.till.payments.values():
            if payment.order_id == order_id and not payment.is_unwanted:
                payment.is_unwanted, payment.check_at = True, now


@dataclass
class MemoryRefunds:
    """Honours crm_chatbot.domain.payments.refund.Refunds."""

    till: Till

    async def of(self, payment_id: PaymentId, /) -> Sequence[Refund]:
        found = [one for one in self.till.refunds.values() if one.payment_id == payment_id]
        return copy.deepcopy(sorted(found, key=lambda one: (one.created_at, one.id)))

    async def add(self, refund: Refund, /) -> None:
        self.till.refunds[refund.id] = copy.deepcopy(refund)

    async def save(self, refund: Refund, /) -> None:
        await self.add(refund)


@dataclass
class MemoryPaymentEvents:
    """Honours crm_chatbot.domain.payments.events.PaymentEvents."""

    till: Till

    async def record(self, event: PaymentEvent, /) -> bool:
        name = (event.provider, event.key)
        is_new = name not in self.till.events
        self.till.events.setdefault(name, event)
        return is_new

    async def of(self, payment_id: PaymentId, /) -> Sequence[PaymentEvent]:
        found = [one for one in self.till.events.values() if one.payment_id == payment_id]
        return sorted(found, key=lambda one: (one.received_at, one.key))

    async def looked(self, keys: Sequence[str], payment_id: PaymentId, now: datetime, /) -> None:
        for name, event in self.till.events.items():
            if event.payment_id == payment_id and event.key in keys:
                self.till.events[name] = replace(event, looked_at=now)

    async def prove(self, proof: Proof, /) -> bool:
        if any(one.message_id == proof.message_id for one in self.till.proofs):
            return False
        self.till.proofs.append(proof)
        return True

    async def proofs(self, payment_id: PaymentId, /) -> Sequence[Proof]:
        found = [one for one in self.till.proofs if one.payment_id == payment_id]
        return sorted(found, key=lambda one: (one.received_at, one.message_id))


@dataclass
class MemoryWaysToPay:
    """Honours crm_chatbot.domain.payments.payment.WaysToPay."""

    till: Till
    own: Mapping[Provider, Account]

    async def choose(self, wanted: Provider | None, /) -> Provider:
        accounts = {name: change for name, (change, _) in self.till.accounts.items()}
        found = chosen(
            wanted,
            enabled=[name for name, one in accounts.items() if one.is_enabled],
            disabled=[name for name, one in accounts.items() if not one.is_enabled],
            default=next((name for name, one in accounts.items() if one.is_default), None),
            own=[*self.own],
        )
        if found is None:
            raise NoWayToPay
        return found


@dataclass
class MemoryPaymentAccounts:
    """Honours crm_chatbot.application.payments.accounts.PaymentAccounts."""

    tills: Callable[[], dict[TenantId, Till]]
    own: Mapping[Provider, Account]

    async def find(self, tenant_id: TenantId, provider: Provider, /) -> Account:
        accounts = self._of(tenant_id)
        if provider not in accounts:
            if provider not in self.own:
                raise NoPaymentAccount(provider=provider)
            return self.own[provider]
        change, _ = accounts[provider]
        return Account(
            provider=provider,
            secret=change.secret or "",
            callback_token=change.callback_token or "",
            is_production=change.is_production,
            details=change.details,
            older=self.tills()[tenant_id].older.get(provider),
        )

    async def show(self, tenant_id: TenantId, provider: Provider, /) -> AccountView:
        if provider not in self._of(tenant_id):
            raise NoPaymentAccount(provider=provider)
        change, version = self._of(tenant_id)[provider]
        return AccountView(
            provider=provider,
            secret=_hint(change.secret),
            callback_token=_hint(change.callback_token),
            is_production=change.is_production,
            is_enabled=change.is_enabled,
            is_default=change.is_default,
            details=change.details,
            version=version,
            updated_at=NOON,
        )

    async def put(
        self, tenant_id: TenantId, provider: Provider, change: AccountChange, /
    ) -> AccountView:
        accounts = self._of(tenant_id)
        before, version = accounts.get(provider, (None, 0))
        state = change.over(before)
        state.check(provider)
        if state.is_default:
            for name, (other, its_version) in accounts.items():
                accounts[name] = (replace(other, is_default=False), its_version)
        if (
            before
            and before.secret
            and (state.secret, state.callback_token)
            != (
                before.secret,
                before.callback_token,
            )
        ):
            self.tills()[tenant_id].older[provider] = replace(
                await self.find(tenant_id, provider), details="", older=None
            )
        accounts[provider] = (state, version + 1)
        return await self.show(tenant_id, provider)

    async def remove(self, tenant_id: TenantId, provider: Provider, /) -> None:
        if self._of(tenant_id).pop(provider, None) is None:
            raise NoPaymentAccount(provider=provider)
        self.tills()[tenant_id].older.pop(provider, None)

    def _of(self, tenant_id: TenantId) -> dict[Provider, Kept]:
        return self.tills().setdefault(tenant_id, Till()).accounts


def _hint(secret: str | None) -> SecretHint | None:
    if secret is None:
        return None
    return SecretHint(secret[-4:] if len(secret) >= 12 else "", secret)


@dataclass
class MemoryPaymentDirectory:
    """Honours crm_chatbot.application.payments.worker.PaymentDirectory."""

    tills: Callable[[], dict[TenantId, Till]]
    #: reads the clock
    now: Clock

    async def claim(self, most: int, seconds: float, /) -> Sequence[tuple[TenantId, PaymentId]]:
        now = self.now()
        due = [
            (one.check_at, tenant_id, one)
            for tenant_id, till in self.tills().items()
            for one in till.payments.values()
            if one.check_at is not None and one.check_at <= now
        ]
        claimed: list[tuple[TenantId, PaymentId]] = []
        for _, tenant_id, payment in sorted(due, key=lambda found: found[0])[:most]:
            payment.check_at = now + timedelta(seconds=seconds)
            claimed.append((tenant_id, payment.id))
        return claimed

    async def tenant_of_callback(
        self, provider: Provider, names: Sequence[str], /
    ) -> TenantId | None:
        for tenant_id, till in self.tills().items():
            if await MemoryPayments(till).known_as(provider, names) is not None:
                return tenant_id
        return None

    async def tenant_of_payment(self, payment_id: PaymentId, /) -> TenantId | None:
        return next(
            (name for name, one in self.tills().items() if payment_id in one.payments), None
        )

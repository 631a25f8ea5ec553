"""A shop with one confirmed order, and its till: what is asked of a provider, and what follows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.payments import attempts
from crm_chatbot.application.payments.asking import Asking
from crm_chatbot.application.payments.desk import PaymentDesk
from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.application.payments.worker import PaymentService
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.product import Variant
from crm_chatbot.domain.conversations.message import Direction
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.orders.order import Order, OrderStatus
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.standing import Fact, FactKind
from tests.clock import StandingClock
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.deals import a_line, another_customer, open_shop, placed
from tests.crm_chatbot.memory_gateway import MemoryGateway
from tests.crm_chatbot.paying import PRICE
from tests.crm_chatbot.stores import Crm

MIDTRANS = Provider.MIDTRANS


@dataclass
class Cashier:
    """Two packs of coffee at Rp85.000, confirmed and to be paid within the hour."""

    crm: Crm
    order: Order
    customer: Customer
    variant: Variant
    gateway: MemoryGateway
    clock: StandingClock = field(default_factory=lambda: StandingClock(NOON))

    @property
    def service(self) -> PaymentService:
        asking = Asking(
            accounts=self.crm.payment_accounts,
            gateways={MIDTRANS: self.gateway, Provider.XENDIT: self.gateway},
        )
        return PaymentService(
            open_work=self.crm.open_work,
            asking=asking,
            now=self.clock,
            new_id=uuid7,
            patience_s=30,
        )

    async def ask(self, provider: Provider | None = None) -> Payment:
        """As a tool would."""
        async with self.crm.open_work(TENANT) as work:
            order = await lifecycle.locked(work, self.order.id)
            return await attempts.ask(
                work,
                await work.tenants.get(TENANT),
                order,
                now=self.clock.now,
                new_id=uuid7,
                provider=provider,
            )

    async def look(self, payment: Payment) -> Payment:
        """Its turn has come."""
        await self.service.look(TENANT, payment.id)
        return await self.payment(payment)

    async def opened(self) -> Payment:
        """With a link that the customer was sent."""
        return await self.look(await self.ask())

    async def paid(self) -> Payment:
        payment = await self.opened()
        self.gateway.pay(payment.reference)
        return await self.look(payment)

    async def told(self, payment: Payment, *facts: Fact) -> Payment:
        """The provider says so from now on, and is asked."""
        self.gateway.tell(payment.reference, *facts)
        return await self.look(payment)

    async def payment(self, payment: Payment) -> Payment:
        async with self.crm.open_work(TENANT) as work:
            return await work.payments.get(payment.id)

    async def status(self) -> OrderStatus:
        async with self.crm.open_work(TENANT) as work:
            return (await work.orders.get(self.order.id)).status

    async def act(self, act: Callable[[Work, Order], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever it gives
        """Something that happens to the order."""
        async with self.crm.open_work(TENANT) as work:
            return await act(work, await lifecycle.locked(work, self.order.id))

    async def concerns(self) -> list[str]:
        async with self.crm.open_work(TENANT) as work:
            found = await work.concerns.page(is_settled=None, before=None, limit=50)
        return sorted(one.code for one in found)

    async def said(self) -> Sequence[str]:
        """To the customer, in order."""
        async with self.crm.open_work(TENANT) as work:
            conversation = await work.conversations.lock_of(self.customer.id)
            assert conversation is not None
            newest = await work.messages.newest(conversation.id, most=50)
        return [one.text for one in newest if one.direction is Direction.OUT]

    async def stock(self) -> tuple[int, int]:
        """On hand, and reserved."""
        async with self.crm.open_work(TENANT) as work:
            found = (await work.products.variant(self.variant.id)).variant
        return found.on_hand, found.reserved


async def open_till(crm: Crm, *, now: datetime = NOON) -> Cashier:
    """The platform has an account with Midtrans; the shop shares it."""
    gateway = MemoryGateway()
    crm.own_accounts[MIDTRANS] = Account(provider=MIDTRANS, secret=gateway.key)
    async with crm.open_work(TENANT) as work:
        customer, [variant] = await open_shop(work, 5)
        order = await placed(work, customer, a_line(variant, quantity=2, unit_price=variant.price))
        tenant = await work.tenants.get(TENANT)
        await lifecycle.confirm(work, tenant, order, now=now, actor="customer")
    assert order.total == PRICE
    return Cashier(crm, order, customer, variant, gateway)


async def another_order(cashier: Cashier) -> Order:
    """Somebody else's, confirmed, too."""
    from crm_chatbot.domain.customers.customer import Identity, IdentityKind  # noqa: PLC0415 - only here

    async with cashier.crm.open_work(TENANT) as work:
        customer = await another_customer(work, Identity(IdentityKind.PHONE, "6281299999999"))
        order = await placed(work, customer, a_line(cashier.variant, quantity=1))
        tenant = await work.tenants.get(TENANT)
        await lifecycle.confirm(work, tenant, order, now=NOON, actor="customer")
    return order


def settled(amount: int = PRICE, transaction: str = "t1") -> Fact:
    return Fact(transaction=transaction, kind=FactKind.SETTLED, amount=amount, currency="IDR")


HOUR = timedelta(hours=1)


def desk_of(cashier: Cashier) -> PaymentDesk:
    """Where people decide."""
    return PaymentDesk(
        open_work=cashier.crm.open_work,
        now=cashier.clock,
        new_id=uuid7,
        patience_s=30,
        bell=asyncio.Event(),
    )

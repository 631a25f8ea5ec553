"""What people of the shop do with payments: look, ask for money, send it back, decide about it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.once import Once
from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.payments import transfers
from crm_chatbot.application.payments.attempts import ask
from crm_chatbot.application.payments.effects import Scene
from crm_chatbot.application.payments.refunding import RefundWish, refund
from crm_chatbot.application.ports import OpenWork
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.payments.events import PaymentEvent, Proof
from crm_chatbot.domain.payments.payment import Payment, PaymentId, Provider
from crm_chatbot.domain.payments.refund import Refund
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Clock


@dataclass(frozen=True, kw_only=True)
class PaymentSeen:
    """A payment with all that is known about it."""

    payment: Payment
    refunds: Sequence[Refund]
    events: Sequence[PaymentEvent]
    proofs: Sequence[Proof]


@dataclass(frozen=True, kw_only=True)
class PaymentDesk:
    """Every change is made under the locks, and providers are asked afterwards."""

    open_work: OpenWork
    now: Clock
    new_id: NewId
    patience_s: float
    #: rung when something is due
    bell: asyncio.Event

    async def of_order(self, tenant_id: TenantId, order_id: OrderId) -> Sequence[Payment]:
        """The oldest attempt first. Raises OrderNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.orders.get(order_id)
            return await work.payments.of_order(order_id)

    async def look(self, tenant_id: TenantId, payment_id: PaymentId) -> PaymentSeen:
        """Raises PaymentNotFound."""
        async with self.open_work(tenant_id) as work:
            return PaymentSeen(
                payment=await work.payments.get(payment_id),
                refunds=await work.refunds.of(payment_id),
                events=await work.payment_events.of(payment_id),
                proofs=await work.payment_events.proofs(payment_id),
            )

    async def start(
        self, tenant_id: TenantId, order_id: OrderId, *, provider: Provider | None = None
    ) -> Payment:
        """Ask the customer for the money.

        Raises OrderNotFound, NothingAwaitsPayment, NoWayToPay.
        """
        async with self.open_work(tenant_id) as work:
            order = await lifecycle.locked(work, order_id)
            tenant = await work.tenants.get(tenant_id)
            payment = await ask(
                work, tenant, order, now=self.now(), new_id=self.new_id, provider=provider
            )
        self.bell.set()
        return payment

    async def refund(
        self,
        tenant_id: TenantId,
        payment_id: PaymentId,
        wish: RefundWish,
        *,
        once: Once | None = None,
    ) -> tuple[Refund, bool]:
        """The refund, and whether an earlier request made it.

        Raises PaymentNotFound, RefundRejected, RefundRepeated, PaymentNotRefundable,
        IdempotencyKeyReused.
        """
        async with self._scene(tenant_id, payment_id) as scene:
            answer = await refund(scene, wish, once=once)
        self.bell.set()
        return answer

    async def review(
        self,
        tenant_id: TenantId,
        payment_id: PaymentId,
        *,
        is_approved: bool,
        actor: str,
        reason: str = "",
    ) -> PaymentSeen:
        """A transfer has arrived, or has not. Raises PaymentNotFound, NotUnderReview."""
        async with self._scene(tenant_id, payment_id) as scene:
            if is_approved:
                await transfers.approve(scene, actor=actor, reason=reason)
            else:
                await transfers.reject(scene, reason=reason)
        return await self.look(tenant_id, payment_id)

    @asynccontextmanager
    async def _scene(self, tenant_id: TenantId, payment_id: PaymentId) -> AsyncGenerator[Scene]:
        async with self.open_work(tenant_id) as work:
            order_id = (await work.payments.get(payment_id)).order_id
            order = await lifecycle.locked(work, order_id)
            yield Scene(
                work=work,
                tenant=await work.tenants.get(tenant_id),
                order=order,
                payment=await work.payments.lock(payment_id),
                now=self.now(),
                new_id=self.new_id,
                patience_s=self.patience_s,
            )

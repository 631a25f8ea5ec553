"""What people of the shop do with orders: look, decide, note, and send them elsewhere."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from crm_chatbot.application.orders.lifecycle import cancel, fulfil, locked, record
from crm_chatbot.application.orders.settlement import accept
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.orders.order import (
    Delivery,
    IllegalTransition,
    Order,
    OrderEvent,
    OrderId,
    OrderStatus,
    Wanted,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import ChangedSince, Clock, Conflict, Invalid, says_something

LONGEST_REASON = 200

_S = OrderStatus


class PaidByPayment(Conflict, code="illegal_transition"):
    message = (
        "An order becomes PAID by a payment. Record a bank transfer, or cash, as a manual one: "
        "POST /v1/crm/orders/{order_id}/payments for the provider `manual`, and approve it: "
        "POST /v1/crm/payments/{{payment_id}}/review."
    )


class NotByHand(Conflict, code="illegal_transition"):
    message = "An order that is {status} is not made {wanted} by hand{instead}."


class ReasonMissing(Invalid):
    message = f"Say why, in 1 to {LONGEST_REASON} characters: it is about the customer's money."
    at = "/reason"


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What a person wants of an order, who it is, and perhaps why."""

    status: OrderStatus
    actor: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class OrderService:
    """Every change is made while the order is locked, and is one of its events."""

    open_work: OpenWork
    now: Clock

    async def get(self, tenant_id: TenantId, order_id: OrderId) -> Order:
        """Raises OrderNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.orders.get(order_id)

    async def page(
        self, tenant_id: TenantId, wanted: Wanted, *, before: OrderId | None, limit: int
    ) -> Sequence[Order]:
        """The newest first; with `before`, those that are older."""
        async with self.open_work(tenant_id) as work:
            return await work.orders.page(wanted, before=before, limit=limit)

    async def events(self, tenant_id: TenantId, order_id: OrderId) -> Sequence[OrderEvent]:
        """The oldest first. Raises OrderNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.orders.get(order_id)
            return await work.orders.events(order_id)

    async def rule(
        self,
        tenant_id: TenantId,
        order_id: OrderId,
        ruling: Ruling,
        *,
        expected: int | None = None,
    ) -> Order:
        """Only what may be decided by hand; what it is already is no mistake, and no event.

        Raises OrderNotFound, ChangedSince, ReasonMissing, IllegalTransition, PaidByPayment,
        NotByHand, and OutOfStock where its stock had been returned.
        """
        async with self._changing(tenant_id, order_id, expected) as (work, order):
            if order.status is not ruling.status:
                await self._rule(work, order, ruling)
        return order

    async def annotate(
        self,
        tenant_id: TenantId,
        order_id: OrderId,
        note: str,
        *,
        actor: str,
        expected: int | None = None,
    ) -> Order:
        """Whatever there was before is replaced.

        Raises OrderNotFound, ChangedSince, OrderRejected.
        """
        async with self._changing(tenant_id, order_id, expected) as (work, order):
            order.annotate(note, self.now())
            event = OrderEvent(what="order.annotated", at=self.now(), actor=actor)
            await record(work, order, event)
        return order

    async def send_to(
        self,
        tenant_id: TenantId,
        order_id: OrderId,
        place: Delivery | None,
        *,
        actor: str,
        expected: int | None = None,
    ) -> Order:
        """There, for what that costs; None: it is picked up. What was confirmed keeps its fee.

        Raises OrderNotFound, ChangedSince, OrderNotOpen, DeliveryUnknown, PickupNotOffered.
        """
        async with self._changing(tenant_id, order_id, expected) as (work, order):
            terms = await work.delivery.get()
            if order.status is _S.DRAFT:
                delivery = terms.pickup() if place is None else terms.again(place)
                order.deliver_to(delivery, self.now())
            else:
                order.readdress(terms.pickup() if place is None else place, self.now())
            event = OrderEvent(what="order.readdressed", at=self.now(), actor=actor)
            await record(work, order, event)
        return order

    @asynccontextmanager
    async def _changing(
        self, tenant_id: TenantId, order_id: OrderId, expected: int | None
    ) -> AsyncGenerator[tuple[Work, Order]]:
        async with self.open_work(tenant_id) as work:
            order = await locked(work, order_id)
            if expected not in {None, order.version}:
                raise ChangedSince(name=order.number, version=order.version)
            yield work, order

    async def _rule(self, work: Work, order: Order, ruling: Ruling) -> None:
        reason, now, actor = ruling.reason.strip(), self.now(), ruling.actor
        _refuse_unexplained(order, reason)
        if ruling.status is _S.FULFILLED:
            await fulfil(work, order, now=now, actor=actor, reason=reason)
        elif ruling.status is _S.CANCELLED:
            await cancel(work, order, now=now, actor=actor, reason=reason)
        elif ruling.status is _S.PAID and order.status is _S.PAID_ATTENTION:
            await accept(work, order, now=now, actor=actor, reason=reason)
        elif ruling.status is _S.PAID:
            raise PaidByPayment(order_id=order.id)
        elif order.may_become(ruling.status):
            instead = _INSTEAD.get(ruling.status, "")
            raise NotByHand(status=order.status, wanted=ruling.status, instead=instead)
        else:
            raise IllegalTransition(status=order.status, wanted=ruling.status)


_INSTEAD = {
    _S.REFUNDED: ": refund its payment",
    _S.EXPIRED: ": cancel it",
    _S.AWAITING_PAYMENT: ": its customer confirms it",
    _S.DRAFT: ": its customer changes it in the chat",
}


def _refuse_unexplained(order: Order, reason: str) -> None:
    is_said = says_something(reason) and "\0" not in reason
    if len(reason) > LONGEST_REASON or (reason and not is_said):
        raise ReasonMissing
    if order.status is _S.PAID_ATTENTION and not reason:
        raise ReasonMissing

"""Notes for the shop about money that a person has to decide about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from crm_chatbot.application.orders.lifecycle import locked
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.tickets.occasions import concern_raised, concern_settled
from crm_chatbot.domain.orders.concern import LASTING, Concern, ConcernId, Since
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.tenants.tenant import TenantId
from shared import metrics
from shared.domain import Clock


async def raise_concern(
    work: Work,
    order: Order,
    code: str,
    *,
    now: datetime,
    payment_id: UUID | None,
    facts: Mapping[str, object],
) -> bool:
    """One for the same reason, order and payment; False where nothing about it is new.

    Other facts, or the same after it was settled, open it again; but not a state that lasts
    (LASTING), which is noticed again and again.
    """
    concern = Concern(
        id=ConcernId(uuid5(order.id, f"{code} {payment_id}")),
        tenant_id=order.tenant_id,
        code=code,
        order_id=order.id,
        payment_id=payment_id,
        customer_id=order.customer_id,
        raised_at=now,
        facts=_plain({"number": order.number, "total": order.total, **facts}),
    )
    is_new = await work.concerns.add(concern)
    if not is_new and code not in LASTING:
        known = await work.concerns.twin_of(concern)
        is_new = known is not None and known.raise_again(concern)
        if known is not None and is_new:
            await work.concerns.save(known)
    if is_new:
        conversation = await work.conversations.lock_of(order.customer_id)
        await concern_raised(work, concern, conversation=conversation, now=now)
        metrics.concerns.labels(code).inc()
    return is_new


def _plain(facts: Mapping[str, object]) -> dict[str, object]:
    """As they come back from where they are kept: numbers, and words."""
    return {name: one if isinstance(one, int) else str(one) for name, one in facts.items()}


@dataclass(frozen=True, kw_only=True)
class ConcernService:
    """What people of the shop do about them."""

    open_work: OpenWork
    now: Clock

    async def page(
        self, tenant_id: TenantId, *, is_settled: bool | None, before: Since | None, limit: int
    ) -> Sequence[Concern]:
        """The newest first; with `before`, those that are older."""
        async with self.open_work(tenant_id) as work:
            return await work.concerns.page(is_settled=is_settled, before=before, limit=limit)

    async def settle(
        self, tenant_id: TenantId, concern_id: ConcernId, *, by: str, note: str
    ) -> Concern:
        """Somebody has seen to it. Raises ConcernNotFound, ConcernSettled, ConcernRejected."""
        async with self.open_work(tenant_id) as work:
            # Its ticket's conversation is told, and comes before all of them.
            await locked(work, (await work.concerns.get(concern_id)).order_id)
            concern = await work.concerns.lock(concern_id)
            concern.settle(self.now(), by=by, note=note)
            await work.concerns.save(concern)
            await concern_settled(work, concern, now=self.now())
        return concern

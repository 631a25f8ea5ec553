"""Orders that nobody paid in time: their stock is free again, and their customers are told."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from crm_chatbot.application.backlog import Backlog
from crm_chatbot.application.conversations.outbound import our_words, say
from crm_chatbot.application.orders.lifecycle import expire, locked
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.receipts import expired_text
from crm_chatbot.domain.conversations.message import Author, MessageId
from crm_chatbot.domain.orders.order import Order, OrderId, OrderNotFound
from crm_chatbot.domain.tenants.tenant import TenantId
from shared import logs
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import Clock

log = logs.get()

#: Orders of one round. Whatever is left over waits for the next.
MOST = 200
#: So long after its time an order may still turn out to have been paid within it.
GRACE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class OrderSweeper:
    """Looks again under the order's lock: many may sweep at once."""

    backlog: Backlog
    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]
    #: how long the sender may be silent before it is asked again
    patience_s: float

    async def expire(self) -> int:
        """Returns how many orders have run out; each in a transaction of its own."""
        done = 0
        for tenant_id, order_id in await self.backlog.unpaid(MOST, grace_s=GRACE_S):
            try:
                done += await self._expire(tenant_id, order_id)
                crash_point("crm.order_expired")
            except OrderNotFound:
                continue
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("order.not_expired", order_id=str(order_id))
        return done

    async def _expire(self, tenant_id: TenantId, order_id: OrderId) -> bool:
        async with self.open_work(tenant_id) as work:
            order = await locked(work, order_id)
            # Asked for since: what somebody may be paying ends when its provider says so.
            if await work.payments.wanted_of(order_id) is not None:
                return False
            if not await expire(work, order, now=self.now()):
                return False
            await self._tell(work, order)
            return True

    async def _tell(self, work: Work, order: Order) -> None:
        tenant = await work.tenants.get(order.tenant_id)
        customer = await work.customers.get(order.customer_id)
        conversation = await work.conversations.lock_of(order.customer_id)
        if conversation is None or conversation.is_forgotten:
            return
        if not tenant.is_active or customer.opted_out_at is not None:
            return
        words = our_words(
            conversation,
            MessageId(self.new_id()),
            expired_text(order, customer.language or tenant.language),
            author=Author.SYSTEM,
            now=self.now(),
        )
        await say(work, conversation, words, patience_s=self.patience_s)

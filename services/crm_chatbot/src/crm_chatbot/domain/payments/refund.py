"""A refund: money of a payment that goes back, by the provider's hand or by a person's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from crm_chatbot.domain.payments.payment import Payment, PaymentId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, Invalid

RefundId = NewType("RefundId", UUID)

LONGEST_REASON = 200


class RefundRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class PaymentNotRefundable(Conflict):
    message = "Of a payment that is {status} at most {left} can be refunded."


class RefundRepeated(Conflict):
    message = (
        "The same amount was asked for less than {seconds} seconds ago: wait, or send an "
        "Idempotency-Key."
    )


class RefundStatus(StrEnum):
    """How far it is."""

    REQUESTED = "REQUESTED"  #: the provider has, or has not, heard of it
    PENDING = "PENDING"  #: the provider has taken it on
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"  #: `detail` says why
    BY_HAND = "BY_HAND"  #: a person has sent the money, and says so


UNDECIDED = frozenset({RefundStatus.REQUESTED, RefundStatus.PENDING})
_DONE = frozenset({RefundStatus.SUCCEEDED, RefundStatus.BY_HAND})


@dataclass(eq=False, kw_only=True)
class Refund(Aggregate):
    """Changed only while its payment's row is locked. `amount` in the currency's smallest unit."""

    id: RefundId
    tenant_id: TenantId
    payment_id: PaymentId
    #: what the provider knows it by; stored before the provider hears of it
    key: str
    amount: int
    reason: str
    #: who wanted it
    actor: str
    created_at: datetime
    status: RefundStatus = RefundStatus.REQUESTED
    provider_id: str | None = None
    detail: str | None = None
    #: counted before the provider is asked: with more than one, an earlier one may have arrived
    tries: int = 0
    done_at: datetime | None = None

    @property
    def is_undecided(self) -> bool:
        return self.status in UNDECIDED

    @property
    def is_done(self) -> bool:
        return self.status in _DONE

    def became(self, status: RefundStatus, now: datetime, detail: str | None = None) -> bool:
        """What the provider says of it; False if that is no news. Done is done."""
        if status is self.status or self.is_done or (not self.is_undecided and status in UNDECIDED):
            return False
        self.status, self.detail = status, detail
        if self.is_done:
            self.done_at = now
        return True


def left_of(payment: Payment, refunds: Iterable[Refund]) -> int:
    """How much may still be sent back: what is under way is on its way."""
    every = [*refunds]
    done = sum(one.amount for one in every if one.is_done)
    under_way = sum(one.amount for one in every if one.is_undecided)
    gone = max(payment.refunded_amount, done) + under_way
    return max(0, payment.paid_amount - gone) if payment.is_kept else 0


class Refunds(Protocol):
    """Every refund of one tenant."""

    async def of(self, payment_id: PaymentId, /) -> Sequence[Refund]:
        """The oldest first."""
        ...

    async def add(self, refund: Refund, /) -> None: ...

    async def save(self, refund: Refund, /) -> None: ...

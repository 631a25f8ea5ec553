"""A concern: something about an order's money that a person of the shop has to decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType, Protocol
from uuid import UUID

from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

ConcernId = NewType("ConcernId", UUID)

LONGEST_NOTE = 1_000

#: What each code says to the people of the shop.
SENTENCES: Mapping[str, str] = {
    "paid_without_stock": "It was paid after its time had run out, and its stock is sold by now: "
    "refund it, or get more.",
    "paid_after_cancellation": "It was paid after it had been cancelled: refund it, or deliver.",
    "paid_old_total": "It was paid while the customer was changing it: what was paid may not be "
    "what is in the cart.",
    "paid_twice": "It was paid more than once: refund what is too much.",
    "amount_differs": "Another amount was paid than was asked for.",
    "currency_differs": "It was paid in another currency than was asked for.",
    "partly_taken_back": "Of several payments one was taken back by the bank.",
    "partly_refunded": "A part of the money went back to the customer.",
    "payment_reversed": "The bank took the money back.",
    "charged_back": "The holder of the card had the money returned: the provider asks for proof.",
    "payment_held": "The provider suspects the payment: look into its dashboard, and decide.",
    "unknown_status": "The provider says something of the payment that is not known here: look "
    "into its dashboard.",
    "no_payment_link": "The provider would not make a link: the customer waits for a person.",
    "payment_unconfirmed": "The provider does not say whether it was paid: look into its "
    "dashboard.",
    "refund_by_hand": "The provider does not send this refund: send it by hand, and record it.",
    "refund_unconfirmed": "The provider does not say whether it sent the refund: look into its "
    "dashboard. It is asked again, unless you record it as sent by hand.",
    "proof_awaits_review": "The customer sent a receipt of a transfer: look whether it arrived.",
    "refunded_after_delivery": "The money went back although the order was delivered.",
}

#: These are states, noticed again and again: once settled they stay so.
LASTING = frozenset({"no_payment_link", "payment_unconfirmed", "refund_unconfirmed"})


class ConcernNotFound(NotFound):
    message = "There is no concern {concern_id}."


class ConcernSettled(Conflict):
    message = "This was settled already, by {settled_by}."


class ConcernRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(eq=False, kw_only=True)
class Concern(Aggregate):
    """One for the same reason, order and payment: what is new about it opens it anew."""

    id: ConcernId
    tenant_id: TenantId
    code: str
    order_id: OrderId
    payment_id: UUID | None
    customer_id: CustomerId
    raised_at: datetime
    #: amounts, ids and codes; nobody's words
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    settled_at: datetime | None = None
    settled_by: str | None = None
    #: how it was settled, in a person's words
    note: str = ""

    @property
    def sentence(self) -> str:
        return SENTENCES.get(self.code, self.code)

    def raise_again(self, other: "Concern") -> bool:
        """It was noticed once more: False where it is open and nothing about it is new."""
        if self.settled_at is None and dict(self.facts) == dict(other.facts):
            return False
        self.raised_at, self.facts = other.raised_at, other.facts
        self.settled_at, self.settled_by, self.note = None, None, ""
        return True

    def settle(self, now: datetime, *, by: str, note: str) -> None:
        """Raises ConcernSettled, ConcernRejected."""
        if self.settled_at is not None:
            raise ConcernSettled(settled_by=self.settled_by)
        if len(note) > LONGEST_NOTE or not says_something(note) or "\0" in note:
            reason = f"1 to {LONGEST_NOTE} characters, and not only blank ones"
            raise ConcernRejected(field="note", reason=reason)
        self.settled_at, self.settled_by, self.note = now, by, note


@dataclass(frozen=True)
class Since:
    """A place in the list of concerns."""

    at: datetime
    id: ConcernId


class Concerns(Protocol):
    """Every concern of one tenant. They are locked after their orders."""

    async def add(self, concern: Concern, /) -> bool:
        """False when the same was raised before: then it is not added."""
        ...

    async def get(self, concern_id: ConcernId, /) -> Concern:
        """To be read, not changed. Raises ConcernNotFound."""
        ...

    async def lock(self, concern_id: ConcernId, /) -> Concern:
        """Raises ConcernNotFound."""
        ...

    async def save(self, concern: Concern, /) -> None: ...

    async def twin_of(self, concern: Concern, /) -> Concern | None:
        """The one that was raised before for the same reason, order and payment; locked."""
        ...

    async def page(
        self, *, is_settled: bool | None, before: Since | None, limit: int
    ) -> Sequence[Concern]:
        """The newest first; with `before`, those that are older."""
        ...

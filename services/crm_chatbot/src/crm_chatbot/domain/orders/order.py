"""An order: what a customer wants, and how far it is; one module because it is one thought."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.conversations.message import MessageId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.money import Currency
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, Invalid, NotFound

OrderId = NewType("OrderId", UUID)

#: Of one line, and of one order: more than this a person should talk about.
MOST_OF_A_LINE = 100
MOST_OF_AN_ORDER = 500
MOST_LINES = 50
LONGEST_ADDRESS = 500
LONGEST_NOTE = 1_000
#: Of one customer: more unpaid orders would only keep stock from others.
MOST_ORDERS_A_DAY = 10
MOST_CONFIRMED_A_DAY = 10
MOST_UNPAID = 3
#: How long a customer may think about a summary before it must be shown anew.
SUMMARY_HOLDS = timedelta(minutes=30)


class OrderStatus(StrEnum):
    """How far an order is."""

    DRAFT = "DRAFT"  #: a cart; nothing is reserved
    AWAITING_PAYMENT = "AWAITING_PAYMENT"  #: confirmed by the customer; its stock is reserved
    PAID = "PAID"
    #: money came, or went back, in a way that a person of the shop has to decide about
    PAID_ATTENTION = "PAID_ATTENTION"
    FULFILLED = "FULFILLED"  #: handed over, or sent
    EXPIRED = "EXPIRED"  #: nobody paid in time; its stock is free again
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"  #: all the money went back


_S = OrderStatus

#: Where an order may go from where it is. The database holds to it, too: see the migration.
MOVES: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.DRAFT: frozenset({_S.AWAITING_PAYMENT, _S.CANCELLED, _S.PAID_ATTENTION}),
    _S.AWAITING_PAYMENT: frozenset(
        {_S.PAID, _S.PAID_ATTENTION, _S.EXPIRED, _S.CANCELLED, _S.DRAFT}
    ),
    _S.EXPIRED: frozenset({_S.PAID, _S.PAID_ATTENTION, _S.DRAFT}),
    _S.CANCELLED: frozenset({_S.PAID_ATTENTION}),
    _S.PAID: frozenset({_S.FULFILLED, _S.PAID_ATTENTION, _S.REFUNDED}),
    _S.PAID_ATTENTION: frozenset({_S.PAID, _S.FULFILLED, _S.CANCELLED, _S.REFUNDED}),
    _S.FULFILLED: frozenset({_S.REFUNDED}),
    _S.REFUNDED: frozenset(),
}

#: What may still be changed, or paid, by its customer.
OPEN = frozenset({_S.DRAFT, _S.AWAITING_PAYMENT})
_STILL_DELIVERED = frozenset({_S.AWAITING_PAYMENT, _S.PAID, _S.PAID_ATTENTION})


class OrderNotFound(NotFound):
    message = "There is no order {order_id}."


class IllegalTransition(Conflict):
    message = "An order that is {status} cannot become {wanted}."


class TooManyOrders(Conflict):
    message = "Nobody begins, or confirms, more than {most} orders a day."


class TooManyUnpaid(Conflict):
    message = "There are {most} orders already that are not paid yet."


class OrderChanged(Conflict):
    message = "Prices, or what there is, have changed since the summary: show it anew."


class OrderNotOpen(Conflict):
    message = "Order {number} is {status}: nothing about it can be changed any more."


class OrderIsEmpty(Conflict):
    message = "There is nothing in the order yet."


class NotInOrder(NotFound):
    message = "That is not in the order."


class BadQuantity(Invalid):
    message = "A quantity is a whole number from 1 to {most}."
    at = "/quantity"


class QuantityLimit(Conflict):
    message = "An order holds at most {most} pieces, and {lines} different things."


class AddressMissing(Conflict):
    message = "It is not known yet where the order is to be delivered."


class CurrencyDiffers(Conflict):
    message = "Order {number} is in {currency}, and the shop sells in {now}: cancel it, begin anew."


class NothingToPay(Conflict):
    message = "The order costs nothing: a colleague has to take it."


class OrderRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(frozen=True, kw_only=True)
class Line:
    """So many of one variant, at the price that was captured. Money in the smallest unit."""

    variant_id: VariantId
    sku: str
    #: product and variant, as the customer reads it
    name: str
    quantity: int
    unit_price: int

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


@dataclass(frozen=True, kw_only=True)
class Discount:
    """What a rule of the shop takes off; nothing else ever does."""

    rule_id: UUID
    name: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where to, and what that costs by the shop's own table."""

    address: str
    zone: str
    fee: int
    latitude: float | None = None
    longitude: float | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.address.strip()) <= LONGEST_ADDRESS:
            reason = f"1 to {LONGEST_ADDRESS} characters"
            raise OrderRejected(field="address", reason=reason)


#: What stands in the place of an address that was forgotten.
ERASED = "erased"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the customer was shown, word for word in its hash, and may say yes to until then."""

    hash: str
    message_id: MessageId
    #: of the message that showed it: only what comes after it can be a yes to it
    seq: int
    until: datetime


@dataclass(eq=False, kw_only=True)
class Order(Aggregate):
    """Changed only while its row is locked. `version` counts its changes."""

    id: OrderId
    tenant_id: TenantId
    customer_id: CustomerId
    #: what people call it, unique within the shop: ORD-1001
    number: str
    currency: Currency
    created_at: datetime
    updated_at: datetime
    status: OrderStatus = OrderStatus.DRAFT
    lines: tuple[Line, ...] = ()
    discounts: tuple[Discount, ...] = ()
    delivery: Delivery | None = None
    note: str = ""
    #: a code of the shop's that the customer wrote; it takes nothing off unless a rule has it
    promo_code: str = ""
    summary: Summary | None = None
    #: how often its stock was reserved: each reservation is returned, or sold, on its own
    reservation: int = 0
    confirmed_at: datetime | None = None
    #: until when its stock is reserved for it
    expires_at: datetime | None = None
    paid_at: datetime | None = None
    #: the payment that made it paid
    paid_by: UUID | None = None
    version: int = 1

    @property
    def subtotal(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def total(self) -> int:
        """Integer arithmetic over captured prices: what is said in a chat has no part in it."""
        off = sum(discount.amount for discount in self.discounts)
        fee = self.delivery.fee if self.delivery else 0
        return max(0, self.subtotal - off) + fee

    @property
    def pieces(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def digest(self) -> str:
        """Of all that a summary shows: it changes with the cart, a price, the address, a fee."""
        shown = (
            [(str(line.variant_id), line.quantity, line.unit_price) for line in self.lines],
            [(str(one.rule_id), one.amount) for one in self.discounts],
            self.delivery and (self.delivery.address, self.delivery.zone, self.delivery.fee),
            self.total,
            self.currency.code,
        )
        return hashlib.sha256(repr(shown).encode()).hexdigest()

    def line_of(self, variant_id: VariantId) -> Line | None:
        return next((line for line in self.lines if line.variant_id == variant_id), None)

    def put(self, line: Line, now: datetime) -> None:
        """Exactly so many of it, however many there were.

        Raises BadQuantity, QuantityLimit, OrderNotOpen.
        """
        self._refuse_unless_draft()
        if not 1 <= line.quantity <= MOST_OF_A_LINE:
            raise BadQuantity(most=MOST_OF_A_LINE)
        known = self.line_of(line.variant_id) is not None
        kept = [line if one.variant_id == line.variant_id else one for one in self.lines]
        self._become_filled(kept if known else [*kept, line], now)

    def remove(self, variant_id: VariantId, now: datetime) -> None:
        """Raises NotInOrder, OrderNotOpen."""
        self._refuse_unless_draft()
        if self.line_of(variant_id) is None:
            raise NotInOrder
        self._become_filled([one for one in self.lines if one.variant_id != variant_id], now)

    def deliver_to(self, delivery: Delivery | None, now: datetime) -> None:
        """Raises OrderNotOpen."""
        self._refuse_unless_draft()
        self.delivery, self.summary, self.updated_at = delivery, None, now

    def promise(self, code: str, now: datetime) -> None:
        """The customer has written a discount's code; one order has one. Raises OrderNotOpen."""
        self._refuse_unless_draft()
        self.promo_code, self.updated_at = code, now

    def reprice(
        self,
        lines: Sequence[Line],
        discounts: Sequence[Discount],
        now: datetime,
        *,
        delivery: Delivery | None = None,
    ) -> None:
        """As the catalog and the shop's rules have it now. A changed price voids the summary.

        Without `delivery` that stays as it was. Raises OrderNotOpen.
        """
        self._refuse_unless_draft()
        before = self.digest
        self.lines, self.discounts = tuple(lines), tuple(discounts)
        self.delivery = delivery or self.delivery
        if self.digest != before:
            self.summary, self.updated_at = None, now

    def show(self, message_id: MessageId, seq: int, now: datetime) -> None:
        """A summary of it was rendered, and waits for the customer's yes.

        Raises OrderIsEmpty, NothingToPay, OrderNotOpen.
        """
        self._refuse_unless_draft()
        if not self.lines:
            raise OrderIsEmpty
        if self.total <= 0:
            raise NothingToPay
        self.summary = Summary(
            hash=self.digest, message_id=message_id, seq=seq, until=now + SUMMARY_HOLDS
        )
        self.updated_at = now

    def awaits_yes_after(self, now: datetime) -> int | None:
        """After which message a yes would be one to this very order; None: show it first."""
        summary = self.summary
        if summary is None or summary.hash != self.digest or now >= summary.until:
            return None
        return summary.seq

    def confirm(self, now: datetime, *, reserved_for: timedelta) -> None:
        """The customer has said yes. The caller reserves stock as `reservation` in the same breath.

        Raises OrderIsEmpty, IllegalTransition.
        """
        if not self.lines:
            raise OrderIsEmpty
        self.become(OrderStatus.AWAITING_PAYMENT, now)
        self.summary = None
        self.reservation += 1
        self.confirmed_at, self.expires_at = now, now + reserved_for

    def reopen(self, now: datetime) -> None:
        """A cart again; the caller returns its stock. Raises IllegalTransition."""
        self.become(OrderStatus.DRAFT, now)
        self.expires_at = self.confirmed_at = self.summary = None

    def may_become(self, status: OrderStatus) -> bool:
        return status in MOVES[self.status]

    def become(self, status: OrderStatus, now: datetime) -> None:
        """Raises IllegalTransition."""
        if not self.may_become(status):
            raise IllegalTransition(status=self.status, wanted=status)
        self.status, self.updated_at = status, now
        if status is OrderStatus.PAID:
            self.paid_at = self.paid_at or now

    def readdress(self, delivery: Delivery, now: datetime) -> None:
        """Elsewhere, for the same fee: what was confirmed, or paid, costs what it did.

        Raises OrderNotOpen once there is nothing more to deliver.
        """
        if self.status not in _STILL_DELIVERED:
            raise OrderNotOpen(number=self.number, status=self.status)
        kept = self.delivery or Delivery(address=delivery.address, zone="", fee=0)
        self.delivery = replace(delivery, zone=kept.zone, fee=kept.fee)
        self.updated_at = now

    def annotate(self, note: str, now: datetime) -> None:
        """Raises OrderRejected."""
        if len(note) > LONGEST_NOTE:
            raise OrderRejected(field="note", reason=f"at most {LONGEST_NOTE} characters")
        self.note, self.updated_at = note, now

    def _become_filled(self, lines: Sequence[Line], now: datetime) -> None:
        is_too_much = sum(line.quantity for line in lines) > MOST_OF_AN_ORDER
        if is_too_much or len(lines) > MOST_LINES:
            raise QuantityLimit(most=MOST_OF_AN_ORDER, lines=MOST_LINES)
        self.lines = tuple(replace(line) for line in lines)
        self.summary, self.updated_at = None, now

    def _refuse_unless_draft(self) -> None:
        if self.status is not OrderStatus.DRAFT:
            raise OrderNotOpen(number=self.number, status=self.status)


#: What an event is called by which an order holds stock.
CONFIRMED = "order.confirmed"


@dataclass(frozen=True, kw_only=True)
class OrderEvent:
    """One step of an order's life; never changed once it is written."""

    what: str
    at: datetime
    #: who did it: `bot`, `customer`, `system`, an API key's prefix
    actor: str
    facts: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which orders are looked for; None and empty: any."""

    statuses: frozenset[OrderStatus] = frozenset()
    customer_id: CustomerId | None = None
    #: begun then, or later
    since: datetime | None = None
    #: a number, or the beginning of one: ORD-10
    number: str | None = None


class Orders(Protocol):
    """Every order of one tenant.

    Who locks several things locks them in this order: customer, conversation, order, payment,
    variants by their ids, concern, ticket.
    """

    async def get(self, order_id: OrderId, /) -> Order:
        """To be read, not changed. Raises OrderNotFound."""
        ...

    async def lock(self, order_id: OrderId, /) -> Order:
        """Raises OrderNotFound."""
        ...

    async def lock_current(self, customer_id: CustomerId, /) -> Order | None:
        """The customer's newest order that is DRAFT or AWAITING_PAYMENT, locked."""
        ...

    async def newest_of(self, customer_id: CustomerId, /, *, most: int) -> Sequence[Order]:
        """To be read, the newest first, whatever became of them."""
        ...

    async def page(
        self, wanted: Wanted, /, *, before: OrderId | None, limit: int
    ) -> Sequence[Order]:
        """To be read, the newest first; with `before`, those that are older."""
        ...

    async def count_since(self, customer_id: CustomerId, since: datetime, /) -> int: ...

    async def count_confirmed_since(self, customer_id: CustomerId, since: datetime, /) -> int:
        """How often an order was confirmed, the same one again included."""
        ...

    async def count_unpaid(self, customer_id: CustomerId, /) -> int:
        """Orders that hold stock and are not paid."""
        ...

    async def next_number(self) -> str:
        """ORD-1001, ORD-1002, ...: gaps are possible, doubles are not."""
        ...

    async def add(self, order: Order, event: OrderEvent, /) -> None: ...

    async def save(self, order: Order, event: OrderEvent, /) -> None:
        """With what happened to it, in the same transaction. Raises OrderNotFound."""
        ...

    async def events(self, order_id: OrderId, /) -> Sequence[OrderEvent]:
        """The oldest first."""
        ...

    async def hand_on(self, gone: CustomerId, kept: CustomerId, /) -> None:
        """Two customers turned out to be one: all orders are theirs who stays."""
        ...

    async def forget(self, customer_id: CustomerId, /) -> None:
        """Where the customer's orders went, and what was noted of them; money stays."""
        ...

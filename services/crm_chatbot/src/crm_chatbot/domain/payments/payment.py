"""A payment: one attempt at getting an order paid, and what its provider has said of it."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.payments.standing import (
    KEPT,
    LIVE,
    RECEIVED,
    Fact,
    PaymentStatus,
    Standing,
    standing,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, NotFound

PaymentId = NewType("PaymentId", UUID)

#: How long after a link has expired money may still be on its way to us.
GRACE = timedelta(minutes=2)
#: A provider is asked of a payment that waits ever more rarely.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=10)
#: ... and, where it does not say what came of one whose time is over, more rarely still.
RAREST_PAUSE = timedelta(days=1)
#: ... and some more times after it has come to something: banks take money back within minutes,
#: and confirmations have come a day late.
AFTERWARDS = (timedelta(minutes=6), timedelta(hours=1), timedelta(hours=6), timedelta(hours=25))

#: Letters and digits that nobody mistakes for each other.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_RANDOM = 12


class Provider(StrEnum):
    """Who takes the money."""

    MIDTRANS = "midtrans"
    XENDIT = "xendit"
    MANUAL = "manual"  #: a bank transfer, seen by a person of the shop


class PaymentNotFound(NotFound):
    message = "There is no payment {payment_id}."


class NoWayToPay(Conflict):
    message = "The shop has no payment provider yet: a colleague has to take the payment."


class NothingAwaitsPayment(Conflict):
    message = "Order {number} is {status}: it cannot be paid now."


class NotUnderReview(Conflict):
    message = "There is no manual transfer to decide about: the payment is {status}."


def fresh_reference(number: str, attempt: int) -> str:
    """A name that the provider has never heard, that nobody guesses, and that people can read.

    At most 50 characters of A-Z, a-z, 0-9 and -. It is looked up, and never taken apart.
    """
    readable = "".join(c for c in number if c.isascii() and (c.isalnum() or c == "-"))[:24]
    unguessable = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return f"{readable or 'ORD'}-{unguessable}-A{attempt}"


@dataclass(frozen=True)
class Change:
    """What a payment came to by what was just learnt, and what it had come to before."""

    before: Standing | None
    after: Standing

    @property
    def news(self) -> tuple[str, ...]:
        """Reasons to look that there were not before."""
        known = () if self.before is None else self.before.oddities
        return tuple(code for code in self.after.oddities if code not in known)

    @property
    def has_moved(self) -> bool:
        return self.before is None or self.before.status is not self.after.status


@dataclass(eq=False, kw_only=True)
class Payment(Aggregate):
    """Changed only while its row is locked, and its order's before it."""

    id: PaymentId
    tenant_id: TenantId
    order_id: OrderId
    provider: Provider
    #: what the provider knows it by; chosen and stored before the provider hears of it
    reference: str
    attempt: int
    amount: int
    currency: str
    created_at: datetime
    expires_at: datetime
    #: when it last came to something else
    changed_at: datetime
    status: PaymentStatus = PaymentStatus.CREATING
    reason: str | None = None
    url: str | None = None
    #: the provider's own id of the page
    provider_id: str | None = None
    #: with which of the shop's keys the page was made: its mark, and not the key
    account: str | None = None
    #: of the customer's try, as an authentic callback named it: some can be asked for only by that
    transaction: str | None = None
    paid_amount: int = 0
    refunded_amount: int = 0
    paid_at: datetime | None = None
    #: nobody wants it any more: to be closed at the provider, if nobody has paid it by then
    is_unwanted: bool = False
    #: the customer wants to be told the way to pay once more
    is_asked_again: bool = False
    #: when to ask the provider next; None: never again, unless something is heard
    check_at: datetime | None = None
    checks: int = 0
    facts: frozenset[Fact] = field(default_factory=frozenset[Fact])

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_received(self) -> bool:
        return self.status in RECEIVED

    @property
    def standing(self) -> Standing | None:
        return standing(self.facts, amount=self.amount, currency=self.currency)

    @property
    def is_kept(self) -> bool:
        """Money of it is still with the shop."""
        return self.status in KEPT

    def opened(
        self, provider_id: str | None, url: str | None, now: datetime, *, account: str | None = None
    ) -> None:
        """The provider has made a page for it, by the account of that mark."""
        if self.status is PaymentStatus.CREATING:
            self._become(PaymentStatus.PENDING, now)
        self.provider_id, self.url, self.reason = provider_id, url, None
        self.account = account

    def refused(self, reason: str, now: datetime) -> None:
        """The provider will not make a page for it, however often it is asked."""
        if self.status is PaymentStatus.CREATING:
            self._become(PaymentStatus.REFUSED, now)
            self.reason = reason

    def hold(self, now: datetime) -> bool:
        """A person has to look at it; False where that makes no difference."""
        if self.status not in {PaymentStatus.CREATING, PaymentStatus.PENDING}:
            return False
        self._become(PaymentStatus.HELD, now)
        return True

    def resume(self, now: datetime) -> None:
        """A person has looked, and it waits to be paid as before."""
        if self.status is PaymentStatus.HELD:
            self._become(PaymentStatus.PENDING, now)

    def learn(self, facts: Iterable[Fact], now: datetime) -> Change | None:
        """Take in what the provider has told; what changed by it, None if nothing did.

        What is known never becomes less: a paid payment stays paid whatever is heard too late.
        """
        before = self.standing
        self.facts |= frozenset(facts)
        after = self.standing
        if after is None or after == before:
            return None
        if after.status is PaymentStatus.PENDING and self.status is not PaymentStatus.HELD:
            return None  # it may be paid again: but who ended it meanwhile has ended it
        if after.status is not self.status:
            self._become(after.status, now)
        self.paid_amount, self.refunded_amount = after.paid, after.refunded
        if self.is_received:
            self.paid_at = self.paid_at or now
        return Change(before, after)

    def expire(self, now: datetime) -> bool:
        """Nobody has paid in time; False where there was nothing to end."""
        return self._end(PaymentStatus.EXPIRED, now)

    def cancel(self, now: datetime) -> bool:
        """It is not wanted any more; False where there was nothing to end."""
        return self._end(PaymentStatus.CANCELLED, now)

    def wake(self, now: datetime) -> None:
        """Something is new: ask the provider at once."""
        self.check_at = now

    def rest(self, now: datetime) -> None:
        """It was looked at: decide when that is to be done again, if at all."""
        if self.provider is Provider.MANUAL:
            self.check_at = self._deadline if self.is_live and now < self._deadline else None
        elif self.is_live:
            doubled = FIRST_PAUSE * 2 ** min(max(self.checks - 1, 0), 10)
            soon = now + min(doubled, LONGEST_PAUSE)
            late = min((now - self._deadline) / 4, RAREST_PAUSE)
            self.check_at = (
                min(soon, self._deadline) if late < timedelta() else max(soon, now + late)
            )
        else:
            later = (self.changed_at + after for after in AFTERWARDS)
            self.check_at = next((at for at in later if at > now), None)

    def is_overdue(self, now: datetime) -> bool:
        return now >= self._deadline

    @property
    def _deadline(self) -> datetime:
        return self.expires_at + GRACE

    def _end(self, status: PaymentStatus, now: datetime) -> bool:
        if not self.is_live:
            return False
        self._become(status, now)
        return True

    def _become(self, status: PaymentStatus, now: datetime) -> None:
        self.status, self.changed_at = status, now
        if status not in LIVE:
            # Whatever is heard of it later, the order may have a new attempt by then.
            self.is_unwanted = True


class WaysToPay(Protocol):
    """Which providers one tenant's orders can be paid by."""

    async def choose(self, wanted: Provider | None, /) -> Provider:
        """The one that is wanted, or the shop's default. Raises NoWayToPay."""
        ...


class Payments(Protocol):
    """Every payment of one tenant."""

    async def get(self, payment_id: PaymentId, /) -> Payment:
        """To be read, not changed. Raises PaymentNotFound."""
        ...

    async def lock(self, payment_id: PaymentId, /) -> Payment:
        """Lock its order first. Raises PaymentNotFound."""
        ...

    async def of_order(self, order_id: OrderId, /) -> Sequence[Payment]:
        """The oldest attempt first; to be read."""
        ...

    async def wanted_of(self, order_id: OrderId, /) -> Payment | None:
        """The one attempt that is there to be paid, locked."""
        ...

    async def transfer_of(self, customer_id: CustomerId, since: datetime, /) -> Payment | None:
        """A customer's manual transfer that is awaited, or was until then; not locked."""
        ...

    async def known_as(self, provider: Provider, names: Sequence[str], /) -> PaymentId | None:
        """By any of its names: our reference, the provider's ids, a refund's key."""
        ...

    async def add(self, payment: Payment, /) -> None:
        """An order has one attempt that is wanted: the database holds to it."""
        ...

    async def save(self, payment: Payment, /) -> None:
        """With every fact that is new."""
        ...

    async def wake(
        self, payment_id: PaymentId, now: datetime, /, *, transaction: str | None = None
    ) -> None:
        """Have the provider asked at once, by this name of the try, too; no lock is needed."""
        ...

    async def drop(self, order_id: OrderId, now: datetime, /) -> None:
        """The order is not to be paid any more as it was: what is open is closed soon."""
        ...

"""What a payment has come to: a function of everything that its provider has told, and no more."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class PaymentStatus(StrEnum):
    """What an attempt has come to."""

    CREATING = "CREATING"  #: its reference is stored; the provider has, or has not, heard of it
    PENDING = "PENDING"  #: there is a link, and nobody has paid yet
    HELD = "HELD"  #: the provider, or a person, is still looking at it
    PAID = "PAID"
    ATTENTION = "ATTENTION"  #: paid, but not as it was asked for: another amount, another currency
    PARTLY_REFUNDED = "PARTLY_REFUNDED"
    REFUNDED = "REFUNDED"
    REVERSED = "REVERSED"  #: the money came, and was taken back by the bank
    CHARGED_BACK = "CHARGED_BACK"  #: ... by the holder of the card
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"  #: the provider would not make a link; `reason` says why


#: It may still be paid.
LIVE = frozenset({PaymentStatus.CREATING, PaymentStatus.PENDING, PaymentStatus.HELD})

#: Nobody had paid by then; somebody may have all the same.
UNPAID_ENDS = frozenset({PaymentStatus.EXPIRED, PaymentStatus.CANCELLED})

#: Money of the customer is, or was, with the shop.
RECEIVED = frozenset(
    {
        PaymentStatus.PAID,
        PaymentStatus.ATTENTION,
        PaymentStatus.PARTLY_REFUNDED,
        PaymentStatus.REFUNDED,
        PaymentStatus.REVERSED,
        PaymentStatus.CHARGED_BACK,
    }
)


#: ... and some of it still is.
KEPT = frozenset({PaymentStatus.PAID, PaymentStatus.ATTENTION, PaymentStatus.PARTLY_REFUNDED})


#: Begins the names of what no provider knows of.
BY_HAND = "by-hand:"


class FactKind(StrEnum):
    """What a provider can say of a transaction, in words of ours."""

    PENDING = "pending"
    AUTHORIZED = "authorized"  #: held on the card, not taken
    REVIEW = "review"  #: taken, but suspected of fraud: the merchant has to decide
    CAPTURED = "captured"  #: taken from a card; may still be voided
    SETTLED = "settled"  #: paid
    FAILED = "failed"  #: this try came to nothing; or, after money came, it was taken back
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"  #: wholly or in part: `refunded` says how much so far
    CHARGED_BACK = "charged_back"
    UNKNOWN = "unknown"  #: a word that the provider did not have when this was written


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What a provider told when it was asked; a callback alone is never one.

    Amounts are in the currency's smallest unit.
    """

    #: the provider's own id: one attempt of ours may see several tries on the provider's page
    transaction: str
    kind: FactKind
    amount: int
    currency: str
    #: what the customer paid on top, as the provider itself explains it
    fee: int = 0
    #: all that went back so far
    refunded: int = 0

    @property
    def is_money(self) -> bool:
        return self.kind in _MONEY and not self.is_by_hand

    @property
    def is_by_hand(self) -> bool:
        """A person of the shop sent money back, past the provider: no transaction of its own."""
        return self.transaction.startswith(BY_HAND)


_MONEY = frozenset({FactKind.CAPTURED, FactKind.SETTLED, FactKind.REFUNDED, FactKind.CHARGED_BACK})
_CAME_TO_NOTHING = frozenset({FactKind.FAILED, FactKind.CANCELLED, FactKind.EXPIRED})


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What all facts together come to."""

    status: PaymentStatus
    #: what came and, unless it was all taken back, was kept
    paid: int = 0
    refunded: int = 0
    #: why a person should look: codes
    oddities: tuple[str, ...] = ()


def standing(facts: Iterable[Fact], *, amount: int, currency: str) -> Standing | None:
    """From the set of facts alone: neither their order nor their number changes anything.

    None: nothing is known that would move a payment which waits.
    """
    known = frozenset(facts)
    transactions = sorted({fact.transaction for fact in known})
    paid = [one for name in transactions if (one := _money_of(name, known))]
    if paid:
        return _of_money(paid, known, amount=amount, currency=currency)
    kinds = {fact.kind for fact in known}
    suspects = {fact.transaction for fact in known if fact.kind is FactKind.REVIEW}
    cleared = {fact.transaction for fact in known if fact.kind in _CAME_TO_NOTHING}
    if suspects - cleared:
        return Standing(status=PaymentStatus.HELD)
    if FactKind.EXPIRED in kinds:
        return Standing(status=PaymentStatus.EXPIRED)
    if FactKind.CANCELLED in kinds:
        return Standing(status=PaymentStatus.CANCELLED)
    if FactKind.UNKNOWN in kinds:
        return Standing(status=PaymentStatus.HELD, oddities=("unknown_status",))
    # A try that failed leaves the page open for another one.
    return Standing(status=PaymentStatus.PENDING) if suspects else None


@dataclass(frozen=True, kw_only=True)
class _Money:
    """One transaction by which money came."""

    amount: int
    currency: str
    fee: int
    refunded: int
    taken_back: PaymentStatus | None


def _money_of(transaction: str, facts: Iterable[Fact]) -> _Money | None:
    own = [fact for fact in facts if fact.transaction == transaction]
    money = [fact for fact in own if fact.is_money]
    if not money:
        return None
    kinds = {fact.kind for fact in own}
    # The same for any order of arrival: of equal facts there is one, of unequal ones the highest.
    told = max(money, key=_weight)
    taken_back = None
    if FactKind.CHARGED_BACK in kinds:
        taken_back = PaymentStatus.CHARGED_BACK
    elif FactKind.FAILED in kinds or _is_voided(kinds):
        taken_back = PaymentStatus.REVERSED
    return _Money(
        amount=told.amount,
        currency=told.currency,
        fee=told.fee,
        refunded=max(fact.refunded for fact in money),
        taken_back=taken_back,
    )


def _weight(fact: Fact) -> tuple[bool, int, int, str]:
    return fact.kind is FactKind.SETTLED, fact.amount, fact.fee, fact.currency


def _is_voided(kinds: set[FactKind]) -> bool:
    """A capture may be cancelled until it is settled, and never after."""
    return FactKind.CANCELLED in kinds and not kinds & {FactKind.SETTLED, FactKind.REFUNDED}


def _of_money(
    paid: Sequence[_Money], facts: Iterable[Fact], *, amount: int, currency: str
) -> Standing:
    kept = [one for one in paid if one.taken_back is None]
    if not kept:
        gravest = max(one.taken_back is PaymentStatus.CHARGED_BACK for one in paid)
        status = PaymentStatus.CHARGED_BACK if gravest else PaymentStatus.REVERSED
        return Standing(status=status, paid=sum(one.amount for one in paid))
    by_hand = sum(fact.refunded for fact in facts if fact.is_by_hand)
    received = sum(one.amount for one in kept)
    refunded = sum(one.refunded for one in kept) + by_hand
    oddities = tuple(_oddities(paid, facts, amount=amount, currency=currency))
    status = PaymentStatus.PAID
    if sum(min(one.refunded, one.amount) for one in kept) + by_hand >= received:
        status = PaymentStatus.REFUNDED
    elif {"currency_differs", "amount_differs"} & {*oddities}:
        status = PaymentStatus.ATTENTION
    elif refunded:
        status = PaymentStatus.PARTLY_REFUNDED
    return Standing(status=status, paid=received, refunded=refunded, oddities=oddities)


def _oddities(
    paid: Sequence[_Money], facts: Iterable[Fact], *, amount: int, currency: str
) -> Iterator[str]:
    taken_back = sum(one.taken_back is not None for one in paid)
    if any(one.currency != currency for one in paid):
        yield "currency_differs"
    if any(one.amount - one.fee != amount for one in paid):
        yield "amount_differs"
    if len(paid) - taken_back > 1:
        yield "paid_twice"
    if taken_back:
        yield "partly_taken_back"
    if any(fact.kind is FactKind.UNKNOWN for fact in facts):
        yield "unknown_status"

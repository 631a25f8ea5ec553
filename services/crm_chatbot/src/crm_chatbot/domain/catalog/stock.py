"""Stock: how much there is of each variant, and every movement that made it so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from crm_chatbot.domain.catalog.product import VariantId
from shared.domain import Conflict, Invalid, says_something

MovementId = NewType("MovementId", int)

#: of one variant
MOST_ON_HAND = 10**9
REASON_LIMIT = 200


class MovementKind(StrEnum):
    RECEIVED = "received"  #: came from a supplier
    COUNTED = "counted"  #: somebody looked, and there were that many
    LOST = "lost"  #: broken, stolen, given away
    RETURNED = "returned"  #: came back from a customer
    RESERVED = "reserved"  #: promised to an order
    RELEASED = "released"  #: no longer promised
    SOLD = "sold"  #: promised, and paid for
    RESTOCKED = "restocked"  #: sold, and put back


#: What people may say that happened, and whether there is more or less of it since.
_SIGNS = {MovementKind.RECEIVED: 1, MovementKind.LOST: -1, MovementKind.RETURNED: 1}


class NotEnoughStock(Conflict, code="insufficient_stock"):
    message = "There are only {available} of it."


class ReservedExceeds(Conflict):
    message = "{reserved} of it are promised to orders: there cannot be fewer."


class StockRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One line of the ledger; the changes of a variant's lines add up to its numbers."""

    #: grows; later movements of a variant have larger ones
    id: MovementId
    variant_id: VariantId
    kind: MovementKind
    on_hand_change: int
    reserved_change: int
    reason: str | None
    #: who says so: a person's name, "import", "order"
    actor: str
    #: the order it belongs to, and which of its attempts to buy that was
    order_id: UUID | None
    attempt: int | None
    at: datetime


class Stock(Protocol):
    """The numbers of one tenant's variants, and their ledger. Nothing else changes them."""

    async def adjust(
        self,
        variant_id: VariantId,
        change: int,
        /,
        *,
        kind: MovementKind,
        reason: str | None,
        actor: str,
    ) -> Movement:
        """So many more, or fewer. Raises VariantNotFound, StockRejected.

        Raises NotEnoughStock where there would be fewer than none, and ReservedExceeds where
        there would be fewer than are promised.
        """
        ...

    async def count(
        self, variant_id: VariantId, to: int, /, *, reason: str | None, actor: str
    ) -> Movement:
        """So many there are. Raises VariantNotFound, StockRejected, ReservedExceeds."""
        ...

    async def count_all(
        self, counts: Mapping[VariantId, int], /, *, reason: str | None, actor: str
    ) -> Sequence[Movement]:
        """The same for many at once, in the order of their ids; all of them or none."""
        ...

    async def ledger(
        self, variant_id: VariantId, /, *, before: MovementId | None, limit: int
    ) -> list[Movement]:
        """The newest first; with `before`, those that are older."""
        ...


def refuse_bad_adjustment(change: int, kind: MovementKind, reason: str | None) -> None:
    """Raises StockRejected."""
    sign = _SIGNS.get(kind)
    if sign is None:
        raise StockRejected(field="kind", reason=f"one of {', '.join(_SIGNS)}")
    if not 0 < sign * change <= MOST_ON_HAND:
        more = f"1 to {MOST_ON_HAND}" if sign > 0 else f"-{MOST_ON_HAND} to -1"
        raise StockRejected(field="change", reason=f"what is {kind} is {more}")
    refuse_bad_reason(reason)


def refuse_bad_count(to: int, reason: str | None) -> None:
    """Raises StockRejected."""
    if not 0 <= to <= MOST_ON_HAND:
        raise StockRejected(field="count", reason=f"0 to {MOST_ON_HAND}")
    refuse_bad_reason(reason)


def refuse_bad_reason(reason: str | None) -> None:
    """Raises StockRejected."""
    if reason is None:
        return
    if len(reason) > REASON_LIMIT or not reason.isprintable() or not says_something(reason):
        raise StockRejected(field="reason", reason=f"1 to {REASON_LIMIT} printable characters")

"""Budgets: what may be spent on models in a day, reserved before a call and settled after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.domain import Conflict, Invalid, NotFound

#: The scope that covers everybody's spending.
PLATFORM = "platform"

#: Whose budget: PLATFORM, or a tenant's id; None (no tenant) has no budget of its own.
Scope = str | UUID | None


def named(scopes: Sequence[Scope]) -> tuple[str, ...]:
    """The scopes as they are stored: sorted, so that all take their rows in the same order."""
    return tuple(sorted({str(scope) for scope in scopes if scope is not None}))


class BudgetExceeded(Conflict):
    message = "Today's budget for language models is spent ({scope})."


class NoSuchBudget(NotFound):
    message = "There is no budget for {name!r}."


class CapRejected(Invalid):
    message = "A daily budget lies between 0 and 1000000000 US dollars."
    at = "/daily_usd"


@dataclass(frozen=True, kw_only=True)
class Cap:
    """What a scope may spend in a day (UTC), in millionths of a US dollar; None: no limit.

    A cap of nought stops all calls, free ones too.
    """

    scope: str
    micro_usd: int | None
    version: int = 1

    def __post_init__(self) -> None:
        if self.micro_usd is not None and not 0 <= self.micro_usd <= 10**15:
            raise CapRejected

    @property
    def name(self) -> str:
        return self.scope


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a capped scope stands today, in millionths of a US dollar."""

    scope: str
    cap: int
    spent: int
    #: held by calls that are not settled yet
    reserved: int

    @property
    def has_room(self) -> bool:
        return self.spent + self.reserved < self.cap


@dataclass(frozen=True)
class Reservation:
    """Room taken in the budgets of its scopes; no scopes, nothing to settle.

    One that is never settled (its process died) gives its room back when it expires.
    """

    id: UUID
    amount: int
    scopes: tuple[str, ...] = ()


class Budgets(Protocol):
    """What may still be spent today. Scopes without a cap cost no round trip."""

    async def has_room(self, scopes: Sequence[Scope], /) -> bool:
        """Whether anything may be spent; up to two seconds old, for turning work away early."""
        ...

    async def reserve(self, scopes: Sequence[Scope], amount: int, /) -> Reservation:
        """Take room for a call that may cost `amount`, in all scopes or in none.

        Raises BudgetExceeded.
        """
        ...

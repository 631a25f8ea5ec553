"""A Snap session, the transactions that come of it, and the moves that Midtrans allows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulators.midtrans.methods import Method

#: from which state into which; a denied or expired transaction stays what it is
MOVES: Mapping[str, frozenset[str]] = {
    "pending": frozenset(
        {"capture", "settlement", "authorize", "expire", "cancel", "deny", "failure"}
    ),
    "authorize": frozenset({"capture", "deny", "cancel", "expire"}),
    "capture": frozenset({"settlement", "cancel"}),
    "settlement": frozenset(
        {"refund", "partial_refund", "chargeback", "partial_chargeback", "deny"}
    ),
    "partial_refund": frozenset({"refund", "partial_refund"}),
    "partial_chargeback": frozenset({"chargeback"}),
}
#: the money was with the shop
PAID = frozenset(
    {
        "capture",
        "settlement",
        "refund",
        "partial_refund",
        "chargeback",
        "partial_chargeback",
    }
)
SETTLED = PAID - {"capture"}
_CODES = {"pending": "201", "deny": "202", "cancel": "202", "expire": "202", "failure": "202"}


class NotAllowed(Exception):
    """The state does not allow it."""


@dataclass(frozen=True, kw_only=True)
class Merchant:
    """A shop's account; its server key is its name to everybody."""

    server_key: str
    id: str
    name: str
    #: where the dashboard says that notifications go; empty: nowhere
    notification_url: str = ""

    def view(self) -> dict[str, Any]:
        names = ("server_key", "id", "name", "notification_url")
        return {name: getattr(self, name) for name in names}


@dataclass(kw_only=True)
class Refund:
    """Money on its way back."""

    number: int
    amount: int
    key: str
    reason: str
    created_at: datetime
    confirmed_at: datetime | None = None


@dataclass(kw_only=True)
class Transaction:
    """One try to pay with one method."""

    id: str
    merchant: Merchant
    order_id: str
    method: Method
    #: what the shop asked for, and what the customer pays on top
    amount: int
    fee: int
    #: digits from which account numbers and the like are made
    number: int
    made_at: datetime
    expires_at: datetime
    #: where notifications go
    urls: tuple[str, ...]
    #: custom_field1 and the like, which come back in notifications
    custom: Mapping[str, Any]
    status: str = "pending"
    fraud: str = "accept"
    paid_at: datetime | None = None
    refunds: list[Refund] = field(default_factory=list[Refund])

    @property
    def gross(self) -> int:
        return self.amount + self.fee

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds)

    @property
    def status_code(self) -> str:
        """As it goes with the state in notifications."""
        if self.status == "capture" and self.fraud == "challenge":
            return "201"
        return _CODES.get(self.status, "200")

    @property
    def is_held(self) -> bool:
        """A person at the shop has to say whether this card is to be trusted."""
        return self.status == "capture" and self.fraud == "challenge"

    def move(self, status: str, *, now: datetime, force: bool = False) -> None:
        """Raises NotAllowed, unless forced."""
        allowed = MOVES.get(self.status, frozenset())
        if status not in allowed and not force and not (self.is_held and status == "deny"):
            raise NotAllowed(f"{self.status} -> {status}")
        self.status = status
        if status in {"capture", "settlement"} and self.paid_at is None:
            self.paid_at = now


@dataclass(kw_only=True)
class Session:
    """What `POST /transactions` made: a token, and a page on which to pay."""

    token: str
    merchant: Merchant
    order_id: str
    amount: int
    #: as it came
    body: Mapping[str, Any]
    urls: tuple[str, ...]
    made_at: datetime
    #: from when on the page offers nothing any more
    closes_at: datetime
    #: when a transaction expires; None: the method's own time after it was chosen
    expires_at: datetime | None = None
    life_s: int | None = None
    has_fee: bool = False
    #: canceled by the shop, or revoked by a newer token for the same order
    is_void: bool = False
    canceled_at: datetime | None = None
    transactions: list[Transaction] = field(default_factory=list[Transaction])

    @property
    def transaction(self) -> Transaction | None:
        """The last one."""
        return self.transactions[-1] if self.transactions else None

    def can_choose(self, now: datetime) -> bool:
        """Nothing was chosen, or what was chosen has been refused."""
        last = self.transaction
        is_free = last is None or (last.status == "deny" and last.paid_at is None)
        return is_free and not self.is_void and now < self.closes_at

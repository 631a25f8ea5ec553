"""An invoice, what was paid on it, and what of that went back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from simulators.xendit.channels import Channel

InvoiceStatus = Literal["PENDING", "PAID", "SETTLED", "EXPIRED"]
RefundStatus = Literal["PENDING", "SUCCEEDED", "FAILED"]


class NotAllowed(Exception):
    """The status does not allow it."""


@dataclass(frozen=True, kw_only=True)
class Merchant:
    """A shop's account."""

    secret_key: str
    #: what webhooks show that they come from Xendit
    callback_token: str
    user_id: str
    name: str
    #: where the dashboard says that webhooks of invoices go; empty: nowhere
    webhook_url: str = ""
    refund_webhook_url: str = ""

    def view(self) -> dict[str, Any]:
        names = ("secret_key", "callback_token", "user_id", "name")
        urls = {"webhook_url": self.webhook_url, "refund_webhook_url": self.refund_webhook_url}
        return {name: getattr(self, name) for name in names} | urls


@dataclass(frozen=True, kw_only=True)
class Payment:
    """How an invoice was paid."""

    channel: Channel
    number: int
    amount: int
    at: datetime

    @property
    def uuid(self) -> str:
        return f"00000000-0000-4000-8000-{self.number:012d}"

    @property
    def request_id(self) -> str:
        return f"pr-{self.uuid}"


@dataclass(kw_only=True)
class Refund:
    """Money on its way back."""

    id: str
    amount: int
    reason: str
    reference_id: str | None
    metadata: Mapping[str, Any] | None
    #: the invoice was named in the request, and not the payment
    by_invoice: bool
    created: datetime
    updated: datetime
    status: RefundStatus = "PENDING"
    failure_code: str | None = None


@dataclass(kw_only=True)
class Invoice:
    """One page on which to pay."""

    id: str
    merchant: Merchant
    external_id: str
    amount: int
    #: as it came
    body: Mapping[str, Any]
    channels: Sequence[Channel]
    #: address of the page
    url: str
    created: datetime
    updated: datetime
    expires_at: datetime
    status: InvoiceStatus = "PENDING"
    payment: Payment | None = None
    refunds: list[Refund] = field(default_factory=list[Refund])

    @property
    def refunded(self) -> int:
        """What went back, or is on its way."""
        return sum(refund.amount for refund in self.refunds if refund.status != "FAILED")

    @property
    def offered(self) -> Sequence[Channel]:
        return [channel for channel in self.channels if channel.allows(self.amount)]

    def pay(self, payment: Payment, *, force: bool = False) -> None:
        """Raises NotAllowed, unless forced."""
        self._leave({"PENDING"}, force=force)
        self.status, self.payment, self.updated = "PAID", payment, payment.at

    def expire(self, now: datetime) -> None:
        """Raises NotAllowed."""
        self._leave({"PENDING"})
        self.status, self.updated = "EXPIRED", now

    def settle(self, now: datetime) -> None:
        """Raises NotAllowed."""
        self._leave({"PAID"})
        self.status, self.updated = "SETTLED", now

    def _leave(self, allowed: set[str], *, force: bool = False) -> None:
        if self.status not in allowed and not force:
            raise NotAllowed(f"the invoice is {self.status}")

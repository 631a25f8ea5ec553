"""What is asked of payment providers, in words of ours; each speaks its own behind it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from crm_chatbot.domain.money import Currency
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.refund import Refund, RefundStatus
from crm_chatbot.domain.payments.standing import Fact

#: The bodies of callbacks, parsed: numbers as they were spelt.
Body = Mapping[str, Any]
Headers = Sequence[tuple[bytes, bytes]]


class GatewayRefused(Exception):
    """The provider said no, and would say so again: `code` is ours, `detail` its own words."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class GatewayUncertain(Exception):
    """No answer that says anything: what was asked for may have happened, or may yet."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class CallbackUnreadable(Exception):
    """Something is missing without which a callback means nothing."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A shop's account with a provider, or the platform's that it shares."""

    provider: Provider
    secret: str = field(default="", repr=False)
    #: what Xendit sends with its webhooks; Midtrans signs with `secret`
    callback_token: str = field(default="", repr=False)
    is_production: bool = False
    #: a manual transfer's bank, number and holder, as customers read it
    details: str = ""
    #: with the keys that it had before, if those were others
    older: "Account | None" = field(default=None, repr=False)

    @property
    def mark(self) -> str:
        """By which a payment knows the key that its page was made with; it tells nothing of it."""
        return hashlib.sha256(f"{self.provider}:{self.secret}".encode()).hexdigest()[:12]

    @property
    def versions(self) -> "Sequence[Account]":
        return [self] if self.older is None else [self, self.older]


@dataclass(frozen=True, kw_only=True)
class AskedLine:
    """What stands on the bill; a discount's price is negative."""

    id: str
    name: str
    price: int
    quantity: int = 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A page on which exactly this can be paid."""

    reference: str
    amount: int
    currency: Currency
    lines: Sequence[AskedLine]
    now: datetime
    expires_at: datetime
    number: str
    customer_name: str | None = None
    customer_phone: str | None = None
    #: where the provider shall tell of it; None: where its own settings say
    callback_url: str | None = None
    #: it may have been asked for before: nothing is to be made twice
    is_retry: bool = False


@dataclass(frozen=True)
class Page:
    """Where the customer pays."""

    provider_id: str
    url: str


@dataclass(frozen=True)
class Reading:
    """What a provider knows now: of the payment, and of refunds by their keys."""

    facts: Sequence[Fact] = ()
    refunds: Mapping[str, RefundStatus] = field(default_factory=dict[str, RefundStatus])


@dataclass(frozen=True)
class RefundAnswer:
    """What became of a refund so far, and the provider's own id of it."""

    status: RefundStatus
    provider_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a callback says that it is about; nothing of it is believed but that we should look."""

    #: names by which we may know the payment, or its refund; none: nothing of ours
    names: Sequence[str]
    #: the same for the same event, however often it is told
    event_key: str
    status: str
    #: of the customer's try, fit to be asked for
    transaction: str | None = None
    #: it claims that money came, by this payment
    money_by: str | None = None
    #: the provider's button for trying whether we listen
    is_test: bool = False
    #: what may be kept of it: no names, no numbers of cards or phones
    kept: Mapping[str, Any] = field(default_factory=dict[str, Any])


class PaymentGateway(Protocol):
    """One payment provider. No call waits longer than 15 seconds."""

    async def create(self, account: Account, asked: Asked, /) -> Page:
        """Have a page made. Raises GatewayRefused, GatewayUncertain."""
        ...

    async def read(
        self, account: Account, payment: Payment, refunds: Sequence[Refund], /
    ) -> Reading:
        """What the provider knows of our reference; no facts: it has seen nobody pay yet.

        Raises GatewayUncertain, also where the answer is not about this payment; GatewayRefused
        where it would not talk to us at all.
        """
        ...

    async def close(self, account: Account, payment: Payment, /) -> None:
        """See to it that nobody can pay any more; harmless where that is so, or too late.

        Raises GatewayUncertain, GatewayRefused.
        """
        ...

    async def refund(self, account: Account, payment: Payment, refund: Refund, /) -> RefundAnswer:
        """Send money back; asked again with the same key, nothing more is sent.

        Raises GatewayRefused where the provider never will, GatewayUncertain.
        """
        ...


class CallbackReader(Protocol):
    """How one provider's callbacks are read, and told from anybody's."""

    def heard(self, headers: Headers, body: Body, /) -> Heard:
        """Raises CallbackUnreadable."""
        ...

    def is_authentic(self, account: Account, headers: Headers, body: Body, /) -> bool:
        """In constant time."""
        ...

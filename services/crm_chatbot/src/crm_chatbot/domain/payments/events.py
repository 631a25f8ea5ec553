"""What was heard of a payment, by callbacks and by customers; none of it is a fact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from crm_chatbot.domain.conversations.message import MessageId
from crm_chatbot.domain.payments.payment import PaymentId, Provider


@dataclass(frozen=True, kw_only=True)
class PaymentEvent:
    """A callback that was genuine."""

    provider: Provider
    #: the same for the same event, however often it was told
    key: str
    payment_id: PaymentId
    status: str
    received_at: datetime
    #: it claims that money came, by this payment of the provider's
    money_by: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: when the provider was asked because of it
    looked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A picture that the customer sent while a manual transfer was awaited."""

    payment_id: PaymentId
    message_id: MessageId
    received_at: datetime


class PaymentEvents(Protocol):
    """Every genuine callback of one tenant, and every proof that customers sent."""

    async def record(self, event: PaymentEvent, /) -> bool:
        """False if it was known."""
        ...

    async def of(self, payment_id: PaymentId, /) -> Sequence[PaymentEvent]:
        """The oldest first."""
        ...

    async def looked(self, keys: Sequence[str], payment_id: PaymentId, now: datetime, /) -> None:
        """The provider was asked after these were heard."""
        ...

    async def prove(self, proof: Proof, /) -> bool:
        """False if it was known."""
        ...

    async def proofs(self, payment_id: PaymentId, /) -> Sequence[Proof]:
        """The oldest first."""
        ...

"""Payments, refunds and shops' accounts as clients see them; keys only by their last letters."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from crm_chatbot.application.payments.accounts import LONGEST_DETAILS, AccountChange, AccountView
from crm_chatbot.application.payments.desk import PaymentSeen
from crm_chatbot.application.payments.refunding import RefundWish
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.refund import LONGEST_REASON, Refund, RefundStatus
from crm_chatbot.domain.payments.standing import Fact, FactKind, PaymentStatus
from crm_chatbot.interface.tenants.views import Body, Hint

_Secret = Annotated[str, Field(min_length=8, max_length=500, pattern=r"^[!-~]+$")]
_Amount = Annotated[int, Field(gt=0, le=10**15)]


class PaymentStart(Body):
    """How it is to be paid."""

    provider: Provider | None = Field(
        None, description="`manual`: a bank transfer, or cash. Left out: as the shop prefers."
    )


class RefundBody(Body):
    """What is to go back."""

    amount: _Amount | None = Field(
        None, description="In the currency's smallest unit. Left out: all that is left."
    )
    reason: str = Field(min_length=1, max_length=LONGEST_REASON, examples=["Stok rusak"])
    by_hand: bool = Field(
        default=False, description="It was sent already, past the provider: only write it down."
    )

    def wish(self, actor: str) -> RefundWish:
        return RefundWish(
            reason=self.reason, actor=actor, amount=self.amount, is_by_hand=self.by_hand
        )


class Review(Body):
    """What a person has found at the bank."""

    approve: bool = Field(description="The money has arrived.")
    reason: str = Field("", max_length=LONGEST_REASON)


class AccountBody(Body):
    """A shop's account with a payment provider. What is left out stays as it is."""

    secret: _Secret | None = Field(
        None,
        description="Midtrans's server key, or Xendit's secret key. Never shown again. Left out, "
        "it stays.",
    )
    callback_token: _Secret | None = Field(
        None, description="Xendit's webhook token. Never shown again. Left out, it stays."
    )
    is_production: bool | None = Field(
        None, description="Real money; Xendit tells it by the key. At first: false."
    )
    is_enabled: bool | None = Field(None, description="At first: true.")
    is_default: bool | None = Field(
        None, description="Orders are paid by it, unless asked otherwise. At first: false."
    )
    details: str | None = Field(
        None,
        max_length=LONGEST_DETAILS,
        description="Of a manual transfer: the bank, the number and the holder, as customers "
        "read it.",
        examples=["BCA 1234567890 a.n. Ani Wijaya"],
    )

    def change(self) -> AccountChange:
        return AccountChange(**dict(self))


class AccountShown(BaseModel):
    """An account, without its secrets."""

    provider: Provider
    secret: Hint | None
    callback_token: Hint | None
    is_production: bool
    is_enabled: bool
    is_default: bool
    details: str
    updated_at: datetime

    @classmethod
    def of(cls, view: AccountView) -> "AccountShown":
        return cls(
            provider=view.provider,
            secret=Hint.of(view.secret),
            callback_token=Hint.of(view.callback_token),
            is_production=view.is_production,
            is_enabled=view.is_enabled,
            is_default=view.is_default,
            details=view.details,
            updated_at=view.updated_at,
        )


class RefundView(BaseModel):
    """Money that goes back."""

    id: UUID
    amount: int = Field(description="In the currency's smallest unit.")
    reason: str
    status: RefundStatus
    detail: str | None = Field(description="Why it failed: a code.")
    requested_by: str
    created_at: datetime
    done_at: datetime | None

    @classmethod
    def of(cls, refund: Refund) -> "RefundView":
        return cls(
            id=refund.id,
            amount=refund.amount,
            reason=refund.reason,
            status=refund.status,
            detail=refund.detail,
            requested_by=refund.actor,
            created_at=refund.created_at,
            done_at=refund.done_at,
        )


class FactView(BaseModel):
    """What the provider, or a person, has said of a transaction."""

    transaction: str
    kind: FactKind
    amount: int
    currency: str
    fee: int
    refunded: int

    @classmethod
    def of(cls, fact: Fact) -> "FactView":
        return cls(**vars(fact))


class EventView(BaseModel):
    """A callback that was genuine."""

    status: str
    received_at: datetime
    looked_at: datetime | None = Field(description="When the provider was asked because of it.")
    body: Mapping[str, Any] = Field(description="What may be kept of it.")


class ProofView(BaseModel):
    """A picture that the customer sent."""

    message_id: UUID
    received_at: datetime


class PaymentView(BaseModel):
    """One attempt at getting an order paid; amounts in the currency's smallest unit."""

    id: UUID
    order_id: UUID
    attempt: int
    provider: Provider
    reference: str = Field(description="By which the provider knows it.")
    status: PaymentStatus
    reason: str | None
    amount: int
    currency: str
    paid_amount: int
    refunded_amount: int
    url: str | None
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None

    @classmethod
    def of(cls, payment: Payment) -> "PaymentView":
        return cls(**{name: getattr(payment, name) for name in cls.model_fields})


class PaymentDetails(PaymentView):
    """The same, with all that is known about it."""

    facts: list[FactView]
    events: list[EventView]
    refunds: list[RefundView]
    proofs: list[ProofView]

    @classmethod
    def seen(cls, seen: PaymentSeen) -> "PaymentDetails":
        facts = sorted(seen.payment.facts, key=lambda one: (one.transaction, one.kind))
        return cls(
            **PaymentView.of(seen.payment).model_dump(),
            facts=[FactView.of(one) for one in facts],
            events=[EventView(**_told(one)) for one in seen.events],
            refunds=[RefundView.of(one) for one in seen.refunds],
            proofs=[
                ProofView(message_id=one.message_id, received_at=one.received_at)
                for one in seen.proofs
            ],
        )


class PaymentList(BaseModel):
    """Every attempt at getting one order paid, the oldest first."""

    payments: list[PaymentView]


def _told(event: Any) -> dict[str, Any]:  # noqa: ANN401 - a PaymentEvent's fields by our names
    return {name: getattr(event, name) for name in EventView.model_fields}

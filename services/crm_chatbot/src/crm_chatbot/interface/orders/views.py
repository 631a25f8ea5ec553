"""Orders as clients see them: the schemas of requests and answers."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from crm_chatbot.application.orders.desk import LONGEST_REASON, Ruling
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import RUPIAH, Currency, formatted
from crm_chatbot.domain.orders.concern import Concern
from crm_chatbot.domain.orders.order import (
    LONGEST_ADDRESS,
    LONGEST_NOTE,
    Delivery,
    Order,
    OrderEvent,
    OrderRejected,
    OrderStatus,
    Wanted,
)
from crm_chatbot.interface.tenants.views import Body, Number

Reason = Annotated[str, StringConstraints(max_length=LONGEST_REASON)]


class MoneyView(BaseModel):
    """An amount of money."""

    amount: int = Field(description="In the currency's smallest unit: whole rupiah, say.")
    currency: str = Field(examples=["IDR"])
    formatted: str = Field(examples=["Rp170.000"])

    @classmethod
    def of(cls, amount: int, currency: Currency) -> "MoneyView":
        language = Language.INDONESIAN if currency == RUPIAH else Language.ENGLISH
        text = formatted(amount, currency, language)
        return cls(amount=amount, currency=currency.code, formatted=text)


class LineView(BaseModel):
    """So many of one variant, at the price that was captured."""

    variant_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price: MoneyView
    amount: MoneyView


class DiscountTakenView(BaseModel):
    """What one of the shop's rules takes off."""

    rule_id: UUID
    name: str
    amount: MoneyView


class DeliveryView(BaseModel):
    """Where to, and what that costs."""

    address: str
    zone: str = Field(description="`pickup`: it is picked up there.")
    fee: MoneyView
    latitude: float | None
    longitude: float | None


class OrderView(BaseModel):
    """An order as it is now."""

    id: UUID
    tenant_id: UUID
    customer_id: UUID
    number: str = Field(examples=["ORD-1001"])
    status: OrderStatus
    lines: list[LineView]
    subtotal: MoneyView
    discounts: list[DiscountTakenView]
    delivery: DeliveryView | None
    total: MoneyView
    note: str
    promo_code: str
    confirmed_at: datetime | None
    expires_at: datetime | None = Field(description="Until when its stock is kept for it.")
    paid_at: datetime | None
    paid_by: UUID | None = Field(description="The payment that paid it.")
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: Order) -> "OrderView":
        def money(amount: int) -> MoneyView:
            return MoneyView.of(amount, order.currency)

        retold: dict[str, Any] = {
            "lines": [
                {**vars(one), "unit_price": money(one.unit_price), "amount": money(one.amount)}
                for one in order.lines
            ],
            "discounts": [{**vars(one), "amount": money(one.amount)} for one in order.discounts],
            "delivery": order.delivery
            and {**vars(order.delivery), "fee": money(order.delivery.fee)},
            "subtotal": money(order.subtotal),
            "total": money(order.total),
        }
        return cls.model_validate(vars(order) | retold)


class OrderPage(BaseModel):
    """Orders, the newest first."""

    orders: list[OrderView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


class OrderListQuery(Body):
    """Which orders, and which page of them."""

    status: list[OrderStatus] = Field([], max_length=20, description="Any of these.")
    customer_id: UUID | None = None
    since: datetime | None = Field(None, description="Begun then, or later; with its time zone.")
    q: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = Field(
        None, description="A number, or how one begins.", examples=["ORD-10"]
    )
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")

    def wanted(self) -> Wanted:
        return Wanted(
            statuses=frozenset(self.status),
            customer_id=None if self.customer_id is None else CustomerId(self.customer_id),
            since=self.since,
            number=self.q,
        )


class StatusBody(Body):
    """What is to become of an order."""

    status: OrderStatus = Field(examples=["FULFILLED"])
    reason: Reason = Field("", description="For colleagues; needed where money is in question.")

    def ruling(self, actor: str) -> Ruling:
        return Ruling(status=self.status, actor=actor, reason=self.reason)


class OrderNoteBody(Body):
    """What colleagues should know; nothing takes it away."""

    note: Annotated[str, StringConstraints(max_length=LONGEST_NOTE, pattern=r"^[^\x00]*$")] = Field(
        examples=["Tanpa gula"]
    )


class AddressBody(Body):
    """Where an order goes: an address, perhaps with its place on the map; or it is picked up."""

    address: (
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=LONGEST_ADDRESS, pattern=r"^[^\x00]*$"),
        ]
        | None
    ) = Field(None, examples=["Jl. Contoh 1, Bandung"])
    pickup: bool = Field(
        default=False, description="At the shop's `pickup_address`; then without an address."
    )
    latitude: Annotated[Number, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[Number, Field(ge=-180, le=180)] | None = None

    def place(self) -> Delivery | None:
        """None: it is picked up. Raises OrderRejected."""
        if self.pickup:
            if (self.address, self.latitude, self.longitude) != (None, None, None):
                raise OrderRejected(field="pickup", reason="not together with an address")
            return None
        if self.address is None:
            raise OrderRejected(field="address", reason="is needed, unless it is picked up")
        return Delivery(
            address=self.address,
            zone="",
            fee=0,
            latitude=self.latitude,
            longitude=self.longitude,
        )


class OrderEventView(BaseModel):
    """One step of an order's life."""

    what: str = Field(examples=["order.confirmed"])
    at: datetime
    actor: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, event: OrderEvent) -> "OrderEventView":
        return cls.model_validate(vars(event))


class OrderEvents(BaseModel):
    """All of an order's life, the oldest first."""

    events: list[OrderEventView]


class ConcernListQuery(Body):
    """Which concerns, and which page of them."""

    settled: bool | None = Field(None, description="Left out: both.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")


class SettleBody(Body):
    """How it was settled."""

    note: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] = Field(
        examples=["Refunded by bank transfer."]
    )


class ConcernView(BaseModel):
    """Something about an order's money that a person has to decide."""

    id: UUID
    code: str = Field(examples=["paid_without_stock"])
    sentence: str
    order_id: UUID
    payment_id: UUID | None
    customer_id: UUID
    facts: dict[str, Any]
    raised_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    note: str

    @classmethod
    def of(cls, concern: Concern) -> "ConcernView":
        return cls.model_validate(vars(concern) | {"sentence": concern.sentence})


class ConcernPage(BaseModel):
    """Concerns, the newest first."""

    concerns: list[ConcernView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")

"""A shop's delivery table and discounts as clients see them."""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StringConstraints

from crm_chatbot.domain.orders.delivery import (
    HIGHEST_FEE,
    LONGEST_NAME,
    LONGEST_WORD,
    MOST_WORDS,
    MOST_ZONES,
    DeliveryTerms,
    Zone,
)
from crm_chatbot.domain.orders.discount import HIGHEST_AMOUNT, DiscountRule, Terms
from crm_chatbot.domain.orders.order import LONGEST_ADDRESS
from crm_chatbot.interface.tenants.views import Body, Whole

Fee = Annotated[Whole, Field(ge=0, le=HIGHEST_FEE, description="In the currency's smallest unit.")]


class ZoneBody(Body):
    """A part of the world that costs the same to deliver to."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)] = Field(
        examples=["Bandung"]
    )
    words: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_WORD)]],
        Field(min_length=1, max_length=MOST_WORDS),
    ] = Field(
        description="Cities, districts: an address with one of them lies here. Of several zones "
        "the one with the longest word.",
        examples=[["bandung", "cimahi"]],
    )
    fee: Fee = Field(examples=[15000])


class DeliveryBody(Body):
    """All of a shop's table; what is left out there is not."""

    zones: Annotated[list[ZoneBody], Field(max_length=MOST_ZONES)] = Field(
        default_factory=list[ZoneBody]
    )
    default_fee: Fee | None = Field(
        None, description="For whatever lies in no zone; null: a colleague tells."
    )
    pickup_address: Annotated[str, StringConstraints(max_length=LONGEST_ADDRESS)] = Field(
        "", description="Where orders may be picked up; empty: nowhere."
    )

    def terms(self) -> DeliveryTerms:
        """Raises DeliveryRejected."""
        zones = (Zone(name=one.name, words=tuple(one.words), fee=one.fee) for one in self.zones)
        return DeliveryTerms(
            zones=tuple(zones),
            default_fee=self.default_fee,
            pickup_address=self.pickup_address.strip(),
        )

    @classmethod
    def of(cls, terms: DeliveryTerms) -> "DeliveryBody":
        zones = [ZoneBody(name=z.name, words=list(z.words), fee=z.fee) for z in terms.zones]
        return cls(zones=zones, default_fee=terms.default_fee, pickup_address=terms.pickup_address)


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


#: What is left out of a body stays as it is, or gets its default.
_UNSAID: Any = Field(default=None, json_schema_extra=_no_default)
Amount = Annotated[Whole, Field(ge=1, le=HIGHEST_AMOUNT)]


class DiscountTerms(Body):
    """Either `percent` or `amount`; each condition that is named has to hold."""

    percent: Annotated[Whole, Field(ge=1, le=100)] | None = _UNSAID
    amount: Amount | None = _UNSAID
    min_subtotal: Annotated[Whole, Field(ge=0, le=HIGHEST_AMOUNT)] = _UNSAID
    category: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = _UNSAID
    starts_at: AwareDatetime | None = _UNSAID
    ends_at: AwareDatetime | None = _UNSAID
    code: Annotated[str, StringConstraints(min_length=3, max_length=32)] | None = _UNSAID
    is_active: StrictBool = _UNSAID

    def said(self) -> Terms:
        return cast("Terms", {name: getattr(self, name) for name in self.model_fields_set})


class NewDiscount(DiscountTerms):
    """A rule that is not there yet."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        examples=["Promo Mei"]
    )


class DiscountChange(DiscountTerms):
    """What is to be otherwise; null takes a condition away."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] = _UNSAID


class DiscountView(BaseModel):
    """A rule as it is now."""

    id: UUID
    name: str
    percent: int | None
    amount: int | None = Field(description="In the currency's smallest unit.")
    min_subtotal: int
    category: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    code: str | None = Field(description="Only for customers who write it.")
    is_active: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, rule: DiscountRule) -> "DiscountView":
        return cls.model_validate(vars(rule))


class Discounts(BaseModel):
    """All of a shop's rules, in the order in which they hold."""

    discounts: list[DiscountView]

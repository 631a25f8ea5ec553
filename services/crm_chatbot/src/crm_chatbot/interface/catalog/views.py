"""Products as clients see them: the schemas of requests and answers."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StringConstraints, model_validator

from crm_chatbot.application.catalog.service import Adjusted, Counted, VariantWish
from crm_chatbot.domain.catalog.product import (
    CATEGORY_LIMIT,
    DESCRIPTION_LIMIT,
    HIGHEST_PRICE,
    MOST_IMAGES,
    MOST_VARIANTS,
    NAME_LIMIT,
    SKU_LIMIT,
    URL_LIMIT,
    VARIANT_NAME_LIMIT,
    Description,
    Product,
    ProductRejected,
    ProductStatus,
    Variant,
    VariantId,
)
from crm_chatbot.domain.catalog.searching import QUERY_LIMIT
from crm_chatbot.domain.catalog.stock import MOST_ON_HAND, Movement, MovementKind
from crm_chatbot.interface.tenants.views import Body, Whole


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _unsaid(**told: Any) -> Any:  # noqa: ANN401 - a field's default, whatever the field's type
    """What is left out of a body stays as it is."""
    return Field(default=None, json_schema_extra=_no_default, **told)


_UNSAID: Any = _unsaid()


def _line(limit: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=limit)


Name = Annotated[str, _line(NAME_LIMIT)]
Sku = Annotated[str, _line(SKU_LIMIT)]
Price = Annotated[
    Whole,
    Field(ge=0, le=HIGHEST_PRICE, description="In the smallest unit of the shop's currency."),
]
OnHand = Annotated[Whole, Field(ge=0, le=MOST_ON_HAND, description="How many there are.")]
AllowFree = Annotated[StrictBool, Field(description="That a price of 0 is no mistake.")]


class VariantBody(Body):
    """A variant; with `id` one that is there, of which stays what is left out."""

    id: UUID = _UNSAID
    sku: Sku = _UNSAID
    name: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=VARIANT_NAME_LIMIT)
    ] = _unsaid(examples=["250 gr"])
    price: Price = _UNSAID
    stock: OnHand = _unsaid(description="Of a new variant; that of others is counted or adjusted.")
    is_active: StrictBool = _UNSAID

    def wish(self) -> VariantWish:
        said = {name: getattr(self, name) for name in self.model_fields_set}
        if "id" in said:
            said["id"] = VariantId(self.id)
        return cast("VariantWish", said)


class _Described(Body):
    """What is said of a product."""

    description: Annotated[str, StringConstraints(max_length=DESCRIPTION_LIMIT)] = _UNSAID
    category: Annotated[str, _line(CATEGORY_LIMIT)] | None = _UNSAID
    image_urls: Annotated[
        list[Annotated[str, StringConstraints(max_length=URL_LIMIT)]],
        Field(max_length=MOST_IMAGES, description="They begin with https://."),
    ] = _UNSAID
    allow_free: AllowFree = False
    variants: Annotated[
        list[VariantBody],
        Field(
            min_length=1,
            max_length=MOST_VARIANTS,
            description="All that it has; those that are left out are sold no longer.",
        ),
    ] = _UNSAID

    def described(self) -> Description:
        said = {name: getattr(self, name) for name in self.model_fields_set & _DESCRIPTION}
        if "image_urls" in said:
            said["image_urls"] = tuple(said["image_urls"])
        if "description" in said:
            said["description"] = said["description"].replace("\r\n", "\n")
        return cast("Description", said)


_DESCRIPTION = Description.__annotations__.keys()


class NewProduct(_Described):
    """With a `price`, and perhaps a `sku` and `stock`, if it has but one variant."""

    name: Name = Field(examples=["Kopi Gayo"])
    price: Price = _unsaid(examples=[85000])
    sku: Sku = _UNSAID
    stock: OnHand = _unsaid(examples=[10])

    @model_validator(mode="after")
    def _has_one_kind_of_price(self) -> "NewProduct":
        named = self.model_fields_set
        if ("price" in named) == ("variants" in named):
            raise ValueError("Either a price or variants.")
        if "variants" in named and named & {"sku", "stock"}:
            raise ValueError("Where there are variants, each has its own sku and stock.")
        return self

    def wishes(self) -> list[VariantWish]:
        if "variants" in self.model_fields_set:
            return [one.wish() for one in self.variants]
        own = self.model_fields_set & {"price", "sku", "stock"}
        return [cast("VariantWish", {name: getattr(self, name) for name in own})]

    @contextmanager
    def pointed_at(self) -> Generator[None]:
        """Refusals name the field that the caller wrote."""
        try:
            yield
        except ProductRejected as refused:
            if "variants" in self.model_fields_set:
                raise
            field = str(refused.facts["field"]).removeprefix("variants/0/")
            raise ProductRejected(field=field, reason=refused.facts["reason"]) from refused


class ProductChange(_Described):
    """What is to be otherwise; nothing else changes. A category of null takes it away."""

    name: Name = _UNSAID

    def wishes(self) -> list[VariantWish] | None:
        if "variants" not in self.model_fields_set:
            return None
        return [one.wish() for one in self.variants]


class StockBody(Body):
    """Either `count`: so many there are; or `change` and `kind`: so many more, or fewer."""

    count: OnHand = _UNSAID
    change: Annotated[Whole, Field(ge=-MOST_ON_HAND, le=MOST_ON_HAND)] = _unsaid(examples=[-2])
    kind: Literal["received", "lost", "returned"] = _unsaid(examples=["lost"])
    reason: Annotated[str, _line(200)] | None = Field(None, examples=["Broken in transit"])

    @model_validator(mode="after")
    def _says_one_thing(self) -> "StockBody":
        said = self.model_fields_set & {"count", "change", "kind"}
        if said not in ({"count"}, {"change", "kind"}):
            raise ValueError("Either a count, or a change and its kind.")
        return self

    def what(self) -> Counted | Adjusted:
        if "count" in self.model_fields_set:
            return Counted(count=self.count)
        return Adjusted(change=self.change, kind=MovementKind(self.kind))


class ProductListQuery(Body):
    """Which products are asked for."""

    q: Annotated[str, StringConstraints(max_length=QUERY_LIMIT)] | None = Field(
        None, description="What customers would write; the best come first, in one page."
    )
    category: str | None = Field(None, max_length=CATEGORY_LIMIT)
    status: ProductStatus | None = None
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")


class LedgerQuery(Body):
    """Which page of the ledger."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")


class VariantView(BaseModel):
    """A variant, and how many of it there are."""

    id: UUID
    sku: str
    name: str
    price: int = Field(description="In the smallest unit of the shop's currency.")
    on_hand: int
    reserved: int = Field(description="How many of those are promised to orders.")
    available: int = Field(description="How many can be ordered.")
    is_active: bool

    @classmethod
    def of(cls, variant: Variant) -> "VariantView":
        return cls.model_validate(vars(variant) | {"available": variant.available})


class ProductView(BaseModel):
    """A product as it is now."""

    id: UUID
    name: str
    description: str
    category: str | None
    image_urls: list[str]
    status: ProductStatus = Field(description="What is archived is neither found nor sold.")
    variants: list[VariantView]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, product: Product) -> "ProductView":
        variants = list(map(VariantView.of, product.variants))
        facts: Mapping[str, Any] = vars(product) | {"variants": variants}
        return cls.model_validate({**facts, "image_urls": [*product.image_urls]})


class ProductPage(BaseModel):
    """Products, the newest first; of a search, the best first."""

    products: list[ProductView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


class CategoryView(BaseModel):
    """A category, and how many products of it are sold."""

    name: str
    products: int


class Categories(BaseModel):
    """All of them, in order."""

    categories: list[CategoryView]


class MovementView(BaseModel):
    """One line of a variant's ledger."""

    id: int
    kind: MovementKind
    on_hand_change: int
    reserved_change: int
    reason: str | None
    actor: str = Field(description="Who it was: a key, an import, an order.")
    order_id: UUID | None
    at: datetime

    @classmethod
    def of(cls, movement: Movement) -> "MovementView":
        return cls.model_validate(vars(movement))


class StockMoved(BaseModel):
    """What was written down, and what there is since."""

    movement: MovementView
    variant: VariantView


class LedgerPage(BaseModel):
    """What happened to a variant's stock, the latest first."""

    movements: list[MovementView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


class Synonyms(Body):
    """Groups of words, or of a few words each, that customers use for the same thing."""

    groups: list[list[str]] = Field(examples=[[["kopi", "ngopi"], ["kopi susu", "latte"]]])

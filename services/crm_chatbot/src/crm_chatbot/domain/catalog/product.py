"""A product: what a shop sells, in one variant or more, and what may be written about it."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType, Protocol, TypedDict, Unpack
from urllib.parse import urlsplit
from uuid import UUID

from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

ProductId = NewType("ProductId", UUID)
VariantId = NewType("VariantId", UUID)

NAME_LIMIT = 200
DESCRIPTION_LIMIT = 5_000
CATEGORY_LIMIT = 100
VARIANT_NAME_LIMIT = 100
SKU_LIMIT = 64
URL_LIMIT = 2_000
MOST_IMAGES = 10
MOST_VARIANTS = 100
#: in the currency's smallest unit
HIGHEST_PRICE = 10**12

# Nothing that a spreadsheet takes for a formula begins a SKU.
_SKU = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._/+-]{{0,{SKU_LIMIT - 1}}}")
# They turn what follows around: "gnp.exe" would be read as "exe.png".
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class ProductStatus(StrEnum):
    ACTIVE = "active"  #: found and sold
    ARCHIVED = "archived"  #: kept for its history


class ProductNotFound(NotFound):
    message = "There is no product {product_id}."


class VariantNotFound(NotFound):
    message = "There is no variant {variant_id}."


class ProductRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class SkuTaken(Conflict):
    message = "Another variant has the SKU {sku!r}."


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is put into a cart. Its stock is changed by `domain.catalog.stock.Stock` alone."""

    id: VariantId
    sku: str
    #: of one unit, in the smallest unit of the tenant's currency
    price: int
    #: such as "250 gr"; empty where the product has only this one
    name: str = ""
    on_hand: int = 0
    #: of those on hand, how many are promised to orders
    reserved: int = 0
    is_active: bool = True

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


class Description(TypedDict, total=False):
    """What is said of a product; `category` None takes it away."""

    name: str
    description: str
    category: str | None
    image_urls: tuple[str, ...]


@dataclass(eq=False, kw_only=True)
class Product(Aggregate):
    """What is said of a product, and its variants; `version` grows with each change."""

    id: ProductId
    tenant_id: TenantId
    name: str
    variants: tuple[Variant, ...]
    created_at: datetime
    updated_at: datetime
    description: str = ""
    category: str | None = None
    image_urls: tuple[str, ...] = ()
    status: ProductStatus = ProductStatus.ACTIVE
    version: int = 1

    @property
    def is_active(self) -> bool:
        return self.status is ProductStatus.ACTIVE

    def variant(self, variant_id: VariantId) -> Variant:
        """Raises VariantNotFound."""
        for one in self.variants:
            if one.id == variant_id:
                return one
        raise VariantNotFound(variant_id=variant_id)

    def describe(self, now: datetime, **said: Unpack[Description]) -> None:
        """Only what is named. Raises ProductRejected, and then nothing has changed."""
        refuse_bad_description(**said)
        for field, value in said.items():
            setattr(self, field, value)
        self.updated_at = now

    def offer(
        self, variants: Sequence[Variant], now: datetime, *, allow_free: bool = False
    ) -> None:
        """In these variants from now on; one that is left out is kept, but no longer active.

        Raises ProductRejected, and then nothing has changed.
        """
        refuse_bad_variants(variants, allow_free=allow_free)
        named = {one.id for one in variants}
        gone = [_withdrawn(one) for one in self.variants if one.id not in named]
        if len(variants) + len(gone) > MOST_VARIANTS:
            raise ProductRejected(field="variants", reason=f"at most {MOST_VARIANTS}")
        self.variants, self.updated_at = (*variants, *gone), now

    def become(self, status: ProductStatus, now: datetime) -> None:
        """A second time is no mistake."""
        if status is not self.status:
            self.status, self.updated_at = status, now


@dataclass(frozen=True)
class Offer:
    """A variant as one may order it."""

    product_id: ProductId
    product_name: str
    variant: Variant
    #: both the product and the variant are active
    is_for_sale: bool
    category: str | None = None

    @property
    def title(self) -> str:
        """What customers read on a line of their order."""
        return ", ".join(filter(None, (self.product_name, self.variant.name)))


class Products(Protocol):
    """Every product of one tenant.

    Who locks several variants does so in the order of their ids, and products before variants.
    """

    async def get(self, product_id: ProductId, /) -> Product:
        """Raises ProductNotFound."""
        ...

    async def add(self, *products: Product) -> None:
        """Without any stock: what there is of it is counted afterwards. Raises SkuTaken."""
        ...

    async def save(self, *products: Product) -> None:
        """Never their stock. Raises SkuTaken.

        Raises ChangedMeanwhile, where somebody else saved one since it was got.
        """
        ...

    async def by_skus(self, skus: Sequence[str], /) -> list[Product]:
        """Those that have one of these SKUs; they and all their variants are locked."""
        ...

    async def these(self, product_ids: Sequence[ProductId], /) -> list[Product]:
        """Those that there are, in any order."""
        ...

    async def page(
        self,
        *,
        before: ProductId | None,
        limit: int,
        status: ProductStatus | None = None,
        category: str | None = None,
    ) -> list[Product]:
        """The newest first; with `before`, those that are older."""
        ...

    async def categories(self) -> list[tuple[str, int]]:
        """Each category of active products, and how many there are of them; in order."""
        ...

    async def variant(self, variant_id: VariantId, /) -> Offer:
        """Raises VariantNotFound."""
        ...

    async def variants(self, variant_ids: Sequence[VariantId], /) -> list[Offer]:
        """Those that there are, in any order."""
        ...


def refuse_bad_description(**said: Unpack[Description]) -> None:
    """Raises ProductRejected."""
    for field, value in said.items():
        rule, reason = _RULES[field]
        if not rule(value):
            raise ProductRejected(field=field, reason=reason)


def refuse_bad_variants(variants: Sequence[Variant], *, allow_free: bool = False) -> None:
    """Raises ProductRejected. A price of 0 is a mistake unless it is said that it is none."""
    if not 0 < len(variants) <= MOST_VARIANTS:
        raise ProductRejected(field="variants", reason=f"1 to {MOST_VARIANTS}")
    for place, one in enumerate(variants):
        for field, is_right, reason in _faults(one, allow_free=allow_free):
            if not is_right:
                raise ProductRejected(field=f"variants/{place}/{field}", reason=reason)
    _refuse_twins(variants)


def _faults(variant: Variant, *, allow_free: bool) -> Sequence[tuple[str, bool, str]]:
    lowest = 0 if allow_free else 1
    return (
        (
            "sku",
            _SKU.fullmatch(variant.sku) is not None,
            f"1 to {SKU_LIMIT} letters and digits, with . _ / + - between them",
        ),
        (
            "name",
            variant.name == "" or _is_line(VARIANT_NAME_LIMIT)(variant.name),
            f"at most {VARIANT_NAME_LIMIT} printable characters",
        ),
        (
            "price",
            lowest <= variant.price <= HIGHEST_PRICE,
            f"{lowest} to {HIGHEST_PRICE}"
            + ("" if allow_free else "; 0 only together with allow_free"),
        ),
    )


def _refuse_twins(variants: Sequence[Variant]) -> None:
    skus, names = set[str](), set[str]()
    for place, one in enumerate(variants):
        if one.sku in skus:
            raise ProductRejected(field=f"variants/{place}/sku", reason="it is there twice")
        if one.is_active and one.name.casefold() in names:
            reason = "two variants cannot be told apart"
            raise ProductRejected(field=f"variants/{place}/name", reason=reason)
        skus.add(one.sku)
        names |= {one.name.casefold()} if one.is_active else set()


def made_sku(name: str, variant_name: str, variant_id: UUID) -> str:
    """A SKU for a variant that was given none: part of its names, and of its id."""
    plain = unicodedata.normalize("NFKD", f"{name} {variant_name}").encode("ascii", "ignore")
    words = re.findall(r"[A-Z0-9]+", plain.decode().upper())
    return "-".join(words[:3] or ["P"])[:24].rstrip("-") + f"-{variant_id.hex[-8:].upper()}"


def _withdrawn(variant: Variant) -> Variant:
    return replace(variant, is_active=False)


def _is_text(text: str) -> bool:
    """Whether PostgreSQL can keep it, and everybody reads it in the order it is written in."""
    return not any(
        one in _BIDI or (unicodedata.category(one) in {"Cc", "Cs"} and one not in "\n\t")
        for one in text
    )


def _is_line(limit: int) -> Callable[[str], bool]:
    return lambda text: (
        len(text) <= limit
        and says_something(text)
        and _is_text(text)
        and not {"\n", "\t"} & set(text)
        and text == text.strip()
    )


def _is_image(url: str) -> bool:
    if not 0 < len(url) <= URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (
        _is_line(NAME_LIMIT),
        f"1 to {NAME_LIMIT} printable characters, none that turns text around",
    ),
    "description": (
        lambda text: len(text) <= DESCRIPTION_LIMIT and _is_text(text),
        f"at most {DESCRIPTION_LIMIT} characters, none that turns text around",
    ),
    "category": (
        lambda text: text is None or _is_line(CATEGORY_LIMIT)(text),
        f"1 to {CATEGORY_LIMIT} printable characters, none that turns text around",
    ),
    "image_urls": (
        lambda urls: len(urls) <= MOST_IMAGES and all(map(_is_image, urls)),
        f"at most {MOST_IMAGES} addresses that begin with https://",
    ),
}

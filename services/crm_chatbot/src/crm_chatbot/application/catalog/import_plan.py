"""What a file makes of a catalog: every row is judged before any product is changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from crm_chatbot.application.catalog.csv_file import Row
from crm_chatbot.domain.catalog.imports import RowMistake
from crm_chatbot.domain.catalog.product import (
    Description,
    Product,
    ProductId,
    ProductRejected,
    ProductStatus,
    Variant,
    VariantId,
    refuse_bad_description,
    refuse_bad_variants,
)
from crm_chatbot.domain.catalog.stock import MOST_ON_HAND
from crm_chatbot.domain.tenants.tenant import TenantId

_YES, _NO = {"yes", "ya", "true", "1"}, {"no", "tidak", "false", "0"}
_STATUSES = {one.value: one for one in ProductStatus}
#: Said of the product: all of its rows say the same.
_SHARED = ("name", "category", "description", "image_urls", "status")


class _Bad(Exception):
    """A row that cannot be meant."""

    def __init__(self, column: str | None, code: str, message: str) -> None:
        super().__init__(message)
        self.told = column, code, message


@dataclass
class Plan:
    """Products to add and to save, and variants to count."""

    tenant_id: TenantId
    now: datetime
    new_id: Callable[[], UUID]
    by_sku: Mapping[str, Product]
    new: dict[ProductId, Product] = field(default_factory=dict[ProductId, Product])
    changed: dict[ProductId, Product] = field(default_factory=dict[ProductId, Product])
    counts: dict[VariantId, int] = field(default_factory=dict[VariantId, int])
    mistakes: list[RowMistake] = field(default_factory=list[RowMistake])
    rows_done: int = 0
    _heads: dict[ProductId, Row] = field(default_factory=dict[ProductId, Row])
    _owners: dict[tuple[str, str], Product] = field(default_factory=dict[tuple[str, str], Product])
    _lines: dict[str, int] = field(default_factory=dict[str, int])

    def follow(self, rows: Sequence[Row]) -> None:
        """Every row that is good takes effect, in order; of the others it says what is wrong."""
        for row in rows:
            product = self.by_sku.get(row.cells["sku"])
            if product is not None:
                self._owners.setdefault(_key(row), product)
        for row in rows:
            try:
                self._take(row)
            except _Bad as bad:
                self.mistakes.append(RowMistake(row.line, *bad.told))
            else:
                self.rows_done += 1

    @property
    def unchanged(self) -> int:
        return len(self._heads) - len(self.changed) - len(self.new)

    @cached_property
    def _known(self) -> set[ProductId]:
        return {one.id for one in self.by_sku.values()}

    def _take(self, row: Row) -> None:
        sku = row.cells["sku"]
        if not sku:
            raise _Bad("sku", "missing", "Every row needs a SKU: it says which variant is meant.")
        if sku in self._lines:
            told = f"The SKU is in line {self._lines[sku]} already."
            raise _Bad("sku", "duplicate_sku", told)
        self._lines[sku] = row.line
        product = self._product_of(row)
        said = self._said(row, product)
        variants = self._variants(row, product)
        before = _state(product)
        product.describe(self.now, **said)
        product.become(_STATUSES.get(row.cells.get("status", ""), product.status), self.now)
        product.offer(variants, self.now, allow_free=True)
        self._keep(row, product, is_changed=_state(product) != before)

    def _keep(self, row: Row, product: Product, *, is_changed: bool) -> None:
        self._heads.setdefault(product.id, row)
        self._owners.setdefault(_key(row), product)
        if product.id not in self._known:
            self.new[product.id] = product
        elif is_changed:
            self.changed[product.id] = product
        if stock := row.cells.get("stock"):
            variant = next(one for one in product.variants if one.sku == row.cells["sku"])
            if int(stock) != variant.on_hand:
                self.counts[variant.id] = int(stock)

    def _product_of(self, row: Row) -> Product:
        """The one that has the SKU already, or that the row's neighbours are of, or a new one."""
        owner = self._owners.get(_key(row))
        known = self.by_sku.get(row.cells["sku"])
        if known is not None:
            if owner is not known and row.cells.get("product"):
                told = "The SKU is of another product than the rows with the same product."
                raise _Bad("sku", "sku_of_another_product", told)
            return known
        if owner is not None:
            return owner
        return Product(
            id=ProductId(self.new_id()),
            tenant_id=self.tenant_id,
            name="",
            variants=(),
            created_at=self.now,
            updated_at=self.now,
        )

    def _said(self, row: Row, product: Product) -> Description:
        cells = row.cells
        head = self._heads.get(product.id)
        if head is not None:
            _refuse_other(row, head)
            return {}
        if not product.name and not cells.get("name"):
            raise _Bad("name", "missing", "A new product needs a name.")
        if cells.get("status", "") not in {"", *_STATUSES}:
            raise _Bad("status", "unknown_value", f"One of {', '.join(_STATUSES)}.")
        said = _described(cells)
        _refuse(lambda: refuse_bad_description(**said))
        return said

    def _variants(self, row: Row, product: Product) -> list[Variant]:
        """The product's, with the one that the row is about."""
        sku = row.cells["sku"]
        old = next((one for one in product.variants if one.sku == sku), None)
        if old is None and not row.cells.get("price"):
            raise _Bad("price", "missing", "What is new needs a price.")
        price = _number(row, "price")
        stock = _number(row, "stock", at_most=MOST_ON_HAND)
        if old is not None and stock is not None and stock < old.reserved:
            told = f"{old.reserved} of it are promised to orders: there cannot be fewer."
            raise _Bad("stock", "reserved_exceeds", told)
        named: dict[str, Any] = {
            "price": price,
            "name": row.cells.get("variant"),
            "is_active": _yes_or_no(row, "is_active"),
        }
        said = {name: value for name, value in named.items() if value is not None}
        one = replace(old or Variant(id=VariantId(self.new_id()), sku=sku, price=1), **said)
        allow_free = price is None or _yes_or_no(row, "allow_free") or False
        _refuse(lambda: refuse_bad_variants([one], allow_free=allow_free))
        rest = [each for each in product.variants if each.sku != sku]
        if old is not None:
            every = [one if each.sku == sku else each for each in product.variants]
        else:
            every = [*rest, one]
        _refuse(lambda: refuse_bad_variants(every, allow_free=True), column="variant")
        return every


def _key(row: Row) -> tuple[str, str]:
    """What rows of one product share."""
    for column in ("product", "name", "sku"):
        if told := row.cells.get(column):
            return column, told
    return "line", str(row.line)


def _state(product: Product) -> tuple[object, ...]:
    facts = {name: value for name, value in vars(product).items() if name != "updated_at"}
    return tuple(facts.items())


def _refuse_other(row: Row, head: Row) -> None:
    for column in _SHARED:
        told, first = row.cells.get(column, ""), head.cells.get(column, "")
        if told not in {"", first}:
            raise _Bad(column, "differs", f"Line {head.line} says otherwise of the same product.")


def _described(cells: Mapping[str, str]) -> Description:
    """Only what the file has columns for; a product always keeps a name."""
    said = Description()
    if cells.get("name"):
        said["name"] = cells["name"]
    if "category" in cells:
        said["category"] = cells["category"] or None
    if "description" in cells:
        said["description"] = cells["description"]
    if "image_urls" in cells:
        said["image_urls"] = tuple(cells["image_urls"].split())
    return said


def _refuse(check: Callable[[], None], *, column: str | None = None) -> None:
    """In a row's words what a rule refuses in its own."""
    try:
        check()
    except ProductRejected as refused:
        of_variant = {"name": "variant", "sku": "sku", "price": "price"}
        field_name = str(refused.facts["field"])
        named = of_variant.get(field_name.rpartition("/")[2]) if "/" in field_name else field_name
        raise _Bad(column or named, "invalid", str(refused.facts["reason"])) from refused


def _number(row: Row, column: str, *, at_most: int = 10**15) -> int | None:
    told = row.cells.get(column, "")
    if not told:
        return None
    if not (told.isascii() and told.isdigit()) or len(told) > 15:
        example = "85000" if column == "price" else "10"
        raise _Bad(column, "not_a_number", f"Digits alone, such as {example}.")
    if int(told) > at_most:
        raise _Bad(column, "out_of_range", f"At most {at_most}.")
    return int(told)


def _yes_or_no(row: Row, column: str) -> bool | None:
    told = row.cells.get(column, "").lower()
    if told not in {"", *_YES, *_NO}:
        raise _Bad(column, "unknown_value", "Either yes or no.")
    return None if not told else told in _YES

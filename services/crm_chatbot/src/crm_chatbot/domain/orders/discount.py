"""Discounts: rules of the shop, by which alone anything is ever taken off a price."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.orders.order import Discount, Line
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

DiscountId = NewType("DiscountId", UUID)

LONGEST_NAME = 100
LONGEST_CATEGORY = 100
HIGHEST_AMOUNT = 10**12
_CODE = re.compile(r"[A-Z0-9]{3,32}")
#: Who writes more words than these into a message does not tell a code: they try a list of them.
_MOST_WORDS = 30
_WORD = re.compile(r"[A-Za-z0-9]{1,32}")


class DiscountNotFound(NotFound):
    message = "There is no discount {discount_id}."


class DiscountCodeTaken(Conflict):
    message = "Another discount has the code {code}."
    at = "/code"


class DiscountRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class Terms(TypedDict, total=False):
    """What a rule says; None takes a condition away."""

    name: str
    percent: int | None
    amount: int | None
    min_subtotal: int
    category: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    code: str | None
    is_active: bool


@dataclass(frozen=True, kw_only=True)
class Goods:
    """A line, and the category that the catalog has it in."""

    line: Line
    category: str | None


@dataclass(eq=False, kw_only=True)
class DiscountRule(Aggregate):
    """So many percent, or so much, off; `version` grows with each change."""

    id: DiscountId
    tenant_id: TenantId
    name: str
    created_at: datetime
    updated_at: datetime
    #: whole percent of each line; either this or `amount`
    percent: int | None = None
    #: off the order as a whole, in the smallest unit
    amount: int | None = None
    #: of all goods, before anything is taken off
    min_subtotal: int = 0
    #: only goods of this one count; None: all do
    category: str | None = None
    starts_at: datetime | None = None
    #: no longer from then on
    ends_at: datetime | None = None
    #: only for who writes it; None: for everybody
    code: str | None = None
    is_active: bool = True
    version: int = 1

    def change(self, now: datetime, **terms: Unpack[Terms]) -> None:
        """Only what is named. Raises DiscountRejected, and then nothing has changed."""
        after: Terms = {**_terms_of(self), **terms}
        if code := after.get("code"):
            after["code"] = code.upper()
        _refuse_bad(after)
        for name, value in after.items():
            setattr(self, name, value)
        self.updated_at = now

    def holds(self, goods: Sequence[Goods], now: datetime, code: str) -> bool:
        """Whether it is for this cart, now, and for who wrote that code."""
        is_time = (self.starts_at is None or self.starts_at <= now) and (
            self.ends_at is None or now < self.ends_at
        )
        is_enough = sum(one.line.amount for one in goods) >= self.min_subtotal
        is_named = self.code is None or self.code == code.upper()
        return self.is_active and is_time and is_enough and is_named

    def takes_off(self, goods: Sequence[Goods]) -> int:
        """Integers only: each line's percents are rounded half up, so that sums stay exact."""
        covered = [one.line.amount for one in goods if self._covers(one)]
        if self.percent is not None:
            return sum((amount * self.percent + 50) // 100 for amount in covered)
        return min(self.amount or 0, sum(covered))

    def _covers(self, goods: Goods) -> bool:
        if self.category is None:
            return True
        return (goods.category or "").casefold() == self.category.casefold()


class DiscountRules(Protocol):
    """Every discount of one tenant."""

    async def get(self, discount_id: DiscountId, /) -> DiscountRule:
        """Raises DiscountNotFound."""
        ...

    async def all(self) -> Sequence[DiscountRule]:
        """The oldest first."""
        ...

    async def active(self) -> Sequence[DiscountRule]:
        """Those that are not switched off, the oldest first."""
        ...

    async def add(self, rule: DiscountRule, /) -> None:
        """Raises DiscountCodeTaken."""
        ...

    async def save(self, rule: DiscountRule, /) -> None:
        """Raises DiscountCodeTaken, ChangedMeanwhile."""
        ...

    async def remove(self, discount_id: DiscountId, /) -> None:
        """What it took off orders stays off. Raises DiscountNotFound."""
        ...


def discounts(
    rules: Sequence[DiscountRule], goods: Sequence[Goods], now: datetime, *, code: str
) -> tuple[Discount, ...]:
    """What the rules take off: each that holds, in their order, and never more than goods cost."""
    return tuple(_taken_off(rules, goods, now, code))


def _taken_off(
    rules: Sequence[DiscountRule], goods: Sequence[Goods], now: datetime, code: str
) -> Iterator[Discount]:
    left = sum(one.line.amount for one in goods)
    for rule in rules:
        amount = min(left, rule.takes_off(goods)) if rule.holds(goods, now, code) else 0
        if amount > 0:
            left -= amount
            yield Discount(rule_id=rule.id, name=rule.name, amount=amount)


def code_in(words: str, rules: Sequence[DiscountRule]) -> str | None:
    """The code of a rule that stands in a customer's own words, among the first 30 of them."""
    codes = {rule.code for rule in rules if rule.code and rule.is_active}
    said = _WORD.findall(words)[:_MOST_WORDS]
    return next((one.upper() for one in said if one.upper() in codes), None)


def _terms_of(rule: DiscountRule) -> Terms:
    return Terms(
        name=rule.name,
        percent=rule.percent,
        amount=rule.amount,
        min_subtotal=rule.min_subtotal,
        category=rule.category,
        starts_at=rule.starts_at,
        ends_at=rule.ends_at,
        code=rule.code,
        is_active=rule.is_active,
    )


def _refuse_bad(terms: Terms) -> None:
    for field, is_right, reason in _faults(terms):
        if not is_right:
            raise DiscountRejected(field=field, reason=reason)


def _faults(terms: Terms) -> Iterator[tuple[str, bool, str]]:
    name, percent, amount = terms.get("name", ""), terms.get("percent"), terms.get("amount")
    category, code = terms.get("category"), terms.get("code")
    starts, ends = terms.get("starts_at"), terms.get("ends_at")
    is_name = 0 < len(name) <= LONGEST_NAME and name.isprintable() and says_something(name)
    yield "name", is_name, f"1 to {LONGEST_NAME} printable characters"
    yield "percent", percent is None or 1 <= percent <= 100, "1 to 100"
    is_amount = amount is None or 1 <= amount <= HIGHEST_AMOUNT
    yield "amount", is_amount, f"1 to {HIGHEST_AMOUNT}"
    yield "amount", (percent is None) != (amount is None), "either an amount or percents"
    is_minimum = 0 <= terms.get("min_subtotal", 0) <= HIGHEST_AMOUNT
    yield "min_subtotal", is_minimum, f"0 to {HIGHEST_AMOUNT}"
    is_category = category is None or 0 < len(category) <= LONGEST_CATEGORY
    yield "category", is_category, f"1 to {LONGEST_CATEGORY} characters"
    is_code = code is None or _CODE.fullmatch(code) is not None
    yield "code", is_code, "3 to 32 letters and digits"
    yield "ends_at", not (starts and ends) or starts < ends, "must come after starts_at"

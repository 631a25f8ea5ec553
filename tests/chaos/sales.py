"""The books of a shop that sells: its orders, its stock, its bank, and what customers heard."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.chaos import verdict
from tests.chaos.bank import Bank, Page, Provider
from tests.chaos.books import Books, books
from tests.chaos.buying import FEE, PRICE, WARES, Buyer
from tests.chaos.stack import Stack
from tests.shop import Json, Shop
from tests.waiting import until

#: What breaks a promise about money, and the query that finds it.
BROKEN = {
    "orders that cost other than was paid": """
        SELECT CAST(order_id AS text) FROM crm.orders_unlike_their_payments()""",
    "money that changed nothing": """
        SELECT CAST(payment_id AS text) FROM crm.payments_without_effect(0)""",
    "notices because of which nobody looked": """
        SELECT CAST(payment_id AS text) FROM crm.callbacks_never_looked_at(5)""",
    "orders with several live payments": """
        SELECT CAST(order_id AS text) FROM crm.payments
         WHERE status IN ('CREATING', 'PENDING', 'HELD') GROUP BY tenant_id, order_id
        HAVING count(*) > 1""",
    "orders paid by several": """
        SELECT CAST(p.order_id AS text) FROM crm.payments p
         WHERE p.status IN ('PAID', 'ATTENTION', 'PARTLY_REFUNDED')
           AND NOT EXISTS (SELECT FROM crm.concerns c WHERE c.tenant_id = p.tenant_id
                              AND c.order_id = p.order_id AND c.code = 'paid_twice')
         GROUP BY p.tenant_id, p.order_id HAVING count(*) > 1""",
    "fewer than none": """
        SELECT sku FROM crm.variants WHERE reserved < 0 OR on_hand < reserved""",
}
#: What is still to be done for somebody's money: nothing of it is ever left alone.
BUSY = """
    SELECT (SELECT count(*) FROM crm.payments
             WHERE status = 'CREATING' OR is_asked_again OR (status IN ('PENDING', 'HELD')
               AND (is_unwanted OR expires_at < clock_timestamp() - interval '2 minutes')))
         + (SELECT count(*) FROM crm.orders WHERE status = 'AWAITING_PAYMENT'
               AND expires_at < clock_timestamp() - interval '2 minutes')
         + (SELECT count(*) FROM crm.payment_events WHERE looked_at IS NULL)
         + (SELECT count(*) FROM crm.refunds WHERE status IN ('REQUESTED', 'PENDING'))"""
PAYMENTS = """
    SELECT p.reference, p.provider, p.url, p.paid_amount, p.refunded_amount, o.status, i.value
      FROM crm.payments p
      JOIN crm.orders o ON o.tenant_id = p.tenant_id AND o.id = p.order_id
      JOIN crm.customer_identities i
        ON i.tenant_id = o.tenant_id AND i.customer_id = o.customer_id AND i.kind = 'phone'
     WHERE p.tenant_id = CAST(:shop AS uuid)"""
#: The time to pay is over for whoever has not paid: the database's clock is everybody's.
RUN_OUT = """
    WITH late AS (
        UPDATE crm.orders SET expires_at = clock_timestamp() - interval '3 minutes'
         WHERE status = 'AWAITING_PAYMENT' AND CAST(customer_id AS text) LIKE :whose
        RETURNING tenant_id, id, expires_at)
    UPDATE crm.payments p SET expires_at = late.expires_at, check_at = clock_timestamp()
      FROM late WHERE p.tenant_id = late.tenant_id AND p.order_id = late.id
       AND NOT p.is_unwanted"""


@dataclass(frozen=True)
class Sales:
    """Kept for one shop of a running stack, and its bank."""

    kept: Books
    bank: Bank
    stock: int
    product: Json = field(repr=False)

    @property
    def stack(self) -> Stack:
        return self.kept.stack

    def buyer(self, phone: str) -> Buyer:
        return Buyer(self.kept.shop, phone)

    async def settled(self, *, within: float = 60.0) -> None:
        """Everybody is answered, and nothing is left to be done about anybody's money."""

        async def is_settled() -> bool:
            [(busy,)] = await self.stack.sql(BUSY)
            return not busy

        await until(is_settled, "the money is seen to", within=within, every=0.2)
        await self.kept.settled(within=within)

    async def run_out(self, *, of: Buyer | None = None) -> None:
        """The time to pay is over: of one, or of everybody who has not paid."""
        whose = (await of.order())["customer_id"] if of else "%"
        await self.stack.sql(RUN_OUT, whose=whose)

    async def variant(self) -> Json:
        """How many there are, and how many of these are promised."""
        place = f"/v1/crm/tenants/{self.kept.shop.tenant_id}/products/{self.product['id']}"
        return (await self.kept.shop.api("GET", place))["variants"][0]

    async def sold(self) -> int:
        """Pieces that orders have been paid for and keep."""
        [(sold,)] = await self.stack.sql(
            "SELECT coalesce(sum(quantity), 0) FROM crm.reservations WHERE state = 'sold'"
            " AND tenant_id = CAST(:shop AS uuid)",
            shop=self.kept.shop.tenant_id,
        )
        return int(sold)

    async def concerns(self, order_id: str) -> set[str]:
        """What a person of the shop is to decide about an order."""
        found = await self.stack.sql(
            "SELECT code FROM crm.concerns WHERE CAST(order_id AS text) = :id", id=order_id
        )
        return {code for (code,) in found}

    async def broken(self) -> dict[str, list[str]]:
        """What breaks a promise, by its name; empty if all is well."""
        found = {name: [row[0] for row in await self.stack.sql(q)] for name, q in BROKEN.items()}
        found |= {name: [str(n)] for name, n in (await verdict.broken(self.stack)).items()}
        found |= await self.kept.broken()
        found |= await self._at_the_bank()
        found["stock that is not there, or too much"] = await self._miscounted()
        return {name: rows for name, rows in found.items() if rows}

    async def _miscounted(self) -> list[str]:
        variant, sold = await self.variant(), await self.sold()
        is_right = variant["on_hand"] + sold == self.stock
        return [] if is_right else [f"{variant['on_hand']} + {sold} of {self.stock}"]

    async def _at_the_bank(self) -> dict[str, list[str]]:
        """Where the bank's books and ours differ, and who heard otherwise than they say."""
        pages, everything = await self.bank.pages(), await self._ours()
        ours = {one.reference: one for one in everything if one.provider == self.bank.provider}
        by_reference = {one.reference: one for one in pages}
        return {
            "pages of which nobody knows": [
                one.reference for one in pages if one.reference not in ours
            ],
            "several pages": [
                name for name, n in Counter(one.reference for one in pages).items() if n > 1
            ],
            "money counted otherwise than the bank does": [
                name
                for name, row in ours.items()
                if (row.paid, row.refunded) != _money(by_reference.get(name))
            ],
            "pages that outlive their order": [
                one.reference
                for one in pages
                if one.is_open and not _waits(ours.get(one.reference))
            ],
            "told another page than there is": [
                name
                for name, row in ours.items()
                if row.url and _name(by_reference.get(name)) not in row.url
            ],
            "receipts": await self._receipts(everything),
        }

    async def _receipts(self, ours: "list[_Row]") -> list[str]:
        """Whoever has paid has heard so, once for each payment; and nobody else has."""
        paid = Counter(row.phone for row in ours if row.paid)
        wrong = list[str]()
        for phone in self.kept.shop.written:
            told = await self.buyer(phone).told()
            heard = told.get("receipt", 0) + told.get("held up", 0)
            if heard != paid[phone]:
                wrong.append(f"{phone}: {heard} of {paid[phone]}")
        return wrong

    async def _ours(self) -> "list[_Row]":
        rows = await self.stack.sql(PAYMENTS, shop=self.kept.shop.tenant_id)
        return [_Row(*row) for row in rows]


@dataclass(frozen=True)
class _Row:
    """One attempt, as we have it."""

    reference: str
    provider: str
    url: str | None
    paid: int
    refunded: int
    order_status: str
    phone: str


def _waits(row: _Row | None) -> bool:
    return row is not None and row.order_status == "AWAITING_PAYMENT"


def _name(page: Page | None) -> str:
    return page.name if page else "a page that was never made"


def _money(page: Page | None) -> tuple[int, int]:
    return (page.paid, page.refunded) if page else (0, 0)


@asynccontextmanager
async def sales(
    stack: Stack, provider: Provider, *, stock: int = 1_000, **wishes: Json
) -> AsyncGenerator[Sales]:
    """Open a shop in the stack that sells one thing, by one bank, and delivers it."""
    async with books(stack, **wishes) as kept:
        product = await furnished(kept.shop, stock=stock)
        bank = Bank(kept.shop, provider)
        await bank.open(stack)
        yield Sales(kept, bank, stock, product)


async def furnished(shop: Shop, *, stock: int = 1_000) -> Json:
    """Something to sell, which is returned, and somebody who delivers it."""
    place = f"/v1/crm/tenants/{shop.tenant_id}"
    variant = {"sku": "KG-250", "name": "", "price": PRICE, "stock": stock}
    product = await shop.api("POST", f"{place}/products", {"name": WARES, "variants": [variant]})
    zones = [{"name": "Bandung", "words": ["bandung"], "fee": FEE}]
    await shop.api("PUT", f"{place}/delivery", {"zones": zones})
    return product

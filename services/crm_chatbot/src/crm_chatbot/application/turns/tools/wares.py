"""What tools tell of wares and orders: facts for the model, and words that code has for them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from crm_chatbot.application.ports import Work
from crm_chatbot.application.receipts import order_text, plain
from crm_chatbot.application.turns.tools.toolbox import ToolContext
from crm_chatbot.domain.catalog.choosing import Choice
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import Currency, formatted
from crm_chatbot.domain.orders.order import Order

#: Under these names code tells amounts.
_MONEY = frozenset({"price", "amount", "subtotal", "total"})

_STOCK = {
    Language.INDONESIAN: ("stok {count}", "habis"),
    Language.ENGLISH: ("{count} in stock", "sold out"),
}


async def wares_told(context: ToolContext, work: Work, offered: Sequence[Choice]) -> dict[str, Any]:
    """`text` may be said as it is: every price in it is the catalog's."""
    currency = (await work.tenants.get(context.tenant_id)).currency
    rows = [_row(one, currency, context.language) for one in offered]
    lines = [_line(place, one, context.language) for place, one in enumerate(rows, start=1)]
    return {"text": "\n".join(lines), "products": rows}


def order_told(order: Order, language: Language) -> dict[str, Any]:
    """The order in words that code has chosen, and in facts."""
    currency = order.currency
    lines = [
        {
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "price": formatted(line.unit_price, currency, language),
            "amount": formatted(line.amount, currency, language),
        }
        for line in order.lines
    ]
    off = [formatted(one.amount, currency, language) for one in order.discounts]
    facts: dict[str, Any] = {
        "number": order.number,
        "status": order.status,
        "lines": lines,
        "subtotal": formatted(order.subtotal, currency, language),
        "discounts": [{"amount": amount} for amount in off],
        "total": formatted(order.total, currency, language),
    }
    if order.delivery:
        facts["address"] = order.delivery.address
        facts["delivery"] = {"amount": formatted(order.delivery.fee, currency, language)}
    return {"text": order_text(order, language), "order": facts}


def money_told(told: object) -> Iterator[str]:
    """The amounts in what a tool told: where code puts them, and nowhere else.

    A description, a name, an address may hold anything that somebody has written.
    """
    if isinstance(told, Mapping):
        for name, value in cast("Mapping[str, object]", told).items():
            if name in _MONEY and isinstance(value, str):
                yield value
            else:
                yield from money_told(value)
    elif isinstance(told, list):
        for one in cast("list[object]", told):
            yield from money_told(one)


def _row(choice: Choice, currency: Currency, language: Language) -> dict[str, Any]:
    variant = choice.variant
    return {
        "sku": variant.sku,
        "name": choice.name,
        "price": formatted(variant.price, currency, language),
        "stock": variant.available,
    }


def _line(place: int, row: Mapping[str, Any], language: Language) -> str:
    some, none = _STOCK[language]
    stock = some.format(count=row["stock"]) if row["stock"] > 0 else none
    return f"{place}. {plain(row['name'])} - {row['price']} ({stock})"

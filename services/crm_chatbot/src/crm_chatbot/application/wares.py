"""What tools tell of wares and orders: facts for the model, and words that code has for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm_chatbot.application.ports import Work
from crm_chatbot.application.receipts import order_text, plain
from crm_chatbot.application.tools import ToolContext
from crm_chatbot.domain.choosing import Choice
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import Currency, formatted
from crm_chatbot.domain.order import Order

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
    facts = {
        "number": order.number,
        "status": order.status,
        "lines": lines,
        "total": formatted(order.total, currency, language),
        "address": order.delivery.address if order.delivery else None,
    }
    return {"text": order_text(order, language), "order": facts}


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

"""Tools by which the bot looks into the shop's catalog; they change nothing."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from crm_chatbot.application.ports import Work
from crm_chatbot.application.turns.tools.toolbox import Args, Tool, ToolContext, ToolResult, refused
from crm_chatbot.application.turns.tools.wares import wares_told
from crm_chatbot.domain.catalog.choosing import Choice, choices, meant
from crm_chatbot.domain.catalog.product import Variant

#: As many products as a customer reads on a phone.
MOST_SHOWN = 8

Words = Annotated[str, Field(min_length=1, max_length=200)]
ProductWords = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="The SKU as search_products told it, or else the product in words.",
    ),
]


class SearchProducts(Args):
    query: Annotated[Words, Field(description="What the customer looks for, in their own words.")]
    budget: (
        Annotated[
            int, Field(gt=0, le=10**12, description="The most they want to spend on one piece.")
        ]
        | None
    ) = None


class GetProductDetails(Args):
    product: ProductWords


class CheckStock(Args):
    product: ProductWords


async def search_products(context: ToolContext, work: Work, args: SearchProducts) -> ToolResult:
    found = await work.catalog.find(args.query, MOST_SHOWN)
    offered = [one for one in choices(found) if _is_within(one.variant, args.budget)]
    return ToolResult(await wares_told(context, work, offered[:MOST_SHOWN]))


async def get_product_details(
    context: ToolContext, work: Work, args: GetProductDetails
) -> ToolResult:
    offered = await find(work, args.product)
    if not offered:
        return refused("product_not_found", hint="Use search_products.")
    product = await work.products.get(offered[0].product.product_id)
    same = [one for one in offered if one.product.product_id == product.id]
    return ToolResult(
        {
            **await wares_told(context, work, same),
            "name": product.name,
            "description": product.description,
            "category": product.category,
        }
    )


async def check_stock(context: ToolContext, work: Work, args: CheckStock) -> ToolResult:
    offered = await find(work, args.product)
    if not offered:
        return refused("product_not_found", hint="Use search_products.")
    return ToolResult(await wares_told(context, work, offered[:MOST_SHOWN]))


async def find(work: Work, words: str) -> Sequence[Choice]:
    """What these words fit best: several where they do not tell."""
    return meant(words, await work.catalog.find(words, MOST_SHOWN))


def _is_within(variant: Variant, budget: int | None) -> bool:
    return budget is None or variant.price <= budget


CATALOG_TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        name="search_products",
        description=(
            "Look for products in the shop's catalog. The result is all there is: nothing else is "
            "sold. Prices and stock are exact at this moment."
        ),
        args=SearchProducts,
        handle=search_products,
        is_effectful=False,
    ),
    Tool(
        name="get_product_details",
        description="One product with its description, variants, prices and stock.",
        args=GetProductDetails,
        handle=get_product_details,
        is_effectful=False,
    ),
    Tool(
        name="check_stock",
        description="How many of a product can be ordered at this moment.",
        args=CheckStock,
        handle=check_stock,
        is_effectful=False,
    ),
)

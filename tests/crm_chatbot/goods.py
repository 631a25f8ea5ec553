"""What a shop sells, as tests speak of it: `a_product("Kopi Gayo")`."""

from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.product import Product, ProductId, ProductStatus, Variant, VariantId
from tests.crm_chatbot.builders import LATER, NOON, TENANT


def a_variant(sku: str | None = None, **facts: Any) -> Variant:
    found = VariantId(uuid7())
    plain: dict[str, Any] = {"id": found, "sku": sku or f"P-{found.hex[-12:]}", "price": 85_000}
    return Variant(**plain | facts)


def a_product(name: str = "Kopi Gayo", *variants: Variant, **facts: Any) -> Product:
    plain: dict[str, Any] = {"id": ProductId(uuid7()), "tenant_id": TENANT, "name": name}
    plain |= {"created_at": NOON, "updated_at": NOON, "variants": variants or (a_variant(),)}
    return Product(**plain | facts)


def a_full_product() -> Product:
    """Every field differs from its default."""
    return a_product(
        "Kopi Gayo ☕ Aceh",
        a_variant("GAYO-250", name="250 gr", price=85_000),
        a_variant("GAYO-1000", name="1 kg", price=10**12, is_active=False),
        description="Dipetik tangan.\n100% arabika",
        category="Kopi",
        image_urls=("https://example.com/a.jpg", "https://example.com/b.jpg?x=1"),
        status=ProductStatus.ARCHIVED,
        version=7,
        updated_at=LATER,
    )


async def sell(work: Work, product: Product, *, stock: int = 0) -> Product:
    """Put it on the shelf, so many of each variant."""
    await work.products.add(product)
    counts = {one.id: stock for one in product.variants}
    await work.stock.count_all(counts, reason=None, actor="test")
    return await work.products.get(product.id)

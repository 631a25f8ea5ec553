"""What no product is: each mistake is named at its place, and nothing is added."""

from typing import Any

import pytest

from tests.crm_chatbot.running import SHOP, Running
from tests.served import OTHER_TENANT

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRODUCTS = f"{SHOP}/products"
KOPI = {"name": "Kopi Gayo", "price": 85_000, "stock": 10}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"price": -1}, "/price"),
        ({"price": 0}, "/price"),
        ({"price": 1.5}, "/price"),
        ({"price": "1000"}, "/price"),
        ({"price": True}, "/price"),
        ({"price": 10**12 + 1}, "/price"),
        ({"price": 10**18}, "/price"),
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": "x" * 10_000}, "/name"),
        ({"name": "exe\u202egnp"}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "\u200b"}, "/name"),
        ({"sku": ""}, "/sku"),
        ({"sku": "-K"}, "/sku"),
        ({"sku": "K 1"}, "/sku"),
        ({"sku": "x" * 65}, "/sku"),
        ({"stock": -5}, "/stock"),
        ({"stock": 10**9 + 1}, "/stock"),
        ({"description": "x" * 5_001}, "/description"),
        ({"description": "a\u202eb"}, "/description"),
        ({"category": ""}, "/category"),
        ({"category": "x" * 101}, "/category"),
        ({"image_urls": ["http://example.com/a.jpg"]}, "/image_urls"),
        ({"image_urls": ["javascript:alert(1)"]}, "/image_urls"),
        ({"image_urls": ["https://user@example.com/a.jpg"]}, "/image_urls"),
        ({"image_urls": ["https://"]}, "/image_urls"),
        ({"image_urls": ["https://example.com"] * 11}, "/image_urls"),
        ({"variants": [{"price": 1}]}, ""),
        ({"status": "archived"}, "/status"),
        ({"tenant_id": str(OTHER_TENANT)}, "/tenant_id"),
    ],
)
async def test_what_is_no_product_is_refused(
    lasting: Running, change: dict[str, Any], pointer: str
) -> None:
    async with lasting.client() as client:
        answer = await client.post(PRODUCTS, json=KOPI | change)
        listed = await client.get(PRODUCTS)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert listed.json()["products"] == []

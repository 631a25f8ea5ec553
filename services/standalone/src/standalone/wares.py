"""What the demo's shop sells, delivers and takes off, in the words of the API."""

from collections.abc import Mapping, Sequence
from typing import Any

Body = Mapping[str, Any]


def _variant(sku: str, name: str, price: int, stock: int) -> Body:
    return {"sku": sku, "name": name, "price": price, "stock": stock}


PRODUCTS: Sequence[Body] = (
    {
        "name": "Kopi Gayo",
        "category": "Kopi",
        "description": "Arabika dari dataran tinggi Gayo, Aceh. Sedang, tidak asam.",
        "variants": [
            _variant("KG-250", "250 gr", 85_000, 24),
            _variant("KG-500", "500 gr", 160_000, 12),
        ],
    },
    {
        "name": "Kopi Toraja",
        "category": "Kopi",
        "description": "Arabika dari Toraja, Sulawesi. Pekat, dengan rasa cokelat.",
        "variants": [_variant("KT-250", "250 gr", 95_000, 10)],
    },
    {
        "name": "Kopi Susu Gula Aren",
        "category": "Minuman",
        "description": "Satu liter dalam botol, tahan tiga hari di kulkas.",
        "variants": [_variant("KSGA-1L", "1 liter", 75_000, 8)],
    },
    {
        "name": "Teh Melati",
        "category": "Teh",
        "description": "Teh hijau dengan bunga melati, 50 kantong.",
        "variants": [_variant("TM-50", "", 28_000, 30)],
    },
    {
        "name": "Tumbler Senja",
        "category": "Perlengkapan",
        "description": "Botol baja tahan karat 500 ml.",
        "variants": [_variant("TS-1", "", 150_000, 0)],
    },
)

DELIVERY: Body = {
    "zones": [
        {"name": "Bandung", "words": ["bandung", "cimahi"], "fee": 10_000},
        {
            "name": "Jabodetabek",
            "words": ["jakarta", "bogor", "depok", "tangerang", "bekasi"],
            "fee": 18_000,
        },
    ],
    "default_fee": 35_000,
    "pickup_address": "Jl. Braga 10, Bandung",
}

DISCOUNTS: Sequence[Body] = ({"name": "Promo kopi", "percent": 10, "code": "NGOPI10"},)

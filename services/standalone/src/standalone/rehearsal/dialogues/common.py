"""What many customers say, and what comes of it: addresses, endings, totals with delivery."""

from collections.abc import Mapping

from standalone.rehearsal.script import RECEIPT, Expected, Ordered, Says

BANDUNG = Says("kirim ke Jl. Dago No. 12, Bandung 40135")
DEPOK = Says("kirim ke Jl. Melati No. 5 RT 02/03 Depok 16424 a.n. Sari 085700000001")
TO_BANDUNG, TO_DEPOK = 10_000, 18_000

CHECKOUT = Says("udah itu aja, checkout kak")
YES = Says("ya")

PRICES: Mapping[str, int] = {
    "KG-250": 85_000,
    "KG-500": 160_000,
    "KT-250": 95_000,
    "KSGA-1L": 75_000,
    "TM-50": 28_000,
    "TS-1": 150_000,
}


def an_order(status: str, lines: Mapping[str, int], *, fee: int = 0, off: int = 0) -> Ordered:
    """What these lines cost, with delivery and without what a rule takes off."""
    goods = sum(PRICES[sku] * quantity for sku, quantity in lines.items())
    return Ordered(status, lines, goods - off + fee)


def a_sale(
    lines: Mapping[str, int], *, fee: int, off: int = 0, says: tuple[str, ...] = ()
) -> Expected:
    """One order, paid, and its goods are gone."""
    return Expected(
        orders=[an_order("PAID", lines, fee=fee, off=off)],
        sold=lines,
        says=(RECEIPT, *says),
    )

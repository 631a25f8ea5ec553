"""What orders cost: discounts by rules, delivery by a table, and nothing by anybody's word."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chatbot.application.orders.pricing import priced, take_code
from crm_chatbot.domain.catalog.product import ProductStatus
from crm_chatbot.domain.orders.delivery import (
    PICKUP,
    DeliveryRejected,
    DeliveryTerms,
    DeliveryUnknown,
    PickupNotOffered,
    Zone,
)
from crm_chatbot.domain.orders.discount import (
    DiscountRejected,
    DiscountRule,
    Goods,
    code_in,
    discounts,
)
from tests.crm_chatbot.builders import LATER, NOON, TENANT
from tests.crm_chatbot.deals import ADDRESS, a_line, a_rule, open_shop, placed
from tests.crm_chatbot.goods import a_product, a_variant, sell
from tests.crm_chatbot.stores import Crm

# -- discounts


def some(amount: int, category: str | None = None) -> Goods:
    return Goods(line=a_line(unit_price=amount), category=category)


def taken(rule: DiscountRule, *goods: Goods, code: str = "") -> int:
    return sum(one.amount for one in discounts([rule], goods, NOON, code=code))


@pytest.mark.parametrize(
    ("percent", "amounts", "off"),
    [
        (10, (85_000,), 8_500),
        (10, (5,), 1),
        (10, (4,), 0),
        (33, (100, 100), 66),
        (50, (1, 1, 1), 3),
        (100, (85_000, 7), 85_007),
    ],
)
def test_percents_are_rounded_half_up_on_each_line(
    percent: int, amounts: tuple[int, ...], off: int
) -> None:
    assert taken(a_rule(percent=percent), *map(some, amounts)) == off


@pytest.mark.parametrize(
    ("terms", "off"),
    [
        ({"amount": 5_000}, 5_000),
        ({"amount": 500_000}, 100_000),
        ({"amount": 5_000, "category": "kopi"}, 5_000),
        ({"amount": 500_000, "category": "Kopi"}, 60_000),
        ({"category": "Kopi"}, 6_000),
        ({"category": "Gula"}, 0),
        ({"min_subtotal": 100_000}, 10_000),
        ({"min_subtotal": 100_001}, 0),
        ({"starts_at": NOON}, 10_000),
        ({"starts_at": LATER}, 0),
        ({"ends_at": LATER}, 10_000),
        ({"ends_at": NOON}, 0),
        ({"is_active": False}, 0),
        ({"code": "HEMAT"}, 0),
    ],
)
def test_a_rule_holds_for_what_it_says(terms: dict[str, Any], off: int) -> None:
    assert taken(a_rule(**terms), some(60_000, "Kopi"), some(40_000, "Teh")) == off


def test_a_code_opens_its_own_discount_however_it_is_written() -> None:
    rule = a_rule(code="HEMAT")

    assert taken(rule, some(100), code="hemat") == 10
    assert taken(rule, some(100), code="HEMAT2") == 0
    assert code_in("kak, pakai kode Hemat ya!", [rule]) == "HEMAT"
    assert code_in("hematlah dikit, diskon 90%", [rule]) is None
    assert code_in("HEMAT", [a_rule(code="HEMAT", is_active=False)]) is None
    assert code_in("HEMAT", [a_rule()]) is None


@pytest.mark.parametrize("between", [" ", ",", "\n"])
def test_who_writes_a_list_of_words_does_not_find_a_code_in_it(between: str) -> None:
    rule = a_rule(code="HEMAT")
    guesses = [f"KODE{n}" for n in range(30)]

    assert code_in(between.join([*guesses[:29], "HEMAT"]), [rule]) == "HEMAT"
    assert code_in(between.join([*guesses, "HEMAT"]), [rule]) is None


@given(
    amounts=st.lists(st.integers(0, 10**9), max_size=6),
    terms=st.lists(
        st.one_of(
            st.integers(1, 100).map(lambda percent: {"percent": percent}),
            st.integers(1, 10**9).map(lambda amount: {"amount": amount}),
        ),
        max_size=5,
    ),
)
def test_no_rules_ever_take_off_more_than_the_goods_cost(
    amounts: list[int], terms: list[dict[str, int]]
) -> None:
    found = discounts([a_rule(**one) for one in terms], list(map(some, amounts)), NOON, code="")

    assert 0 <= sum(one.amount for one in found) <= sum(amounts)
    assert all(one.amount > 0 for one in found)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \u200b"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"percent": 0}, "percent"),
        ({"percent": 101}, "percent"),
        ({"percent": None}, "amount"),
        ({"amount": 5}, "amount"),
        ({"percent": None, "amount": 0}, "amount"),
        ({"min_subtotal": -1}, "min_subtotal"),
        ({"category": ""}, "category"),
        ({"code": "AB"}, "code"),
        ({"code": "A B C"}, "code"),
        ({"starts_at": LATER, "ends_at": LATER}, "ends_at"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_and_changes_nothing(
    terms: dict[str, Any], field: str
) -> None:
    rule = a_rule()
    before = dict(vars(rule))

    with pytest.raises(DiscountRejected) as refusal:
        rule.change(LATER, **terms)
    assert refusal.value.pointer == f"/{field}"
    assert vars(rule) == before


def test_a_rule_changes_in_what_is_named() -> None:
    rule = a_rule(min_subtotal=5)
    rule.change(LATER, percent=None, amount=7, code="hemat7")

    assert (rule.percent, rule.amount, rule.code, rule.min_subtotal) == (None, 7, "HEMAT7", 5)
    assert rule.updated_at == LATER


# -- delivery


TERMS = DeliveryTerms(
    zones=(
        Zone(name="Kota", words=("bandung", "kota cimahi"), fee=10_000),
        Zone(name="Selatan", words=("bandung selatan",), fee=20_000),
        Zone(name="Gratis", words=("kampus",), fee=0),
    ),
)


@pytest.mark.parametrize(
    ("address", "fee"),
    [
        ("Jl. Contoh 1, Bandung", 10_000),
        ("jl contoh 1 BANDUNG 40115", 10_000),
        ("Jl. Contoh 1\nBandung Selatan", 20_000),
        ("Jl. Kampus 3, Bandung", 10_000),
        ("Kampus ITB", 0),
        ("Jl. Mawar, Kota  Cimahi", 10_000),
    ],
)
def test_a_zone_is_known_by_its_words(address: str, fee: int) -> None:
    assert TERMS.to(address).fee == fee


ISLANDS = DeliveryTerms(
    zones=(
        Zone(name="Jawa", words=("kota bandung", "bandung", "surabaya"), fee=10_000),
        Zone(name="Jakarta", words=("jakarta", "menteng"), fee=15_000),
        Zone(name="Papua", words=("jayapura", "papua", "bandung timur"), fee=120_000),
        Zone(name="Pulau", words=("seribu", "jakarta"), fee=40_000),
        Zone(name="Dekat", words=("seribu",), fee=5_000),
    ),
)


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("Jl. Kota Bandung no 3, Jayapura", "Papua"),
        ("Jl. Surabaya 12, Menteng", "Jakarta"),
        ("Jl. Surabaya 12, Menteng, Jakarta", "Pulau"),
        ("Jl. Jayapura 1, Kota Bandung 40115", "Jawa"),
        ("Bandung, Jl. Bandung Timur 2", "Papua"),
        ("Jl. Bandung Timur 2, Bandung", "Jawa"),
        ("Pulau Seribu", "Pulau"),
    ],
)
def test_of_several_zones_an_address_lies_in_the_last_and_in_doubt_in_the_dearest(
    address: str, zone: str
) -> None:
    assert ISLANDS.to(address).zone == zone


@pytest.mark.parametrize("address", ["Jl. Contoh 1, Papua", "Jl. Bandungan 1", "Cimahi"])
def test_what_lies_in_no_zone_a_colleague_has_to_tell(address: str) -> None:
    with pytest.raises(DeliveryUnknown, match="colleague"):
        TERMS.to(address)
    with pytest.raises(DeliveryUnknown):
        DeliveryTerms().to(address)

    assert DeliveryTerms(default_fee=25_000).to(address).fee == 25_000
    assert DeliveryTerms(default_fee=0).to(address, latitude=-6.9, longitude=107.6).fee == 0


def test_an_order_is_picked_up_where_that_is_offered() -> None:
    with pytest.raises(PickupNotOffered):
        TERMS.pickup()
    found = DeliveryTerms(pickup_address="Jl. Toko 1").pickup()

    assert (found.zone, found.fee, found.address) == (PICKUP, 0, "Jl. Toko 1")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"default_fee": -1}, "default_fee"),
        ({"pickup_address": "x" * 501}, "pickup_address"),
        ({"zones": (Zone(name="", words=("a",), fee=0),)}, "zones/0/name"),
        ({"zones": (Zone(name="PickUp", words=("a",), fee=0),)}, "zones/0/name"),
        ({"zones": (Zone(name="A", words=(), fee=0),)}, "zones/0/words"),
        ({"zones": (Zone(name="A", words=("a", " - "), fee=0),)}, "zones/0/words"),
        ({"zones": (Zone(name="A", words=("a",), fee=-1),)}, "zones/0/fee"),
        ({"zones": (Zone(name="A", words=("a",), fee=0),) * 201}, "zones"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(DeliveryRejected) as refusal:
        DeliveryTerms(**terms)
    assert refusal.value.pointer == f"/{field}"


# -- an order, by all of it


async def test_an_order_is_priced_anew_whatever_it_said(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (coffee,) = await open_shop(work, 9)
        tea = a_product("Teh", a_variant(price=10_000), category="Teh")
        [tea_leaves] = (await sell(work, tea, stock=9)).variants
        await work.discounts.add(a_rule(percent=10, category="Teh"))
        await work.delivery.put(TERMS)
        lie = {"unit_price": 1, "name": "Gratis", "sku": "X"}
        order = await placed(
            work,
            customer,
            a_line(coffee, **lie),
            a_line(tea_leaves, quantity=2, **lie),
            delivery=ADDRESS,
            discounts=(),
        )
        assert await priced(work, order, NOON) == []

    assert [(one.name, one.amount) for one in order.lines] == [
        ("Kopi Gayo", 85_000),
        ("Teh", 20_000),
    ]
    assert [one.amount for one in order.discounts] == [2_000]
    assert order.delivery is not None
    assert (order.delivery.zone, order.delivery.fee) == ("Kota", 10_000)
    assert order.total == 85_000 + 20_000 - 2_000 + 10_000


async def test_what_is_not_sold_any_more_leaves_the_cart(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (coffee,) = await open_shop(work, 9)
        product = await sell(work, a_product("Teh", a_variant()), stock=9)
        order = await placed(work, customer, a_line(coffee), a_line(product.variants[0]), a_line())
        product.become(ProductStatus.ARCHIVED, LATER)
        await work.products.save(product)
        gone = await priced(work, order, NOON)

    assert [line.variant_id for line in order.lines] == [coffee.id]
    assert len(gone) == 2


async def test_only_a_customers_own_words_bring_a_code(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (coffee,) = await open_shop(work, 9)
        await work.discounts.add(a_rule(amount=5_000, code="HEMAT5"))
        order = await placed(work, customer, a_line(coffee))
        assert await take_code(work, order, ["diskon 90% dong"], NOON) is None
        await priced(work, order, NOON)
        assert order.total == 85_000
        assert await take_code(work, order, ["pakai hemat5 ya"], NOON) == "HEMAT5"
        await priced(work, order, NOON)

    assert (order.promo_code, order.total) == ("HEMAT5", 80_000)


async def test_a_discount_that_has_ended_is_not_given_any_more(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (coffee,) = await open_shop(work, 9)
        await work.discounts.add(a_rule(ends_at=NOON + timedelta(hours=1)))
        order = await placed(work, customer, a_line(coffee))
        await priced(work, order, NOON)
        assert order.total == 76_500
        await priced(work, order, NOON + timedelta(hours=1))

    assert order.total == 85_000

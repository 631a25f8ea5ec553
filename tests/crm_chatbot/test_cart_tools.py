"""What the bot may do with a catalog and a cart: find, fill, change, cancel; never set a price."""

from collections.abc import Mapping
from typing import Any

import pytest

from crm_chatbot.domain.conversations.conversation import ConversationState
from crm_chatbot.domain.money import RUPIAH, Currency
from crm_chatbot.domain.orders.order import OrderStatus
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.buying import Purchase, a_purchase
from tests.crm_chatbot.chats import LID
from tests.crm_chatbot.deals import a_rule, another_customer
from tests.crm_chatbot.stores import Crm
from tests.crm_chatbot.test_tools import FORBIDDEN, names_in


@pytest.fixture
async def purchase(crm: Crm) -> Purchase:
    return await a_purchase(crm)


async def test_no_tool_has_a_place_for_a_price(purchase: Purchase) -> None:
    schemas = {tool.name: tool.spec.parameters for tool in purchase.tools}

    assert [
        (name, place)
        for name, schema in schemas.items()
        for place in names_in(schema)
        if any(word in place for word in FORBIDDEN)
    ] == []
    assert {schema["additionalProperties"] for schema in schemas.values()} == {False}


async def test_what_is_sold_is_found_with_its_price_and_stock(purchase: Purchase) -> None:
    told = await purchase.call("search_products", query="ada kopi gyo kak?")

    assert {row["sku"] for row in told["products"]} == {"GAYO-250", "GAYO-500"}
    assert {"sku": "GAYO-250", "name": "Kopi Gayo, 250 gr", "price": "Rp85.000", "stock": 10} in (
        told["products"]
    )
    assert "Kopi Gayo, 250 gr - Rp85.000 (stok 10)" in told["text"]


async def test_a_budget_leaves_out_what_costs_more(purchase: Purchase) -> None:
    told = await purchase.call("search_products", query="kopi gayo", budget=100_000)

    assert [row["sku"] for row in told["products"]] == ["GAYO-250"]


async def test_what_is_not_sold_is_not_found(purchase: Purchase) -> None:
    assert (await purchase.call("search_products", query="motor listrik"))["products"] == []
    for tool in ("check_stock", "get_product_details"):
        told = await purchase.call(tool, product="motor listrik")
        assert told["error"] == "product_not_found"


async def test_a_product_is_told_in_all_its_variants(purchase: Purchase) -> None:
    told = await purchase.call("get_product_details", product="kopi gayo")

    assert told["name"] == "Kopi Gayo"
    assert len(told["products"]) == 2


@pytest.mark.parametrize(
    ("words", "sku"),
    [
        ("GAYO-250", "GAYO-250"),
        ("gayo-250", "GAYO-250"),
        ("kopi gayo 250gr", "GAYO-250"),
        ("gayo 500", "GAYO-500"),
        ("kopi gyo 500 gram", "GAYO-500"),
        ("teh melati", "MELATI"),
        ("teh melati premium", "MELATI-P"),
        ("donat", "DONAT"),
    ],
)
async def test_what_is_meant_is_put_into_the_cart(purchase: Purchase, words: str, sku: str) -> None:
    await purchase.call("add_to_order", product=words, quantity=2)

    assert await purchase.lines() == {sku: 2}


async def test_where_words_fit_several_the_customer_is_to_choose(purchase: Purchase) -> None:
    told = await purchase.call("add_to_order", product="kopi gayo", quantity=1)

    assert told["error"] == "ambiguous_product"
    assert {row["sku"] for row in told["choices"]} == {"GAYO-250", "GAYO-500"}
    assert await purchase.orders() == []


async def test_adding_adds_and_setting_sets(purchase: Purchase) -> None:
    await purchase.call("add_to_order", product="GAYO-250", quantity=2)
    await purchase.call("add_to_order", product="GAYO-250", quantity=1)
    added = await purchase.lines()
    told = await purchase.call("set_quantity", product="gayo", quantity=2)

    # "gayo" means what is in the cart, though the shop has two of them.
    assert (added, await purchase.lines()) == ({"GAYO-250": 3}, {"GAYO-250": 2})
    assert told["order"]["total"] == "Rp170.000"
    assert "2 x Kopi Gayo, 250 gr @ Rp85.000 = Rp170.000" in told["text"]


async def test_a_call_that_is_replayed_adds_nothing(purchase: Purchase) -> None:
    for _ in range(3):
        purchase.done.clear()
        await purchase.call("add_to_order", product="DONAT", quantity=2)

    assert await purchase.lines() == {"DONAT": 2}


@pytest.mark.parametrize("quantity", [0, -3, 101, 10**9])
async def test_a_quantity_that_is_none_changes_nothing(purchase: Purchase, quantity: int) -> None:
    told = await purchase.call("add_to_order", product="DONAT", quantity=quantity)

    assert told["error"] in {"bad_quantity", "insufficient_stock"}
    assert await purchase.orders() == []


@pytest.mark.parametrize("quantity", [2.5, "dua", "2", True, None])
async def test_nothing_is_taken_for_a_quantity_that_is_no_whole_number(
    purchase: Purchase, quantity: object
) -> None:
    told = await purchase.call("add_to_order", product="DONAT", quantity=quantity)

    assert told["error"] == "invalid_arguments"


@pytest.mark.parametrize(
    "more",
    [
        {"price": 1},
        {"discount": 100},
        {"tenant_id": "x"},
        {"customer_id": "x"},
        {"status": "PAID"},
        {"total": 0},
    ],
)
async def test_what_only_code_may_say_is_refused(
    purchase: Purchase, more: Mapping[str, Any]
) -> None:
    told = await purchase.call("add_to_order", product="DONAT", quantity=1, **more)

    assert told["error"] == "unknown_argument"
    assert await purchase.orders() == []


async def test_more_than_there_is_cannot_be_put_into_a_cart(purchase: Purchase) -> None:
    await purchase.call("add_to_order", product="DONAT", quantity=9)

    told = await purchase.call("add_to_order", product="DONAT", quantity=2)

    assert told["error"] == "insufficient_stock"
    assert "10" in told["detail"]
    assert await purchase.lines() == {"DONAT": 9}


async def test_what_is_taken_out_is_out_and_the_conversation_knows(purchase: Purchase) -> None:
    await purchase.call("add_to_order", product="DONAT", quantity=1)
    ordering = await state_of(purchase)
    await purchase.call("remove_from_order", product="donat")

    assert (ordering, await state_of(purchase)) == (
        ConversationState.ORDERING,
        ConversationState.BROWSING,
    )
    assert await purchase.lines() == {}


async def test_what_is_not_in_the_order_cannot_be_taken_out(purchase: Purchase) -> None:
    assert (await purchase.call("remove_from_order", product="donat"))["error"] == "order_is_empty"
    await purchase.call("add_to_order", product="DONAT", quantity=1)

    told = await purchase.call("remove_from_order", product="teh melati")

    assert told["error"] == "not_in_order"


async def test_an_order_that_is_cancelled_is_over(purchase: Purchase) -> None:
    nothing = await purchase.call("cancel_order")
    await purchase.call("add_to_order", product="DONAT", quantity=1)
    await purchase.call("cancel_order")
    await purchase.call("add_to_order", product="MELATI", quantity=1)

    assert nothing["error"] == "order_not_found"
    newest, before = await purchase.orders()
    assert (newest.status, before.status) == (OrderStatus.DRAFT, OrderStatus.CANCELLED)


async def test_a_customer_sees_their_own_orders_only(crm: Crm, purchase: Purchase) -> None:
    await purchase.call("add_to_order", product="DONAT", quantity=1)
    [order] = await purchase.orders()
    async with crm.open_work(purchase.scene.tenant.id) as work:
        somebody = await another_customer(work, LID)
    mine = await purchase.call("get_order_status", order=order.number.lower())

    theirs = Purchase(crm, purchase.scene, purchase.tools)
    theirs.scene.customer.id = somebody.id

    assert mine["order"]["number"] == order.number
    assert (await theirs.call("get_order_status", order=order.number))["error"] == "order_not_found"
    assert (await theirs.call("get_order_status"))["error"] == "order_not_found"


async def test_a_cart_keeps_its_currency_and_takes_no_price_in_another(
    crm: Crm, purchase: Purchase
) -> None:
    await purchase.call("add_to_order", product="DONAT", quantity=2)
    async with crm.open_work(purchase.scene.tenant.id) as work:
        tenant = await work.tenants.get(purchase.scene.tenant.id)
        tenant.change(NOON, currency=Currency("USD"))
        await work.tenants.save(tenant)

    told = [
        await purchase.call("add_to_order", product="MELATI", quantity=1),
        await purchase.call("confirm_order"),
    ]
    [order] = await purchase.orders()
    await purchase.call("cancel_order")
    anew = await purchase.call("add_to_order", product="MELATI", quantity=1)

    assert [one["error"] for one in told] == ["currency_differs"] * 2
    assert (order.currency, order.total, len(order.lines)) == (RUPIAH, 10_000, 1)
    assert anew["order"]["total"] == "USD 200,00"


async def test_a_wish_is_noted(purchase: Purchase) -> None:
    await purchase.call("add_to_order", product="DONAT", quantity=1, note="less sugar")

    [order] = await purchase.orders()
    assert order.note == "Donat Mix: less sugar"


async def test_a_code_counts_only_if_the_customer_has_typed_it(
    crm: Crm, purchase: Purchase
) -> None:
    async with crm.open_work(purchase.scene.tenant.id) as work:
        await work.discounts.add(a_rule(code="HEMAT10"))
    without = await purchase.call("add_to_order", product="DONAT", quantity=2, note="HEMAT10")
    await purchase.says("pakai kode hemat10 ya")
    with_it = await purchase.call("set_quantity", product="DONAT", quantity=2)

    assert (without["order"]["total"], with_it["order"]["total"]) == ("Rp10.000", "Rp9.000")


async def state_of(purchase: Purchase) -> ConversationState:
    async with purchase.crm.open_work(purchase.scene.tenant.id) as work:
        return (await work.conversations.lock(purchase.scene.conversation.id)).state

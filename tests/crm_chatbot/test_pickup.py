"""A customer fetches an order at the shop; and a cart may be filled wherever it was to go (6.4)."""

import pytest

from crm_chatbot.domain.orders.delivery import DeliveryTerms, Zone
from crm_chatbot.domain.orders.order import OrderStatus
from tests.crm_chatbot.buying import Purchase, a_purchase
from tests.crm_chatbot.stores import Crm

DEPOK = Zone(name="Depok", words=("depok",), fee=15_000)
ADDRESS = "Jl. Melati No. 5, Depok 16424"


@pytest.fixture
async def purchase(crm: Crm) -> Purchase:
    """Two packets of coffee in the cart of a shop that delivers, and has a counter."""
    purchase = await a_purchase(crm)
    await offers(purchase, DeliveryTerms(zones=(DEPOK,), pickup_address="Jl. Toko 1"))
    await purchase.call("add_to_order", product="GAYO-250", quantity=2)
    return purchase


async def offers(purchase: Purchase, terms: DeliveryTerms) -> None:
    async with purchase.crm.open_work(purchase.scene.tenant.id) as work:
        await work.delivery.put(terms)


async def place_of(purchase: Purchase) -> str | None:
    delivery = (await purchase.orders())[0].delivery
    return delivery.address if delivery else None


async def confirmed(purchase: Purchase) -> None:
    await purchase.call("confirm_order")
    await purchase.says("ya")
    assert (await purchase.call("confirm_order"))["status"] == "confirmed"


async def test_who_fetches_it_needs_no_address_and_pays_no_delivery(purchase: Purchase) -> None:
    assert (await purchase.call("confirm_order"))["error"] == "address_missing"
    told = await purchase.call("pick_up_order")
    await confirmed(purchase)

    assert told["order"]["total"] == "Rp170.000"
    [order] = await purchase.orders()
    assert (order.status, order.total) == (OrderStatus.AWAITING_PAYMENT, 170_000)
    assert "Ambil di Jl. Toko 1" in (await purchase.said())[0]


async def test_an_order_is_not_picked_up_where_that_is_not_offered(purchase: Purchase) -> None:
    await offers(purchase, DeliveryTerms(zones=(DEPOK,)))

    assert (await purchase.call("pick_up_order"))["error"] == "pickup_not_offered"
    assert await place_of(purchase) is None


async def test_without_an_order_there_is_nothing_to_pick_up(crm: Crm) -> None:
    assert (await (await a_purchase(crm)).call("pick_up_order"))["error"] == "order_is_empty"


async def test_who_gives_an_address_after_all_has_it_delivered(purchase: Purchase) -> None:
    await purchase.call("pick_up_order")
    await purchase.call("update_customer_profile", address=ADDRESS)
    await confirmed(purchase)

    assert await place_of(purchase) == ADDRESS
    assert (await purchase.orders())[0].total == 185_000


@pytest.mark.parametrize("place", ["there", "at the shop"])
async def test_a_cart_is_filled_although_the_shop_does_not_go_there_any_more(
    purchase: Purchase, place: str
) -> None:
    if place == "there":
        await purchase.call("update_customer_profile", address=ADDRESS)
        await purchase.call("confirm_order")
    else:
        await purchase.call("pick_up_order")
    before = await place_of(purchase)
    await offers(purchase, DeliveryTerms(zones=(Zone(name="X", words=("bogor",), fee=1),)))

    told = await purchase.call("set_quantity", product="GAYO-250", quantity=3)

    assert before is not None
    assert "error" not in told
    assert (await purchase.lines(), await place_of(purchase)) == ({"GAYO-250": 3}, None)
    refusal = {"there": "delivery_unknown", "at the shop": "address_missing"}[place]
    assert (await purchase.call("confirm_order"))["error"] == refusal

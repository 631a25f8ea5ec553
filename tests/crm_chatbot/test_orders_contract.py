"""Where orders, and a shop's rules about them, are kept: in memory and in PostgreSQL alike."""

from dataclasses import replace
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.catalog.product import Variant, VariantId
from crm_chatbot.domain.catalog.stock import MovementKind
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.concern import Concern, ConcernId, ConcernNotFound, Concerns, Since
from crm_chatbot.domain.orders.delivery import DeliveryTables, DeliveryTerms, Zone
from crm_chatbot.domain.orders.discount import (
    DiscountCodeTaken,
    DiscountId,
    DiscountNotFound,
    DiscountRules,
)
from crm_chatbot.domain.orders.order import (
    ERASED,
    Order,
    OrderId,
    OrderNotFound,
    Orders,
    OrderStatus,
    Wanted,
)
from crm_chatbot.domain.orders.reservation import OutOfStock, Reservations, ReservationState
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import LID, a_customer
from tests.crm_chatbot.deals import (
    a_concern,
    a_full_order,
    a_line,
    a_rule,
    an_event,
    an_order,
    another_customer,
    open_shop,
    placed,
)
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = Orders, Reservations, DeliveryTables, DiscountRules, Concerns

_S, _R = OrderStatus, ReservationState


def test_a_full_order_differs_from_a_plain_one_in_every_field() -> None:
    customer = a_customer()
    full, plain = vars(a_full_order(customer)), vars(an_order(customer))

    assert {name for name, value in full.items() if plain[name] == value} == {
        *("tenant_id", "customer_id", "created_at")
    }


async def test_an_order_comes_back_as_it_went_in_and_as_it_was_saved(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        full, plain = a_full_order(customer), an_order(customer)
        await work.orders.add(full, an_event("order.created"))
        await work.orders.add(plain, an_event("order.created"))
    async with crm.open_work(TENANT) as work:
        for order in (full, plain):
            assert vars(await work.orders.lock(order.id)) == vars(order)
            assert vars(await work.orders.get(order.id)) == vars(order)

        changed = await work.orders.lock(plain.id)
        other = vars(a_full_order(customer))
        kept = ("id", "number", "status", "version")
        vars(changed).update({name: other[name] for name in other if name not in kept})
        await work.orders.save(changed, an_event(total=7))

    assert changed.version == 2
    async with crm.open_work(TENANT) as work:
        assert vars(await work.orders.get(plain.id)) == vars(changed)
        events = await work.orders.events(plain.id)
    assert list(events) == [an_event("order.created"), an_event(total=7)]


async def test_an_orders_lines_are_what_was_saved_last(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        first, second = a_line(), a_line()
        order = await placed(work, customer, first, second)
    for lines in ((second,), (), (second, first), (replace(second, quantity=3), first)):
        async with crm.open_work(TENANT) as work:
            order = await work.orders.lock(order.id)
            order.lines = lines
            await work.orders.save(order, an_event())
        async with crm.open_work(TENANT) as work:
            assert (await work.orders.get(order.id)).lines == lines


async def test_the_current_order_is_the_newest_that_may_still_be_changed(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        other = await another_customer(work, LID)
        assert await work.orders.lock_current(customer.id) is None
        await placed(work, customer)
        waiting = await placed(work, customer, status=_S.AWAITING_PAYMENT, expires_at=LATER)
        await placed(work, customer, status=_S.PAID)
        await placed(work, other)
    async with crm.open_work(TENANT) as work:
        current = await work.orders.lock_current(customer.id)

    assert current is not None
    assert current.id == waiting.id


async def test_orders_are_found_by_what_is_known_of_them(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        other = await another_customer(work, LID)
        old = await placed(work, customer, number="ORD-1001")
        paid = await placed(work, customer, status=_S.PAID, number="ORD-1002", created_at=LATER)
        foreign = await placed(work, other, number="ORD-2001")

    async def found(wanted: Wanted, before: Order | None = None, limit: int = 9) -> list[OrderId]:
        async with crm.open_work(TENANT) as work:
            which = before.id if before else None
            page = await work.orders.page(wanted, before=which, limit=limit)
            return [order.id for order in page]

    assert await found(Wanted()) == [foreign.id, paid.id, old.id]
    assert await found(Wanted(), limit=2) == [foreign.id, paid.id]
    assert await found(Wanted(), before=paid) == [old.id]
    assert await found(Wanted(customer_id=customer.id)) == [paid.id, old.id]
    assert await found(Wanted(statuses=frozenset({_S.PAID, _S.DRAFT}))) == [
        foreign.id,
        paid.id,
        old.id,
    ]
    assert await found(Wanted(statuses=frozenset({_S.PAID}))) == [paid.id]
    assert await found(Wanted(since=LATER)) == [paid.id]
    assert await found(Wanted(number="ord-10")) == [paid.id, old.id]
    assert await found(Wanted(number="%")) == []
    async with crm.open_work(TENANT) as work:
        newest = await work.orders.newest_of(customer.id, most=1)
    assert [order.id for order in newest] == [paid.id]


async def test_orders_are_counted_by_time_and_by_what_waits_to_be_paid(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        await placed(work, customer)
        await placed(work, customer, created_at=LATER, status=_S.AWAITING_PAYMENT, expires_at=NOON)
    async with crm.open_work(TENANT) as work:
        assert await work.orders.count_since(customer.id, NOON) == 2
        assert await work.orders.count_since(customer.id, LATER) == 1
        assert await work.orders.count_unpaid(customer.id) == 1
        assert await work.orders.count_unpaid(CustomerId(uuid7())) == 0


async def test_confirmations_are_counted_each_by_its_time(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        order, other = await placed(work, customer), await placed(work, customer)
        for one, what, at in (
            (order, "order.confirmed", NOON),
            (order, "order.reopened", LATER),
            (order, "order.confirmed", LATER),
            (other, "order.confirmed", LATER),
        ):
            await work.orders.save(one, replace(an_event(what), at=at))
    async with crm.open_work(TENANT) as work:
        assert await work.orders.count_confirmed_since(customer.id, NOON) == 3
        assert await work.orders.count_confirmed_since(customer.id, LATER) == 2
        assert await work.orders.count_confirmed_since(CustomerId(uuid7()), NOON) == 0


async def test_numbers_are_given_once_each_shop_its_own(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        ours = [await work.orders.next_number() for _ in range(2)]
    async with crm.open_work(TENANT) as work:
        ours.append(await work.orders.next_number())
    async with crm.open_work(OTHER_TENANT) as work:
        theirs = await work.orders.next_number()

    assert (ours, theirs) == (["ORD-1001", "ORD-1002", "ORD-1003"], "ORD-1001")


async def test_another_tenants_orders_are_not_there(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        order = await placed(work, customer)
    async with crm.open_work(OTHER_TENANT) as work:
        await work.tenants.add(a_tenant(OTHER_TENANT))
        for look in (work.orders.get, work.orders.lock):
            with pytest.raises(OrderNotFound):
                await look(order.id)
        assert await work.orders.events(order.id) == []
        assert await work.orders.page(Wanted(), before=None, limit=9) == []


async def test_orders_follow_a_customer_who_turned_out_to_be_another(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        kept, _ = await open_shop(work)
        gone = await another_customer(work, LID)
        order = await placed(work, gone)
        concern = a_concern(order)
        await work.concerns.add(concern)
    async with crm.open_work(TENANT) as work:
        await work.orders.hand_on(gone.id, kept.id)
    async with crm.open_work(TENANT) as work:
        assert (await work.orders.get(order.id)).customer_id == kept.id
        assert (await work.concerns.lock(concern.id)).customer_id == kept.id


async def test_of_a_forgotten_customers_orders_only_the_money_is_left(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        full, plain = a_full_order(customer), an_order(customer, a_line())
        for order in (full, plain):
            await work.orders.add(order, an_event())
    async with crm.open_work(TENANT) as work:
        await work.orders.forget(customer.id)
    async with crm.open_work(TENANT) as work:
        left = await work.orders.get(full.id)
        assert (await work.orders.get(plain.id)).delivery is None

    assert left.delivery is not None
    assert full.delivery is not None
    assert left.delivery == replace(full.delivery, address=ERASED, latitude=None, longitude=None)
    assert (left.note, left.total) == ("", full.total)


# -- reservations


async def numbers(crm: Crm, *variants: Variant) -> list[tuple[int, int]]:
    """On hand, and reserved, of each."""
    async with crm.open_work(TENANT) as work:
        found = {one.variant.id: one.variant for one in await work.products.variants(ids(variants))}
    return [(found[one.id].on_hand, found[one.id].reserved) for one in variants]


def ids(variants: tuple[Variant, ...]) -> list[VariantId]:
    return [variant.id for variant in variants]


async def test_what_is_reserved_is_returned_once(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (one, other) = await open_shop(work, 5, 3)
        order = await placed(work, customer)
        for _ in range(2):
            await work.reservations.reserve(order.id, 1, {one.id: 2, other.id: 3})
    assert await numbers(crm, one, other) == [(5, 2), (3, 3)]

    async with crm.open_work(TENANT) as work:
        held = work.reservations
        assert await held.release(order.id, 1)
        assert not await held.release(order.id, 1)
        assert not await held.sell(order.id, 1)
        assert not await held.restock(order.id, 1)
        # What was returned is not held again by the same attempt.
        await held.reserve(order.id, 1, {one.id: 2})
        assert await held.state(order.id, 1) is _R.RELEASED
        assert await held.state(order.id, 2) is None
    assert await numbers(crm, one, other) == [(5, 0), (3, 0)]


async def test_what_is_sold_is_sold_and_put_back_once(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (one, other) = await open_shop(work, 5, 3)
        order = await placed(work, customer)
        await work.reservations.reserve(order.id, 2, {one.id: 2, other.id: 3})
        assert await work.reservations.sell(order.id, 2)
        assert not await work.reservations.sell(order.id, 2)
        assert not await work.reservations.release(order.id, 2)
    assert await numbers(crm, one, other) == [(3, 0), (0, 0)]

    async with crm.open_work(TENANT) as work:
        assert await work.reservations.restock(order.id, 2)
        assert not await work.reservations.restock(order.id, 2)
        assert await work.reservations.state(order.id, 2) is _R.RESTOCKED
    assert await numbers(crm, one, other) == [(5, 0), (3, 0)]


async def test_the_ledger_says_what_an_order_did_to_the_stock(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (one,) = await open_shop(work, 5)
        order = await placed(work, customer)
        await work.reservations.reserve(order.id, 1, {one.id: 2})
        await work.reservations.release(order.id, 1)
        await work.reservations.reserve(order.id, 2, {one.id: 2})
        await work.reservations.sell(order.id, 2)
        await work.reservations.restock(order.id, 2)
        ledger = await work.stock.ledger(one.id, before=None, limit=5)

    assert [(line.kind, line.on_hand_change, line.reserved_change) for line in ledger] == [
        (MovementKind.RESTOCKED, 2, 0),
        (MovementKind.SOLD, -2, -2),
        (MovementKind.RESERVED, 0, 2),
        (MovementKind.RELEASED, 0, -2),
        (MovementKind.RESERVED, 0, 2),
    ]
    assert [line.attempt for line in ledger] == [2, 2, 2, 1, 1]
    assert {(line.order_id, line.actor) for line in ledger} == {(order.id, "order")}


async def test_of_an_order_that_cannot_be_had_nothing_is_reserved(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, (plenty, few) = await open_shop(work, 9, 1)
        order = await placed(work, customer)
    async with crm.open_work(TENANT) as work:
        with pytest.raises(OutOfStock) as refusal:
            await work.reservations.reserve(order.id, 1, {plenty.id: 2, few.id: 2})
        assert refusal.value.facts == {"available": 1, "name": "Kopi Gayo", "sku": few.sku}
        with pytest.raises(OutOfStock):
            await work.reservations.reserve(order.id, 1, {VariantId(uuid7()): 1})
        assert await work.reservations.state(order.id, 1) is None
        await work.reservations.reserve(order.id, 1, {few.id: 1})

    assert await numbers(crm, plenty, few) == [(9, 0), (1, 1)]


# -- a shop's rules


async def test_a_delivery_table_is_replaced_as_a_whole(crm: Crm) -> None:
    full = DeliveryTerms(
        zones=(
            Zone(name="Kota", words=("bandung", "cimahi"), fee=10_000),
            Zone(name="Jauh", words=("papua",), fee=0),
        ),
        default_fee=25_000,
        pickup_address="Jl. Toko 1",
    )
    async with crm.open_work(TENANT) as work:
        assert await work.delivery.get() == DeliveryTerms()
        for terms in (full, DeliveryTerms(default_fee=0), DeliveryTerms()):
            await work.delivery.put(terms)
            assert await work.delivery.get() == terms
        await work.delivery.put(full)
    async with crm.open_work(OTHER_TENANT) as work:
        assert await work.delivery.get() == DeliveryTerms()


async def test_discounts_come_back_as_they_were_saved_the_oldest_first(crm: Crm) -> None:
    full = a_rule(
        percent=None,
        amount=5_000,
        min_subtotal=50_000,
        category="Kopi",
        starts_at=NOON,
        ends_at=LATER,
        code="HEMAT5",
        is_active=False,
        created_at=NOON - timedelta(days=1),
    )
    plain = a_rule()
    async with crm.open_work(TENANT) as work:
        await work.discounts.add(plain)
        await work.discounts.add(full)
    async with crm.open_work(TENANT) as work:
        assert vars(await work.discounts.get(full.id)) == vars(full)
        assert [one.id for one in await work.discounts.all()] == [full.id, plain.id]
        assert [one.id for one in await work.discounts.active()] == [plain.id]
        seen = await work.discounts.get(plain.id)
        seen.change(LATER, percent=20)
        await work.discounts.save(seen)
        assert seen.version == 2
        with pytest.raises(ChangedMeanwhile):
            await work.discounts.save(plain)
        assert vars(await work.discounts.get(plain.id)) == vars(seen)
    async with crm.open_work(OTHER_TENANT) as work:
        assert await work.discounts.all() == []
        with pytest.raises(DiscountNotFound):
            await work.discounts.get(plain.id)


async def test_a_code_is_one_discounts_alone(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        first, second = a_rule(code="HEMAT"), a_rule()
        await work.discounts.add(first)
        await work.discounts.add(second)
        with pytest.raises(DiscountCodeTaken):
            await work.discounts.add(a_rule(code="HEMAT"))
        second.code = "HEMAT"
        with pytest.raises(DiscountCodeTaken):
            await work.discounts.save(second)
        await work.discounts.remove(first.id)
        await work.discounts.save(second)
        with pytest.raises(DiscountNotFound):
            await work.discounts.remove(DiscountId(uuid7()))


# -- concerns


async def test_a_concern_is_raised_once_for_the_same_reason(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        order, other = await placed(work, customer), await placed(work, customer)
        payment = uuid7()
        first = a_concern(order, payment_id=payment, facts={"total": 7})
        assert await work.concerns.add(first)
        assert await work.concerns.add(a_concern(order))
        assert await work.concerns.add(a_concern(order, "charged_back", payment_id=payment))
        assert await work.concerns.add(a_concern(other, payment_id=payment))
        assert not await work.concerns.add(a_concern(order, payment_id=payment))
        assert not await work.concerns.add(a_concern(order))
    async with crm.open_work(TENANT) as work:
        assert vars(await work.concerns.lock(first.id)) == vars(first)
    async with crm.open_work(OTHER_TENANT) as work:
        with pytest.raises(ConcernNotFound):
            await work.concerns.lock(first.id)


async def test_concerns_are_listed_the_newest_first_settled_or_not(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        order = await placed(work, customer)
        raised = [a_concern(order, payment_id=uuid7(), raised_at=at) for at in (LATER, NOON, LATER)]
        for concern in raised:
            assert await work.concerns.add(concern)
        raised[0].settle(LATER, by="ani", note="Refunded by hand.")
        await work.concerns.save(raised[0])

    async def found(
        *, is_settled: bool | None = None, before: Concern | None = None, limit: int = 9
    ) -> list[ConcernId]:
        since = Since(before.raised_at, before.id) if before else None
        async with crm.open_work(TENANT) as work:
            page = await work.concerns.page(is_settled=is_settled, before=since, limit=limit)
            return [concern.id for concern in page]

    a, b, c = raised
    assert await found() == [c.id, a.id, b.id]
    assert await found(limit=1) == [c.id]
    assert await found(before=c) == [a.id, b.id]
    assert await found(is_settled=True) == [a.id]
    assert await found(is_settled=False) == [c.id, b.id]
    async with crm.open_work(TENANT) as work:
        assert vars(await work.concerns.lock(a.id)) == vars(a)

"""Orders as tests speak of them: `an_order(customer, a_line(variant))`."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.product import Variant, VariantId
from crm_chatbot.domain.conversations.message import MessageId
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.money import RUPIAH, Currency
from crm_chatbot.domain.orders.concern import Concern, ConcernId
from crm_chatbot.domain.orders.discount import DiscountId, DiscountRule
from crm_chatbot.domain.orders.order import (
    Delivery,
    Discount,
    Line,
    Order,
    OrderEvent,
    OrderId,
    OrderStatus,
    Summary,
)
from crm_chatbot.domain.quick_reply import QuickReply, QuickReplyId
from crm_chatbot.domain.tenants.tenant import Tenant
from tests.crm_chatbot.builders import LATER, NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE, a_conversation, a_customer
from tests.crm_chatbot.goods import a_product, a_variant, sell

ADDRESS = Delivery(address="Jl. Contoh 1, Bandung", zone="Bandung", fee=15_000)


def a_line(variant: Variant | None = None, **facts: Any) -> Line:
    plain: dict[str, Any] = {
        "variant_id": variant.id if variant else VariantId(uuid7()),
        "sku": variant.sku if variant else "GAYO-250",
        "name": "Kopi Gayo",
        "quantity": 1,
        "unit_price": variant.price if variant else 85_000,
    }
    return Line(**plain | facts)


def an_order(customer: Customer | None = None, *lines: Line, **facts: Any) -> Order:
    order_id = OrderId(uuid7())
    plain: dict[str, Any] = {
        "id": order_id,
        "tenant_id": TENANT,
        "customer_id": (customer or a_customer()).id,
        "number": f"ORD-{order_id.hex[-8:]}",
        "currency": RUPIAH,
        "created_at": NOON,
        "updated_at": NOON,
        "lines": lines,
    }
    return Order(**plain | facts)


def a_full_order(customer: Customer) -> Order:
    """Every field differs from its default."""
    return an_order(
        customer,
        a_line(quantity=2),
        a_line(name='Teh *Melati* "☕"', sku="TEH", unit_price=7),
        currency=Currency("USD"),
        updated_at=LATER,
        status=OrderStatus.FULFILLED,
        discounts=(Discount(rule_id=uuid7(), name="Promo ☕", amount=5),),
        delivery=Delivery(
            address="Jl. Contoh 1\nBandung", zone="B", fee=9, latitude=-6.9, longitude=107.6
        ),
        note="Tanpa gula",
        promo_code="HEMAT10",
        summary=Summary(hash="ab" * 32, message_id=MessageId(uuid7()), seq=4, until=LATER),
        reservation=3,
        confirmed_at=LATER,
        expires_at=LATER + timedelta(hours=1),
        paid_at=LATER + timedelta(minutes=1),
        paid_by=uuid7(),
        version=7,
    )


def an_event(what: str = "order.changed", **facts: object) -> OrderEvent:
    return OrderEvent(what=what, at=LATER, actor="bot", facts=facts)


def a_rule(**facts: Any) -> DiscountRule:
    plain: dict[str, Any] = {
        "id": DiscountId(uuid7()),
        "tenant_id": TENANT,
        "name": "Promo",
        "created_at": NOON,
        "updated_at": NOON,
        "percent": None if "amount" in facts else 10,
    }
    return DiscountRule(**plain | facts)


def a_quick_reply(**facts: Any) -> QuickReply:
    plain: dict[str, Any] = {
        "id": QuickReplyId(uuid7()),
        "tenant_id": TENANT,
        "shortcut": "halo",
        "content": "Halo kak!",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return QuickReply(**plain | facts)


def a_concern(order: Order, code: str = "paid_twice", **facts: Any) -> Concern:
    plain: dict[str, Any] = {
        "id": ConcernId(uuid7()),
        "tenant_id": order.tenant_id,
        "code": code,
        "order_id": order.id,
        "payment_id": None,
        "customer_id": order.customer_id,
        "raised_at": NOON,
    }
    return Concern(**plain | facts)


async def open_shop(work: Work, *stocks: int, **wishes: Any) -> tuple[Customer, list[Variant]]:
    """A tenant with a customer who chats, and a product for each number of pieces on the shelf."""
    tenant: Tenant = a_tenant(**wishes)
    await work.tenants.add(tenant)
    customer = await another_customer(work)
    return customer, [await shelved(work, stock) for stock in stocks]


async def another_customer(work: Work, *identities: Any) -> Customer:
    customer = a_customer(*(identities or (PHONE,)))
    assert await work.customers.add(customer)
    await work.conversations.add(a_conversation(customer))
    return customer


async def shelved(work: Work, stock: int, **facts: Any) -> Variant:
    product = await sell(work, a_product("Kopi Gayo", a_variant(**facts)), stock=stock)
    return product.variants[0]


async def placed(work: Work, customer: Customer, *lines: Line, **facts: Any) -> Order:
    """A cart, stored."""
    order = an_order(customer, *lines, **facts)
    await work.orders.add(order, an_event("order.created"))
    return order


def a_payment() -> UUID:
    """Its id, that is."""
    return uuid7()

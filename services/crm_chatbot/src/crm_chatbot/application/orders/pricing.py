"""What an order costs: by the catalog, the shop's discounts and its delivery table alone."""

from collections.abc import Sequence
from datetime import datetime

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.product import Offer
from crm_chatbot.domain.orders.discount import Goods, code_in, discounts
from crm_chatbot.domain.orders.order import CurrencyDiffers, Line, Order


def line_of(offer: Offer, quantity: int) -> Line:
    """So many of it, at the price that it has now."""
    variant = offer.variant
    return Line(
        variant_id=variant.id,
        sku=variant.sku,
        name=offer.title,
        quantity=quantity,
        unit_price=variant.price,
    )


async def priced(work: Work, order: Order, now: datetime) -> Sequence[Line]:
    """Price a cart anew, all of it; what is not sold any more leaves it, and is returned.

    A summary stays valid only if all came out the same. Raises OrderNotOpen, DeliveryUnknown,
    PickupNotOffered, CurrencyDiffers.
    """
    now_sold_in = (await work.tenants.get(order.tenant_id)).currency
    if order.currency != now_sold_in:
        codes = {"currency": order.currency.code, "now": now_sold_in.code}
        raise CurrencyDiffers(number=order.number, **codes)
    found = await work.products.variants([line.variant_id for line in order.lines])
    offers = {offer.variant.id: offer for offer in found if offer.is_for_sale}
    goods = [
        Goods(line=line_of(offer, line.quantity), category=offer.category)
        for line in order.lines
        if (offer := offers.get(line.variant_id))
    ]
    rules = await work.discounts.active()
    taken_off = discounts(rules, goods, now, code=order.promo_code)
    delivery = order.delivery
    if delivery is not None:
        delivery = (await work.delivery.get()).again(delivery)
    gone = [line for line in order.lines if line.variant_id not in offers]
    order.reprice([one.line for one in goods], taken_off, now, delivery=delivery)
    return gone


async def take_code(work: Work, order: Order, said: Sequence[str], now: datetime) -> str | None:
    """A discount's code in the customer's own words, kept for the order; None: there is none.

    `said`: what the customer wrote, the oldest first, never what a model says. Of several codes
    the last one counts. Raises OrderNotOpen.
    """
    rules = await work.discounts.active()
    codes = [code for words in said if (code := code_in(words, rules)) is not None]
    if not codes:
        return None
    if codes[-1] != order.promo_code:
        order.promise(codes[-1], now)
    return codes[-1]

"""What a provider's page shows: the order's lines, adding up to exactly what is asked for."""

from datetime import datetime

from crm_chatbot.application.payments.gateways import Asked, AskedLine
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.money import Currency
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.payments.payment import Payment, Provider

_CALLBACK = "{base}/v1/crm/payments/callback/{provider}"


def asked_for(
    payment: Payment,
    order: Order,
    customer: Customer,
    *,
    now: datetime,
    public_url: str | None = None,
) -> Asked:
    """The page of this payment. `public_url`: where providers reach us, if they are to be told."""
    callback_url = None
    if public_url is not None and payment.provider is Provider.MIDTRANS:
        callback_url = _CALLBACK.format(base=public_url.rstrip("/"), provider=payment.provider)
    return Asked(
        reference=payment.reference,
        amount=payment.amount,
        currency=Currency(payment.currency),
        lines=lines_of(order, payment.amount),
        now=now,
        expires_at=payment.expires_at,
        number=order.number,
        customer_name=customer.name,
        customer_phone=customer.phone and f"+{customer.phone}",
        callback_url=callback_url,
        is_retry=payment.checks > 1,
    )


def lines_of(order: Order, amount: int) -> list[AskedLine]:
    """Discounts as one negative line, delivery as one of its own."""
    lines = [
        AskedLine(id=line.sku, name=line.name, price=line.unit_price, quantity=line.quantity)
        for line in order.lines
    ]
    off = min(sum(one.amount for one in order.discounts), order.subtotal)
    if off:
        lines.append(AskedLine(id="DISCOUNT", name="Diskon", price=-off))
    if order.delivery and order.delivery.fee:
        lines.append(AskedLine(id="DELIVERY", name="Ongkos kirim", price=order.delivery.fee))
    if sum(line.price * line.quantity for line in lines) == amount:
        return lines
    # The order was changed meanwhile, and this page will be closed before anybody sees it.
    return [AskedLine(id="ORDER", name=order.number, price=amount)]

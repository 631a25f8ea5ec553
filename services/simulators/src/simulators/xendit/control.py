"""How a test or a demo plays the customer, the bank and the dashboard: `/xendit/control`."""

import uuid
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import Field

from simulators.payments.control import Body
from simulators.xendit import payloads
from simulators.xendit.channels import CHANNELS
from simulators.xendit.invoices import Invoice, NotAllowed, Refund
from simulators.xendit.server import Xendit, XenditSettings, XenditWeather


class MerchantBody(Body):
    """A shop's account; what is left empty is made up, or stays as it was."""

    secret_key: str = Field(min_length=1)
    callback_token: str = ""
    user_id: str = ""
    name: str = ""
    #: where webhooks of invoices go; empty: nowhere
    webhook_url: str = ""
    #: where those of refunds go; empty: where those of invoices go
    refund_webhook_url: str = ""


class PayBody(Body):
    """The customer pays, with a channel by its name in `payment_methods`."""

    channel: str = "QRIS"
    #: another sum than the invoice's
    amount: int | None = Field(default=None, gt=0)
    #: the money comes although it is too late for it
    force: bool = False


class RefundBody(Body):
    """Somebody at the dashboard gives money back; without an amount all that is left."""

    amount: int | None = Field(default=None, gt=0)
    reason: str = "REQUESTED_BY_CUSTOMER"
    reference_id: str | None = None


class NotifyBody(Body):
    """The last webhook once more, as it is or as somebody made it."""

    edit: dict[str, Any] = Field(default_factory=dict[str, Any])
    #: in the place of the merchant's own
    token: str | None = None


def _xendit(request: Request) -> Xendit:
    xendit: Xendit = request.app.state.xendit
    xendit.clock.ring()
    return xendit


TheXendit = Annotated[Xendit, Depends(_xendit)]


def _invoice(xendit: TheXendit, reference: str, user_id: str | None = None) -> Invoice:
    """By its id, or the last one of an external id."""
    found = [
        one
        for one in xendit.invoices.values()
        if reference in {one.id, one.external_id} and user_id in {None, one.merchant.user_id}
    ]
    if not found:
        raise HTTPException(404, f"There is no invoice {reference!r}.")
    if len({one.merchant.user_id for one in found}) > 1:
        raise HTTPException(409, "Several merchants have this invoice: say whose with user_id.")
    return found[-1]


OneInvoice = Annotated[Invoice, Depends(_invoice)]
View = dict[str, Any]

router = APIRouter(prefix="/xendit/control", tags=["xendit control"])
_one = APIRouter(prefix="/invoices/{reference}")


@router.put("/merchants")
async def register(body: MerchantBody, xendit: TheXendit) -> View:
    """Make a merchant, or change the one of this key."""
    return xendit.register(**dict(body)).view()


@router.get("/merchants")
async def show_merchants(xendit: TheXendit) -> list[View]:
    return [merchant.view() for merchant in xendit.merchants.values()]


@router.put("/settings", status_code=204)
async def change_settings(settings: XenditSettings, xendit: TheXendit) -> None:
    xendit.settings = settings


@router.get("/settings")
async def show_settings(xendit: TheXendit) -> XenditSettings:
    return xendit.settings


@router.put("/weather", status_code=204)
async def change_weather(weather: XenditWeather, xendit: TheXendit) -> None:
    """How deliveries of webhooks fare from now on."""
    xendit.sky.change(weather)


@router.get("/weather")
async def show_weather(xendit: TheXendit) -> XenditWeather:
    return xendit.sky.weather


@router.get("/invoices")
async def show_invoices(xendit: TheXendit) -> list[View]:
    return [_view(invoice) for invoice in xendit.invoices.values()]


@_one.get("")
async def show_invoice(invoice: OneInvoice) -> View:
    return _view(invoice)


@_one.post("/pay")
async def pay(invoice: OneInvoice, body: PayBody, xendit: TheXendit) -> View:
    channel = CHANNELS.get(body.channel)
    if channel is None:
        raise HTTPException(422, f"There is no channel {body.channel!r}.")
    _allowed(lambda: xendit.pay(invoice, channel, amount=body.amount, force=body.force))
    return _view(invoice)


@_one.post("/expire")
async def expire(invoice: OneInvoice, xendit: TheXendit) -> View:
    _allowed(lambda: xendit.expire(invoice))
    return _view(invoice)


@_one.post("/settle")
async def settle(invoice: OneInvoice, xendit: TheXendit) -> View:
    """The money is in the shop's balance, of which Xendit tells nobody."""
    _allowed(lambda: invoice.settle(xendit.clock.now()))
    return _view(invoice)


@_one.post("/refund")
async def refund(invoice: OneInvoice, body: RefundBody, xendit: TheXendit) -> View:
    if invoice.payment is None:
        raise HTTPException(409, "Not allowed: nothing was paid")
    now = xendit.clock.now()
    given = Refund(
        id=f"rfd-{uuid.uuid4()}",
        amount=body.amount or invoice.payment.amount - invoice.refunded,
        reason=body.reason,
        reference_id=body.reference_id,
        metadata=None,
        by_invoice=False,
        created=now,
        updated=now,
    )
    xendit.give_back(invoice, given)
    return _view(invoice)


@_one.post("/notify")
async def notify(invoice: OneInvoice, body: NotifyBody, xendit: TheXendit) -> View:
    xendit.notify(invoice, edit=body.edit, token=body.token)
    return _view(invoice)


router.include_router(_one)


def _allowed(act: Callable[[], object]) -> None:
    try:
        act()
    except NotAllowed as refused:
        raise HTTPException(409, f"Not allowed: {refused}") from None


def _view(invoice: Invoice) -> View:
    return {
        "invoice": payloads.invoice(invoice),
        "asked": invoice.body,
        "refunds": [payloads.refund(one, invoice) for one in invoice.refunds],
    }

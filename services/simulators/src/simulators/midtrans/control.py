"""How a test or a demo plays the customer, the bank and the dashboard: `/midtrans/control`."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import Field

from simulators.midtrans.methods import METHODS
from simulators.midtrans.server import Midtrans, MidtransSettings, MidtransWeather
from simulators.midtrans.transactions import NotAllowed, Session, Transaction
from simulators.payments.control import Body


class MerchantBody(Body):
    """A shop's account; what is left empty is made up, or stays as it was."""

    server_key: str = Field(min_length=1)
    id: str = ""
    name: str = ""
    #: where notifications go; empty: nowhere
    notification_url: str = ""


class ChooseBody(Body):
    """The customer picks a method, by its name in `enabled_payments`."""

    method: str = "other_qris"


class PayBody(ChooseBody):
    """The customer pays; a method is picked first where none was."""

    #: a card is held until the shop approves or denies it
    is_challenged: bool = False
    #: the money comes although it is too late for it
    force: bool = False


class RefundBody(Body):
    """Somebody at the dashboard gives money back; without an amount all that is left."""

    amount: int | None = Field(default=None, gt=0)
    key: str | None = None
    reason: str = ""


class MoveBody(Body):
    """Any state."""

    to: Literal[
        "settlement", "capture", "authorize", "expire", "cancel", "deny", "failure",
        "chargeback", "partial_chargeback",
    ]  # fmt: skip
    force: bool = False


class NotifyBody(Body):
    """The last notification once more, as it is or as somebody made it."""

    edit: dict[str, Any] = Field(default_factory=dict[str, Any])
    sign_again: bool = False


def _midtrans(request: Request) -> Midtrans:
    midtrans: Midtrans = request.app.state.midtrans
    midtrans.clock.ring()
    return midtrans


TheMidtrans = Annotated[Midtrans, Depends(_midtrans)]


def _session(midtrans: TheMidtrans, order_id: str, server_key: str | None = None) -> Session:
    found = [
        session
        for (key, order), session in midtrans.orders.items()
        if order == order_id and server_key in {None, key}
    ]
    if not found:
        raise HTTPException(404, f"There is no order {order_id!r}.")
    if len(found) > 1:
        raise HTTPException(409, "Several merchants have this order: say whose with server_key.")
    return found[0]


OneSession = Annotated[Session, Depends(_session)]
View = dict[str, Any]

router = APIRouter(prefix="/midtrans/control", tags=["midtrans control"])
_one = APIRouter(prefix="/orders/{order_id}")


@router.put("/merchants")
async def register(body: MerchantBody, midtrans: TheMidtrans) -> View:
    """Make a merchant, or change the one of this key."""
    return midtrans.register(**dict(body)).view()


@router.get("/merchants")
async def show_merchants(midtrans: TheMidtrans) -> list[View]:
    return [merchant.view() for merchant in midtrans.merchants.values()]


@router.put("/settings", status_code=204)
async def change_settings(settings: MidtransSettings, midtrans: TheMidtrans) -> None:
    midtrans.settings = settings


@router.get("/settings")
async def show_settings(midtrans: TheMidtrans) -> MidtransSettings:
    return midtrans.settings


@router.put("/weather", status_code=204)
async def change_weather(weather: MidtransWeather, midtrans: TheMidtrans) -> None:
    """How deliveries of notifications fare from now on."""
    midtrans.sky.change(weather)


@router.get("/weather")
async def show_weather(midtrans: TheMidtrans) -> MidtransWeather:
    return midtrans.sky.weather


@router.get("/orders")
async def show_orders(midtrans: TheMidtrans) -> list[View]:
    """The last session of each order."""
    return [_view(session) for session in midtrans.orders.values()]


@_one.get("")
async def show_order(session: OneSession) -> View:
    return _view(session)


@_one.post("/choose")
async def choose(session: OneSession, body: ChooseBody, midtrans: TheMidtrans) -> View:
    _choose(midtrans, session, body.method)
    return _view(session)


@_one.post("/pay")
async def pay(session: OneSession, body: PayBody, midtrans: TheMidtrans) -> View:
    is_new = session.transaction is None or session.can_choose(midtrans.clock.now())
    one = _choose(midtrans, session, body.method) if is_new else _transaction(session)
    _allowed(lambda: midtrans.pay(one, is_challenged=body.is_challenged, force=body.force))
    return _view(session)


@_one.post("/move")
async def move(session: OneSession, body: MoveBody, midtrans: TheMidtrans) -> View:
    """Expire, fail, deny after settlement, charge back ... as customer and bank would."""
    one = _transaction(session)
    _allowed(lambda: midtrans.move(one, body.to, force=body.force))
    return _view(session)


@_one.post("/refund")
async def refund(session: OneSession, body: RefundBody, midtrans: TheMidtrans) -> View:
    one = _transaction(session)
    amount = body.amount or one.gross - one.refunded
    key = body.key or f"dashboard-{len(one.refunds) + 1}"
    _allowed(lambda: midtrans.refund(one, amount, key=key, reason=body.reason))
    return _view(session)


@_one.post("/notify")
async def notify(session: OneSession, body: NotifyBody, midtrans: TheMidtrans) -> View:
    midtrans.notify(_transaction(session), edit=body.edit, sign_again=body.sign_again)
    return _view(session)


router.include_router(_one)


def _transaction(session: Session) -> Transaction:
    if session.transaction is None:
        raise HTTPException(409, "No method was chosen.")
    return session.transaction


def _choose(midtrans: Midtrans, session: Session, method: str) -> Transaction:
    if method not in METHODS:
        raise HTTPException(422, f"There is no method {method!r}, only {', '.join(METHODS)}.")
    if not session.can_choose(midtrans.clock.now()):
        raise HTTPException(409, "The page offers nothing (any more).")
    return midtrans.choose(session, METHODS[method])


def _allowed(act: Callable[[], object]) -> None:
    try:
        act()
    except NotAllowed as refused:
        raise HTTPException(409, f"Not allowed: {refused}") from None


def _view(session: Session) -> View:
    return {
        "order_id": session.order_id,
        "merchant": session.merchant.id,
        "token": session.token,
        "amount": session.amount,
        "is_void": session.is_void,
        "closes_at": session.closes_at,
        "asked": session.body,
        "transactions": [_transaction_view(one) for one in session.transactions],
    }


def _transaction_view(one: Transaction) -> View:
    moments: dict[str, datetime | None] = {"expires_at": one.expires_at, "paid_at": one.paid_at}
    return {
        "transaction_id": one.id,
        "method": one.method.name,
        "status": one.status,
        "fraud_status": one.fraud,
        "gross_amount": one.gross,
        "refunded": one.refunded,
        **moments,
    }

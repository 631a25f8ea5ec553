"""Snap's API: a shop asks for a page on which its customer pays."""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt

from simulators.midtrans import payloads, refusals
from simulators.midtrans.server import Midtrans
from simulators.midtrans.transactions import Session
from simulators.payments.calls import Call, Operation, Reply, read

Text255 = Annotated[str, Field(max_length=255)]
Text50 = Annotated[str, Field(max_length=50)]
Unit = Literal["minute", "minutes", "hour", "hours", "day", "days"]

_UNIT_S = {"minute": 60, "hour": 3_600, "day": 86_400}
_DAY_S = 86_400
_LONGEST_S = 7 * _DAY_S
_START = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([+-]\d{4})")
_URLS = 3


def _moment(text: object) -> datetime:
    """Raises ValueError."""
    found = _START.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("must be written as yyyy-MM-dd HH:mm:ss +0700")
    return datetime.fromisoformat(found[1] + found[2])


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Details(_Part):
    """What is paid for, and how much it is."""

    order_id: str = Field(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9\-_~.]+$")
    gross_amount: StrictInt = Field(gt=0)


class Item(_Part):
    """A line of the bill; discounts have a negative price."""

    name: Text50
    price: StrictInt
    quantity: StrictInt = Field(ge=1)
    id: Text50 | None = None
    brand: Text50 | None = None
    category: Text50 | None = None
    merchant_name: Text50 | None = None
    url: Text50 | None = None


class Customer(_Part):
    """Who pays."""

    first_name: Text255 | None = None
    last_name: Text255 | None = None
    email: Text255 | None = None
    phone: Text255 | None = None


class Duration(_Part):
    """A while."""

    duration: StrictInt = Field(ge=1)
    unit: Unit

    @property
    def seconds(self) -> int:
        return self.duration * _UNIT_S[self.unit.removesuffix("s")]


class Expiry(Duration):
    """How long the customer may take; without a start from when a method is chosen."""

    start_time: Annotated[datetime, BeforeValidator(_moment)] | None = None


class Fee(_Part):
    """Whether the customer pays what paying costs."""

    enable: bool = False


class Asked(_Part):
    """The body of `POST /transactions`, of which unknown parts are left as they are."""

    transaction_details: Details
    item_details: list[Item] | None = None
    customer_details: Customer | None = None
    enabled_payments: list[str] | None = None
    callbacks: dict[str, Any] | None = None
    expiry: Expiry | None = None
    page_expiry: Duration | None = None
    customer_imposed_payment_fee: Fee | None = None
    custom_field1: Text255 | None = None
    custom_field2: Text255 | None = None
    custom_field3: Text255 | None = None

    def complaints(self) -> list[str]:
        """What is wrong with the whole although every part is right."""
        said = list[str]()
        total = sum(item.price * item.quantity for item in self.item_details or ())
        if self.item_details and total != self.transaction_details.gross_amount:
            said.append(refusals.WRONG_SUM)
        for name in ("expiry", "page_expiry"):
            given: Duration | None = getattr(self, name)
            if given and given.seconds > _LONGEST_S:
                said.append(f"{name}.duration is longer than 7 days")
        return said


def operations(midtrans: Midtrans) -> Sequence[Operation]:
    """What Snap offers."""
    return (
        Operation(
            name="create",
            method="POST",
            path="/snap/v1/transactions",
            act=lambda call: _create(midtrans, call),
            names_its=("transaction_details", "order_id"),
        ),
        Operation(
            name="cancel_session",
            method="POST",
            path="/snap/v1/transactions/{id}/cancel",
            act=lambda call: _cancel(midtrans, call),
        ),
    )


def _create(midtrans: Midtrans, call: Call) -> Reply:
    asked = _read(call)
    merchant = midtrans.merchant(call)
    details = asked.transaction_details
    before = midtrans.orders.get((merchant.server_key, details.order_id))
    if before and before.transactions:
        raise refusals.snap(400, refusals.ORDER_USED)
    now = midtrans.clock.now()
    expiry, starts_at = asked.expiry, asked.expiry.start_time if asked.expiry else None
    session = Session(
        token=str(uuid.uuid4()),
        merchant=merchant,
        order_id=details.order_id,
        amount=details.gross_amount,
        body=call.body,
        urls=_urls(call, merchant.notification_url),
        made_at=now,
        closes_at=_closes_at(asked, now),
        expires_at=starts_at + timedelta(seconds=expiry.seconds) if expiry and starts_at else None,
        life_s=expiry.seconds if expiry else None,
        has_fee=bool(fee.enable) if (fee := asked.customer_imposed_payment_fee) else False,
    )
    midtrans.open(session)
    url = f"{midtrans.pages(call)}/snap/v3/redirection/{session.token}"
    return Reply(status=201, content={"token": session.token, "redirect_url": url})


def _read(call: Call) -> Asked:
    """Raises Refused."""
    try:
        asked = read(Asked, call.body)
    except ValueError:
        raise refusals.snap(400, "The request body is not valid JSON") from None
    if not isinstance(asked, Asked):
        raise refusals.invalid([f"{where} {what}".strip() for where, what in asked])
    if complaints := asked.complaints():
        raise refusals.invalid(complaints)
    return asked


def _cancel(midtrans: Midtrans, call: Call) -> Reply:
    session = midtrans.sessions.get(call.id)
    if session is None or session.merchant.server_key != call.key:
        raise refusals.snap(404, "token not found")
    if session.is_void:
        raise refusals.snap(400, "token already canceled")
    if session.transactions:
        raise refusals.snap(400, "Transaction is on progress")
    session.is_void = True
    session.canceled_at = midtrans.clock.now()
    return Reply(content={"canceled_at": payloads.time_of(session.canceled_at)})


def _closes_at(asked: Asked, now: datetime) -> datetime:
    if asked.page_expiry:
        return now + timedelta(seconds=asked.page_expiry.seconds)
    if asked.expiry:
        return (asked.expiry.start_time or now) + timedelta(seconds=asked.expiry.seconds)
    return now + timedelta(seconds=_DAY_S)


def _urls(call: Call, usual: str) -> tuple[str, ...]:
    """Where its notifications go: what overrides wins over what is added."""
    usual_ones = [usual] if usual else []
    if instead := _listed(call.header(b"x-override-notification")):
        return tuple(instead)
    return tuple(dict.fromkeys([*usual_ones, *_listed(call.header(b"x-append-notification"))]))


def _listed(header: str) -> list[str]:
    return [url for url in re.split(r"\s*,\s*", header.strip()) if url][:_URLS]

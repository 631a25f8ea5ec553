"""Xendit's API of invoices: make one, read one, find some, end one."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from simulators.payments.calls import Call, Operation, Reply, read
from simulators.xendit import payloads, refusals
from simulators.xendit.channels import CHANNELS, Channel, named
from simulators.xendit.invoices import Invoice, NotAllowed
from simulators.xendit.server import Xendit

_DAY_S = 86_400
_YEAR_S = 365 * _DAY_S
_PAGE = 10


def _number(value: object) -> object:
    # Pydantic would take "170000" for a number, and true for one.
    return None if isinstance(value, bool | str) else value


Number = Annotated[float, BeforeValidator(_number)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Item(_Part):
    """A line of the bill."""

    name: str
    price: Number
    quantity: Number


class Fee(_Part):
    """Something on top of the lines."""

    type: str
    value: Number


class Asked(_Part):
    """The body of `POST /v2/invoices`, of which unknown parts are left as they are."""

    external_id: str = Field(min_length=1, max_length=255)
    amount: Number = Field(gt=0)
    currency: str = Field(default="IDR", pattern="^IDR$")
    description: str | None = None
    payer_email: str | None = None
    invoice_duration: Number = Field(default=_DAY_S, gt=0, le=_YEAR_S)
    customer: dict[str, Any] | None = None
    success_redirect_url: str | None = None
    failure_redirect_url: str | None = None
    payment_methods: list[str] | None = None
    items: list[Item] | None = Field(default=None, max_length=75)
    fees: list[Fee] | None = Field(default=None, max_length=10)
    metadata: dict[str, Any] | None = Field(default=None, max_length=50)


def operations(xendit: Xendit) -> Sequence[Operation]:
    """What there is to ask for."""
    create = Operation(
        name="create_invoice",
        method="POST",
        path="/v2/invoices",
        act=lambda call: _create(xendit, call),
        names_its=("external_id",),
    )
    return (
        create,
        # The published clients ask with a slash at the end.
        replace(create, path="/v2/invoices/"),
        Operation(
            name="find_invoices",
            method="GET",
            path="/v2/invoices",
            act=lambda call: _find(xendit, call),
        ),
        Operation(
            name="get_invoice",
            method="GET",
            path="/v2/invoices/{id}",
            act=lambda call: Reply(content=payloads.invoice(_known(xendit, call))),
        ),
        Operation(
            name="expire_invoice",
            method="POST",
            path="/invoices/{id}/expire!",
            act=lambda call: _expire(xendit, call),
        ),
    )


def _create(xendit: Xendit, call: Call) -> Reply:
    asked = _read(call)
    # As Xendit does with rupiah: what is smaller than one is cut off, not rounded.
    amount = int(asked.amount)
    channels = _channels(asked, amount)
    now = xendit.clock.now()
    number = secrets.token_hex(12)
    invoice = Invoice(
        id=number,
        merchant=xendit.merchants[call.key],
        external_id=asked.external_id,
        amount=amount,
        body=call.body,
        channels=channels,
        url=f"{xendit.pages(call)}/web/{number}",
        created=now,
        updated=now,
        expires_at=now + timedelta(seconds=asked.invoice_duration),
    )
    xendit.open(invoice)
    return Reply(content=payloads.invoice(invoice))


def _read(call: Call) -> Asked:
    """Raises Refused."""
    try:
        asked = read(Asked, call.body)
    except ValueError:
        raise refusals.no_json() from None
    if not isinstance(asked, Asked):
        raise refusals.invalid(asked)
    for name, value in (asked.metadata or {}).items():
        if len(name) > 40 or len(str(value)) > 500:
            raise refusals.invalid([(f"metadata.{name}", "is too long")])
    return asked


def _channels(asked: Asked, amount: int) -> Sequence[Channel]:
    """Raises Refused where nothing is left to pay with."""
    unknown = [code for code in asked.payment_methods or () if code not in CHANNELS]
    if unknown:
        message = f"The payment method {unknown[0]} is not available"
        raise refusals.no(400, "UNAVAILABLE_PAYMENT_METHOD_ERROR", message)
    channels = named(asked.payment_methods)
    if all(amount < channel.least for channel in channels):
        message = "The minimum amount is not met"
        raise refusals.no(400, "MINIMAL_TRANSFER_AMOUNT_ERROR", message)
    if all(amount > channel.most for channel in channels):
        message = "The maximum amount is exceeded"
        raise refusals.no(400, "MAXIMUM_TRANSFER_AMOUNT_ERROR", message)
    return channels


def _find(xendit: Xendit, call: Call) -> Reply:
    """The newest first."""
    found = [
        one for one in reversed(xendit.invoices.values()) if one.merchant.secret_key == call.key
    ]
    if external_id := call.query.get("external_id"):
        found = [one for one in found if one.external_id == external_id]
    if statuses := _listed(call.query.get("statuses", "")):
        found = [one for one in found if one.status in statuses]
    if last := call.query.get("last_invoice"):
        ids = [one.id for one in found]
        found = found[ids.index(last) + 1 :] if last in ids else []
    limit = call.query.get("limit", "")
    page = found[: int(limit) if limit.isdecimal() else _PAGE]
    return Reply(content=[payloads.invoice(one) for one in page])


def _listed(given: str) -> list[str]:
    """Raises Refused."""
    if not given:
        return []
    try:
        found: Any = orjson.loads(given)
    except ValueError:
        found = given.split(",")
    if not isinstance(found, list):
        raise refusals.invalid([("statuses", "must be an array")])
    return [str(one) for one in found]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - it is JSON


def _known(xendit: Xendit, call: Call) -> Invoice:
    """Raises Refused."""
    invoice = xendit.invoices.get(call.id)
    if invoice is None or invoice.merchant.secret_key != call.key:
        raise refusals.no_invoice()
    return invoice


def _expire(xendit: Xendit, call: Call) -> Reply:
    invoice = _known(xendit, call)
    if invoice.status != "EXPIRED":
        try:
            xendit.expire(invoice)
        except NotAllowed as paid:
            raise refusals.invalid([("id", str(paid))]) from None
    return Reply(content=payloads.invoice(invoice))

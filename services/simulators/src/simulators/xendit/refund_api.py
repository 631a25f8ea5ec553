"""Xendit's API of refunds, which take a while and may fail."""

import uuid
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from simulators.payments.calls import Call, Operation, Refused, Reply, read
from simulators.xendit import payloads, refusals
from simulators.xendit.invoice_api import Number
from simulators.xendit.invoices import Invoice, Payment, Refund
from simulators.xendit.server import Xendit

Reason = Literal["FRAUDULENT", "DUPLICATE", "REQUESTED_BY_CUSTOMER", "CANCELLATION", "OTHERS"]


class Asked(BaseModel):
    """What goes back, and of which payment; without an amount all that is left."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    reason: Reason
    payment_request_id: str | None = None
    invoice_id: str | None = None
    reference_id: str | None = Field(default=None, max_length=255)
    currency: str | None = Field(default=None, pattern="^IDR$")
    amount: Number | None = Field(default=None, gt=0)
    metadata: dict[str, Any] | None = None


def operations(xendit: Xendit) -> Sequence[Operation]:
    """What there is to ask for."""
    return (
        Operation(
            name="create_refund",
            method="POST",
            path="/refunds",
            act=lambda call: _create(xendit, call),
            names_its=("invoice_id",),
        ),
        Operation(
            name="get_refund",
            method="GET",
            path="/refunds/{id}",
            act=lambda call: _get(xendit, call),
        ),
    )


def _create(xendit: Xendit, call: Call) -> Reply:
    asked = _read(call)
    key = (call.key, call.header(b"idempotency-key"))
    if before := xendit.asked.get(key):
        content, refund = before
        if content != call.content:
            message = "The idempotency key was used with another body"
            raise refusals.no(409, "IDEMPOTENCY_ERROR", message)
        return _shown(xendit, refund.id)
    invoice, payment = _paid(xendit, call, asked)
    amount = _amount(invoice, payment, asked)
    now = xendit.clock.now()
    refund = Refund(
        id=f"rfd-{uuid.uuid4()}",
        amount=amount,
        reason=asked.reason,
        reference_id=asked.reference_id,
        metadata=asked.metadata,
        by_invoice=asked.payment_request_id is None,
        created=now,
        updated=now,
    )
    if key[1]:
        xendit.asked[key] = (call.content, refund)
    xendit.give_back(invoice, refund)
    return _shown(xendit, refund.id)


def _read(call: Call) -> Asked:
    """Raises Refused."""
    try:
        asked = read(Asked, call.body)
    except ValueError:
        raise refusals.no_json() from None
    if not isinstance(asked, Asked):
        raise refusals.invalid(asked)
    if not (asked.payment_request_id or asked.invoice_id):
        raise refusals.invalid([("payment_request_id", "is required")])
    return asked


def _paid(xendit: Xendit, call: Call, asked: Asked) -> tuple[Invoice, Payment]:
    """Raises Refused."""
    for invoice in xendit.invoices.values():
        if invoice.merchant.secret_key != call.key or not _is_named(invoice, asked):
            continue
        if invoice.payment is None:
            raise _ineligible()
        return invoice, invoice.payment
    raise refusals.no(404, "DATA_NOT_FOUND", "The payment was not found")


def _is_named(invoice: Invoice, asked: Asked) -> bool:
    if asked.payment_request_id:
        payment = invoice.payment
        return payment is not None and payment.request_id == asked.payment_request_id
    return invoice.id == asked.invoice_id


def _amount(invoice: Invoice, payment: Payment, asked: Asked) -> int:
    """Raises Refused where so much may not go back."""
    if payment.channel.refunds == "none":
        message = f"{payment.channel.code} does not support refunds"
        raise refusals.no(403, "REFUND_NOT_SUPPORTED", message)
    left = payment.amount - invoice.refunded
    amount = left if asked.amount is None else int(asked.amount)
    if amount > left or amount <= 0:
        raise refusals.no(400, "REFUND_AMOUNT_EXCEEDED", "The amount is more than what is left")
    if amount < payment.amount and payment.channel.refunds == "whole":
        message = f"{payment.channel.code} does not support partial refunds"
        raise refusals.no(403, "PARTIAL_REFUND_NOT_SUPPORTED", message)
    return amount


def _get(xendit: Xendit, call: Call) -> Reply:
    known = xendit.refunds.get(call.id)
    if known is None or known[0].merchant.secret_key != call.key:
        raise refusals.no(404, "DATA_NOT_FOUND", "The refund was not found")
    return _shown(xendit, call.id)


def _shown(xendit: Xendit, refund_id: str) -> Reply:
    invoice, refund = xendit.refunds[refund_id]
    return Reply(content=payloads.refund(refund, invoice))


def _ineligible() -> Refused:
    message = "Only what was paid can be refunded"
    return refusals.no(400, "INELIGIBLE_TRANSACTION_STATUS", message)

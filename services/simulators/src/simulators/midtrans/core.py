"""The status API: how a transaction stands, and what a shop may still do about it."""

import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from simulators.midtrans import payloads, refusals
from simulators.midtrans.server import Midtrans
from simulators.midtrans.transactions import NotAllowed, Refund, Transaction
from simulators.payments.calls import Call, Operation, Refused, Reply, read

Act = Callable[[Midtrans, Transaction, Call], Reply]

_REFUND_KEY = re.compile(r"^[A-Za-z0-9_-]+$")


class RefundBody(BaseModel):
    """What goes back; without an amount all that is left."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    refund_key: str | None = None
    amount: float | None = Field(default=None, gt=0)
    reason: str = Field(default="", max_length=255)


def operations(midtrans: Midtrans) -> Sequence[Operation]:
    """What there is to ask and to do, by order id or by transaction id."""

    def one(name: str, path: str, act: Act, method: str = "POST") -> Operation:
        return Operation(
            name=name,
            method=method,
            path=f"/v2/{{id}}/{path}",
            act=lambda call: act(midtrans, _find(midtrans, call), call),
        )

    return (
        one("status", "status", _status, "GET"),
        one("cancel", "cancel", _cancel),
        one("expire", "expire", _expire),
        one("approve", "approve", _approve),
        one("deny", "deny", _deny),
        one("refund", "refund", _refund),
        one("refund_direct", "refund/online/direct", _refund_direct),
    )


def _find(midtrans: Midtrans, call: Call) -> Transaction:
    """Raises Refused."""
    session = midtrans.orders.get((call.key, call.id))
    one = session.transaction if session else midtrans.transactions.get(call.id)
    if one is None or one.merchant.server_key != call.key:
        raise midtrans.core_refusal(404, refusals.NO_TRANSACTION, id=str(uuid.uuid4()))
    return one


def _status(_midtrans: Midtrans, one: Transaction, _call: Call) -> Reply:
    return Reply(content=payloads.found(one))


def _cancel(midtrans: Midtrans, one: Transaction, _call: Call) -> Reply:
    _move(midtrans, one, "cancel")
    return Reply(content=payloads.changed(one, "Success, transaction is canceled"))


def _expire(midtrans: Midtrans, one: Transaction, _call: Call) -> Reply:
    _move(midtrans, one, "expire")
    return Reply(content=payloads.changed(one, "Success, transaction is expired", code="407"))


def _approve(midtrans: Midtrans, one: Transaction, _call: Call) -> Reply:
    if not one.is_held:
        raise _cannot(midtrans)
    midtrans.approve(one)
    return Reply(content=payloads.changed(one, "Success, transaction is approved"))


def _deny(midtrans: Midtrans, one: Transaction, _call: Call) -> Reply:
    if not one.is_held:
        raise _cannot(midtrans)
    _move(midtrans, one, "deny")
    return Reply(content=payloads.changed(one, "Success, transaction is denied"))


def _refund_direct(midtrans: Midtrans, one: Transaction, call: Call) -> Reply:
    if midtrans.settings.bank_refuses_refunds:
        said: dict[str, Any] = {"status_code": "202", "status_message": "Refund is denied by bank"}
        return Reply(content=said)
    return _refund(midtrans, one, call)


def _refund(midtrans: Midtrans, one: Transaction, call: Call) -> Reply:
    body = _read(midtrans, call)
    key = body.refund_key or f"{one.order_id}-{len(one.refunds) + 1}"
    left = one.gross - one.refunded
    amount = left if body.amount is None else int(body.amount)
    if before := _before(one, key):
        # The key is there so that asking again cannot pay twice.
        if before.amount != amount and body.amount is not None:
            raise midtrans.core_refusal(406, "Duplicate refund_key with another amount")
        return Reply(content=payloads.refunded(one, before))
    _refuse_refund(midtrans, one, amount, left)
    try:
        refund = midtrans.refund(one, amount, key=key, reason=body.reason)
    except NotAllowed:
        raise _cannot(midtrans) from None
    return Reply(content=payloads.refunded(one, refund))


def _read(midtrans: Midtrans, call: Call) -> RefundBody:
    """Raises Refused."""
    try:
        body = read(RefundBody, call.body)
    except ValueError:
        raise midtrans.core_refusal(413, "The request body is not valid JSON") from None
    if not isinstance(body, RefundBody):
        said = ", ".join(f"{where} {what}" for where, what in body)
        raise midtrans.core_refusal(
            400, f"One or more parameters in the payload is invalid: {said}"
        )
    if body.refund_key is not None and not _REFUND_KEY.match(body.refund_key):
        raise midtrans.core_refusal(400, "refund_key has characters that are not allowed")
    return body


def _before(one: Transaction, key: str) -> Refund | None:
    return next((refund for refund in one.refunds if refund.key == key), None)


def _refuse_refund(midtrans: Midtrans, one: Transaction, amount: int, left: int) -> None:
    """Raises Refused where no money may go back."""
    if one.status not in {"settlement", "partial_refund"} or one.method.refunds == "none":
        raise _cannot(midtrans)
    is_partial = amount < one.gross
    if amount > left or (is_partial and one.method.refunds == "whole"):
        raise midtrans.core_refusal(414, "Refund request is rejected: invalid amount")


def _move(midtrans: Midtrans, one: Transaction, status: str) -> None:
    """Raises Refused."""
    try:
        midtrans.move(one, status)
    except NotAllowed:
        raise _cannot(midtrans) from None


def _cannot(midtrans: Midtrans) -> Refused:
    return midtrans.core_refusal(412, refusals.CANNOT_MODIFY)

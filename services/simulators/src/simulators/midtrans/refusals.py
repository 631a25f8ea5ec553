"""Midtrans's ways of saying no: Snap's, and the status API's."""

import uuid
from collections.abc import Sequence

from simulators.payments.calls import Operation, Refused

WRONG_KEY = "Access denied due to unauthorized transaction, please check client or server key"
ORDER_USED = "transaction_details.order_id has been paid and utilized, please use another order ID"
WRONG_SUM = "transaction_details.gross_amount is not equal to the sum of item_details"
CANNOT_MODIFY = "Merchant cannot modify the status of the transaction"
NO_TRANSACTION = "Transaction doesn't exist."


def is_snap(operation: Operation) -> bool:
    return operation.path.startswith("/snap/")


def snap(status: int, *messages: str) -> Refused:
    return Refused(status, {"error_messages": list(messages)})


def invalid(messages: Sequence[str]) -> Refused:
    return snap(400, *messages)


def stranger(operation: Operation) -> Refused:
    """For a key that nobody has."""
    if is_snap(operation):
        return snap(401, WRONG_KEY)
    body = {"status_code": "401", "status_message": WRONG_KEY, "id": str(uuid.uuid4())}
    return Refused(401, body)

"""Xendit's way of saying no: a code, a sentence, and sometimes where the fault lies."""

from collections.abc import Sequence

from simulators.payments.calls import Complaint, Refused

#: for statuses that a script asked for without a code
_CODES = {
    400: "API_VALIDATION_ERROR",
    401: "INVALID_API_KEY",
    403: "REQUEST_FORBIDDEN_ERROR",
    404: "DATA_NOT_FOUND",
    409: "DUPLICATE_ERROR",
    429: "RATE_LIMIT_EXCEEDED",
    503: "CHANNEL_UNAVAILABLE",
}


def no(status: int, code: str, message: str) -> Refused:
    return Refused(status, {"error_code": code, "message": message})


def usual(status: int, code: str | None, message: str) -> Refused:
    return no(status, code or _CODES.get(status, "SERVER_ERROR"), message)


def invalid(faults: Sequence[Complaint]) -> Refused:
    """A body that is not as it should be."""
    each = [{"path": f"/body/{at.replace('.', '/')}", "message": said} for at, said in faults]
    first = f"request/body {faults[0][0]} {faults[0][1]}"
    body = {"error_code": "API_VALIDATION_ERROR", "message": first, "errors": each}
    return Refused(400, body)


def no_json() -> Refused:
    return no(400, "INVALID_JSON_FORMAT", "The request body is not valid JSON")


def stranger() -> Refused:
    return no(401, "INVALID_API_KEY", "API key is not authorized for this API")


def too_many() -> Refused:
    return no(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded")


def no_invoice() -> Refused:
    return no(404, "INVOICE_NOT_FOUND_ERROR", "Could not find invoice")

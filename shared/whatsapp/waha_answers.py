"""What WAHA's answers mean: each failure with a code, and a verdict on what to do about it."""

import re
from collections.abc import Mapping
from typing import Any, cast

import orjson

from shared.infrastructure.guarded_http import Answer, BlockedAddress, Unreachable
from shared.redaction import mask
from shared.whatsapp.waha import Verdict, WahaFailed

_LONGEST_DETAIL = 200
_LONGEST_RETRY_AFTER_S = 3_600.0

#: What an engine's exception says, and what that means. Sources: WAHA's issues 1714, 2050.
_EXCEPTIONS: tuple[tuple[re.Pattern[str], str, Verdict], ...] = (
    (re.compile(r"no LID found for", re.IGNORECASE), "not_on_whatsapp", Verdict.NEVER),
    (re.compile(r"\berror 463\b", re.IGNORECASE), "account_restricted", Verdict.RESTRICTED),
)

_BY_STATUS: dict[int, tuple[str, Verdict]] = {
    400: ("waha_refused", Verdict.NEVER),
    401: ("waha_unauthorized", Verdict.SESSION),
    403: ("waha_unauthorized", Verdict.SESSION),
    413: ("media_too_large", Verdict.NEVER),
    422: ("not_supported", Verdict.NEVER),
    429: ("waha_busy", Verdict.RETRY),
    503: ("waha_unavailable", Verdict.RETRY),
}


def content_of(answer: Answer) -> Any:  # noqa: ANN401 - whatever the engine makes of it
    """The JSON in an answer that is a success; None where there is none. Raises WahaFailed."""
    if not 200 <= answer.status < 300:
        raise failure_of(answer)
    try:
        return orjson.loads(answer.body) if answer.body.strip() else None
    except orjson.JSONDecodeError:
        return None


def failure_of(answer: Answer) -> WahaFailed:
    """What an answer that is no success means."""
    body = _body(answer)
    if answer.status == 422 and "expected" in body:
        status = str(body.get("status", ""))[:40]
        return WahaFailed("session_not_working", Verdict.SESSION, status, status=status or None)
    detail = _detail(body) or f"HTTP {answer.status}"
    if answer.status == 404:
        return _not_found(detail)
    if answer.status == 500:
        for pattern, code, verdict in _EXCEPTIONS:
            if pattern.search(_words(body)):
                return WahaFailed(code, verdict, detail)
    # Anything else may have happened after the message left.
    code, verdict = _BY_STATUS.get(answer.status, ("waha_error", Verdict.AMBIGUOUS))
    return WahaFailed(code, verdict, detail, retry_after_s=_retry_after(answer))


def failure_without_answer(error: BlockedAddress | Unreachable) -> WahaFailed:
    """What it means that there was none."""
    if isinstance(error, BlockedAddress):
        return WahaFailed("waha_blocked", Verdict.SESSION, "its address is not allowed")
    verdict = Verdict.AMBIGUOUS if error.may_have_arrived else Verdict.RETRY
    return WahaFailed("waha_unreachable", verdict, error.reason)


def _not_found(detail: str) -> WahaFailed:
    # The same status says that the server is too old for a call, and that it has no such session.
    if detail.startswith("Cannot "):
        return WahaFailed("not_supported", Verdict.NEVER, detail)
    if "session" in detail.lower():
        return WahaFailed("session_unknown", Verdict.SESSION, detail)
    return WahaFailed("not_found", Verdict.NEVER, detail)


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        body: Any = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _words(body: Mapping[str, Any]) -> str:
    """What an engine's exception says. Never the rest: it repeats our request."""
    exception = body.get("exception")
    if isinstance(exception, dict):
        return str(cast("dict[str, Any]", exception).get("message", ""))
    return ""


def _detail(body: Mapping[str, Any]) -> str:
    """A line without anybody's number in it."""
    message = _words(body) or body.get("message") or body.get("error") or ""
    lines = cast("list[object]", message) if isinstance(message, list) else [message]
    text = "; ".join(line for line in lines if isinstance(line, str))
    # Numbers are part of an id there, which is no word of its own to whoever masks.
    return mask(re.sub(r"\d{6,}", "•••", text))[:_LONGEST_DETAIL]


def _retry_after(answer: Answer) -> float | None:
    given = answer.headers.get("Retry-After", "")
    is_number = given.isascii() and given.isdecimal()
    return min(float(given), _LONGEST_RETRY_AFTER_S) if is_number else None

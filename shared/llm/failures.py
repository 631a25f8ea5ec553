"""What a provider's refusal, silence or nonsense means for us, and whether to ask again."""

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Literal, cast

from shared.llm.chat import ModelCall, ModelFailed
from shared.redaction import mask

Code = Literal["llm_unavailable", "llm_auth", "llm_rejected", "llm_bad_answer"]

#: A longer wait than this belongs to the job's own schedule, not to a call that is held open.
LONGEST_PAUSE_S = 5.0
LONGEST_RETRY_AFTER_S = 60.0

_SPENT = {
    "insufficient_quota",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
}
_SPENT_PHRASES = ("credit balance is too low", "api usage limits")

#: What some models take, and others of the same provider refuse.
_TOUCHY_FIELD = re.compile(r"\b(?:temperature|max_tokens|max_completion_tokens)\b")

#: Errors that arrive inside an answer whose status was 200 already.
_BY_NAME: Mapping[str, Code] = {
    "authentication_error": "llm_auth",
    "invalid_api_key": "llm_auth",
    "permission_error": "llm_auth",
    "invalid_request_error": "llm_rejected",
    "context_length_exceeded": "llm_rejected",
    "content_filter": "llm_rejected",
    "not_found_error": "llm_rejected",
    "request_too_large": "llm_rejected",
}


class ProviderFailed(Exception):
    """One request did not end in an answer. Says nothing that the provider might quote from it."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        retry_after_s: float | None = None,
        blames: str | None = None,
        is_skip: bool = False,
    ) -> None:
        super().__init__(detail)
        self.code: Code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        #: the field of our request that the provider will not take
        self.blames = blames
        #: the provider was not even asked
        self.is_skip = is_skip


def bad_answer(why: str) -> ProviderFailed:
    return ProviderFailed("llm_bad_answer", why)


def refused(status: int, headers: Mapping[str, str], body: object) -> ProviderFailed:
    """What an HTTP status, or an error inside an answer (status 200), means."""
    error = _error_in(body)
    if isinstance(error.get("code"), int):  # some gateways put the status of theirs in there
        status = error["code"]
    name = _name(error)
    where = f"HTTP {status}" if status >= 300 else "an error inside the answer"
    return ProviderFailed(
        _code(status, error, name),
        " ".join(part for part in (where, name, a_name(error.get("param"))) if part),
        retry_after_s=retry_after(headers),
        blames=_blamed(status, error),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, at most a minute: from `retry-after-ms`, or `retry-after` (seconds or a date)."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return min(milliseconds / 1_000, LONGEST_RETRY_AFTER_S)
    text = headers.get("retry-after")
    if text is None:
        return None
    seconds = _number(text)
    if seconds is None:
        seconds = _seconds_between(headers.get("date"), text)
    return None if seconds is None else min(seconds, LONGEST_RETRY_AFTER_S)


def pause(failed: ProviderFailed, tries: int, retries: int, jitter: float) -> float | None:
    """Seconds until the same provider may be asked again; None: not within this call.

    `tries` were made so far, `retries` may follow the first; `jitter` lies between 0 and 1.
    """
    allowed = {"llm_unavailable": retries, "llm_bad_answer": min(retries, 1)}.get(failed.code, 0)
    if failed.is_skip or tries > allowed:
        return None
    if failed.retry_after_s is not None:
        return failed.retry_after_s if failed.retry_after_s <= LONGEST_PAUSE_S else None
    return jitter * float(min(8.0, 0.5 * 2 ** (tries - 1)))


def no_answer(
    failures: Sequence[tuple[str, ProviderFailed]], calls: Sequence[ModelCall]
) -> ModelFailed:
    """Of every candidate's failure, the one that gives the most hope for later."""
    if not failures:
        return ModelFailed("llm_rejected", "there was no model to ask", calls=calls)
    passing = [failed for _, failed in failures if failed.code in _MAY_PASS]
    told = min(passing, key=lambda one: one.retry_after_s or 0.0) if passing else failures[-1][1]
    detail = "; ".join(f"{name}: {failed.detail}" for name, failed in failures)
    return ModelFailed(told.code, detail, retry_after_s=told.retry_after_s, calls=calls)


def a_name(value: object) -> str:
    """A name that a provider gave, or nothing: what is none may repeat a prompt or a key."""
    if isinstance(value, str) and re.fullmatch(r"[\w.\-\[\]]{1,64}", value):
        return mask(value)
    return ""


_MAY_PASS = {"llm_unavailable", "llm_bad_answer"}


def _code(status: int, error: Mapping[str, Any], name: str) -> Code:
    message = str(error.get("message", "")).lower()
    if name in _SPENT or any(phrase in message for phrase in _SPENT_PHRASES):
        return "llm_auth"
    if status < 300:
        return _BY_NAME.get(name, "llm_unavailable")
    if status in {401, 402, 403}:
        return "llm_auth"
    if status in {408, 409, 425, 429} or status >= 500:
        return "llm_unavailable"
    # A redirect is no answer: following it would carry the key to wherever it points.
    return "llm_bad_answer" if status < 400 else "llm_rejected"


def _blamed(status: int, error: Mapping[str, Any]) -> str | None:
    if status not in {400, 422}:
        return None
    if isinstance(param := error.get("param"), str):
        return param
    # Anthropic and many others name the field in their sentence only.
    named = _TOUCHY_FIELD.search(str(error.get("message", "")))
    return named[0] if named else None


def _error_in(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {}
    found = cast("dict[str, Any]", body)
    error = found.get("error", found)
    if isinstance(error, dict):
        return cast("dict[str, Any]", error)
    return {"message": error}


def _name(error: Mapping[str, Any]) -> str:
    return a_name(error.get("code")) or a_name(error.get("type"))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _seconds_between(date: str | None, later: str) -> float | None:
    # Against the provider's own clock, so that ours may be wrong.
    try:
        gap = parsedate_to_datetime(later) - parsedate_to_datetime(date or "")
    except (ValueError, TypeError):
        return None
    return max(0.0, gap.total_seconds())

"""Every error an API answers with: one shape (RFC 9457), one table from exceptions to statuses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.availability import DatabaseUnavailable
from shared.batching import Overloaded
from shared.domain import ChangedMeanwhile, Conflict, DomainError, NotFound

MEDIA_TYPE = "application/problem+json"

#: A body may be wrong in thousands of places; nobody reads more than this.
_MOST_ERRORS = 20
_LONGEST_POINTER = 200

_CODE_OF_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    500: "internal",
}

#: Pydantic's names where ours is shorter, or promised in the catalogue of bad inputs.
_CODE_OF_MISTAKE = {
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "value_error": "invalid",
    "assertion_error": "invalid",
}


@dataclass(frozen=True)
class Mistake:
    """One wrong place in a request.

    `pointer` is a JSON pointer into the body; what is wrong elsewhere is `/query/...`,
    `/header/...`, `/path/...`.
    """

    pointer: str
    code: str
    message: str


class Problem(HTTPException):
    """A refusal that only HTTP knows of. What a rule refuses is a `DomainError` instead."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.errors = errors


def invalid(pointer: str, code: str, message: str) -> Problem:
    """A request that can be read but not meant."""
    return Problem(422, "validation_failed", message, errors=[Mistake(pointer, code, message)])


def not_found() -> Problem:
    return Problem(404, "not_found", "There is nothing here.")


def headers_too_large() -> Problem:
    detail = "At most 100 headers, and 64 KiB of them."
    return Problem(431, "headers_too_large", detail, headers={"Connection": "close"})


def problem_of(error: Exception) -> Problem:
    """What a client may know of an error: nothing, if it is not one of `EXPECTED`."""
    for kind, told in _TOLD.items():
        if isinstance(error, kind):
            return told(error)
    return Problem(500, "internal", "Something went wrong on our side; it has been recorded.")


def response(problem: Problem, request_id: str) -> Response:
    content = rendered(problem, request_id)
    return Response(content, problem.status_code, problem.headers, media_type=MEDIA_TYPE)


def rendered(problem: Problem, request_id: str) -> bytes:
    """The problem as JSON."""
    return orjson.dumps(
        {
            "type": f"urn:ai-platform:problem:{problem.code}",
            "title": problem.code.replace("_", " ").capitalize(),
            "status": problem.status_code,
            "detail": problem.detail,
            "code": problem.code,
            "request_id": request_id,
            "errors": [asdict(mistake) for mistake in problem.errors],
        }
    )


def _of_refusal(refusal: DomainError) -> Problem:
    status = 404 if isinstance(refusal, NotFound) else 409 if isinstance(refusal, Conflict) else 422
    pointer = refusal.pointer
    errors = [] if pointer is None else [Mistake(pointer, refusal.code, str(refusal))]
    after_s: int | None = getattr(refusal, "retry_after_s", None)
    headers = {} if after_s is None else {"Retry-After": str(after_s)}
    return Problem(status, refusal.code, str(refusal), errors=errors, headers=headers)


def _of_status(error: HTTPException) -> Problem:
    if error.status_code == 404:
        return not_found()
    code = _CODE_OF_STATUS.get(error.status_code) or HTTPStatus(error.status_code).name.lower()
    return Problem(error.status_code, code, error.detail, headers=error.headers)


def _of_mistakes(found: Iterable[Mapping[str, Any]]) -> Problem:
    errors = [_mistake(one) for one in list(found)[:_MOST_ERRORS]]
    where = errors[0].pointer or "The body"
    return Problem(422, "validation_failed", f"{where}: {errors[0].message}", errors=errors)


def _mistake(found: Mapping[str, Any]) -> Mistake:
    place, *path = found["loc"]
    # `loc` also names the branch of a union; the caller's JSON has no such step, but any pointer
    # that leads to the neighbourhood is better than none.
    steps = path if place == "body" else [place, *path]
    kind = str(found["type"])
    message = str(found["msg"]).removeprefix("Value error, ")
    return Mistake(pointer_of(steps), _CODE_OF_MISTAKE.get(kind, kind), message)


def pointer_of(steps: Iterable[object]) -> str:
    """A JSON pointer (RFC 6901), fit to be sent back whatever key a caller made up."""
    text = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
    return text[:_LONGEST_POINTER].encode(errors="replace").decode()


def _later(code: str, detail: str, *, after_s: int) -> Problem:
    return Problem(503, code, detail, headers={"Retry-After": str(after_s)})


_TOLD: dict[type[Exception], Callable[[Any], Problem]] = {
    Problem: lambda problem: problem,
    HTTPException: _of_status,
    DomainError: _of_refusal,
    RequestValidationError: lambda error: _of_mistakes(error.errors()),
    ChangedMeanwhile: lambda _: Problem(
        409, "conflict", "Somebody else changed it meanwhile; try again."
    ),
    Overloaded: lambda _: _later(
        "overloaded", "Too many requests are waiting already; try again.", after_s=1
    ),
    DatabaseUnavailable: lambda _: _later(
        "database_unavailable", "The database does not answer; try again.", after_s=2
    ),
}

#: Errors that are no faults of ours.
EXPECTED: tuple[type[Exception], ...] = tuple(_TOLD)

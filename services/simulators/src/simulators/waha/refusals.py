"""WAHA's ways of saying no, each in the shape that its framework gives it."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from simulators.waha.engines import Engine
from simulators.waha.rules import Trouble

STATUS_SENTENCE = "Session status is not as expected. Try again later or restart the session"
#: gRPC's number for it: what an engine says that knows no better
_UNKNOWN = 2
_TITLES = {400: "Bad Request", 404: "Not Found", 422: "Unprocessable Entity"}


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def plain(status: int, message: str | Sequence[str]) -> Refused:
    """The framework's own shape."""
    title = _TITLES.get(status, "Error")
    return Refused(status, {"statusCode": status, "message": message, "error": title})


def unauthorized() -> Refused:
    return Refused(401, {"message": "Unauthorized", "statusCode": 401})


def no_session(name: str) -> Refused:
    return plain(404, f'Session "{name}" does not exist')


def not_as_expected(session: str, status: str, *expected: str) -> Refused:
    body = {"error": STATUS_SENTENCE, "session": session, "status": status}
    return Refused(422, {**body, "expected": list(expected)})


def not_by_engine(engine: Engine) -> Refused:
    return plain(422, f"The method is not implemented by the {engine.name} engine")


def no_file(name: str) -> Refused:
    error = {"code": 404, "key": "FILE_NOT_FOUND", "message": "File not found", "details": name}
    return Refused(404, {"error": error})


def broken(
    request: Mapping[str, Any], engine: Engine, details: str, *, status: int = 500
) -> Refused:
    """The exception, the request as it came, and the version."""
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    exception = {
        "message": f"{_UNKNOWN} UNKNOWN: {details}",
        "code": _UNKNOWN,
        "details": details,
        "name": "Error",
        "stack": "Error: ...",
    }
    body = {
        "statusCode": status,
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "exception": exception,
        "request": request,
        "version": engine.environment(),
    }
    return Refused(status, body)


def details_of(trouble: Trouble, chat_id: str) -> str:
    """What the engine says when this befalls a send to a chat."""
    match trouble:
        case "timelock":
            return "server returned error 463"
        case "not_on_whatsapp":
            return no_lid(chat_id)
        case _:
            return "Internal 400"


def no_lid(chat_id: str) -> str:
    return f"no LID found for {chat_id.replace('@c.us', '@s.whatsapp.net')} from server"

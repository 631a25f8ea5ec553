"""Structured logs: named actions with facts. Writing one never raises and never tells a secret."""

import json
import logging
import sys
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TextIO, cast

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars

from shared import redaction, tracing

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Facts = MutableMapping[str, Any]


class Log(Protocol):
    """Says what happened (`job.failed`) and to whom (`job_id=...`).

    There are no positional arguments on purpose: nothing can be written into the action.
    """

    def debug(self, action: str, /, **facts: object) -> None: ...
    def info(self, action: str, /, **facts: object) -> None: ...
    def warning(self, action: str, /, **facts: object) -> None: ...
    def error(self, action: str, /, **facts: object) -> None: ...
    def exception(self, action: str, /, **facts: object) -> None:
        """An error, with what is being handled right now."""
        ...


def get() -> Log:
    """A module's logger; may be taken before `configure` was called."""
    return cast("Log", structlog.get_logger())


def configure(
    service: str,
    level: Level = "INFO",
    environment: str = "development",
    *,
    out: TextIO | None = None,
) -> None:
    """JSON lines in production, columns for people elsewhere; libraries from WARNING up."""
    _writer.service = service
    _writer.out = out
    _writer.is_for_machines = environment == "production"
    _writer.lowest = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=_EveryLevel,
        logger_factory=lambda *_: _writer,
        cache_logger_on_first_use=True,
    )
    _take_over_from_libraries()


@contextmanager
def about(
    *, correlation_id: object = None, job_id: object = None, tenant_id: object = None
) -> Generator[None]:
    """Every line inside the block, in this task and those it starts, names these."""
    given = {"correlation_id": correlation_id, "job_id": job_id, "tenant_id": tenant_id}
    with bound_contextvars(**{name: str(value) for name, value in given.items() if value}):
        yield


def correlation_id() -> str | None:
    """What the current request or message is known by, if it is."""
    return get_contextvars().get("correlation_id")


class _Writer:
    """The one place where lines leave the process."""

    def __init__(self) -> None:
        self.service = ""
        self.is_for_machines = False
        self.out: TextIO | None = None
        self.lowest = logging.INFO

    def write(self, line: str) -> None:
        try:
            out = self.out or sys.stderr
            out.write(f"{line}\n")
            out.flush()
        except (OSError, ValueError):
            # The disk is full, or nobody reads any more. Work is worth more than its log.
            return

    debug = info = warning = error = critical = msg = write


_writer = _Writer()


def _rendered(_: object, level: str, facts: Facts) -> str:
    try:
        line = _line(level, facts)
        return json.dumps(line, ensure_ascii=False) if _writer.is_for_machines else _columns(line)
    except Exception:  # noqa: BLE001 - a fact that cannot be written must not stop the work
        return json.dumps({"level": level, "service": _writer.service, "action": "log.unwritable"})


def _line(level: str, facts: Facts) -> dict[str, object]:
    action, error = facts.pop("event", ""), _error_in(facts.pop("exc_info", None))
    line: dict[str, object] = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),  # noqa: TID251 - a log line is no business rule
        "level": level,
        "service": _writer.service,
        "action": redaction.mask(str(action)),
        **redaction.redact(facts),
    }
    if trace_id := tracing.trace_id():
        line["trace_id"] = trace_id
    if error:
        line["exception"] = redaction.describe(error)
    return line


def _error_in(given: object) -> BaseException | None:
    if isinstance(given, tuple):
        given = cast("tuple[object, ...]", given)[1]
    if isinstance(given, BaseException):
        return given
    return sys.exc_info()[1] if given else None


def _columns(line: dict[str, object]) -> str:
    colors = bool(getattr(_writer.out or sys.stderr, "isatty", bool)())
    render = structlog.dev.ConsoleRenderer(colors=colors, event_key="action", pad_event_to=24)
    line["timestamp"] = str(line["timestamp"])[11:23]
    return render(None, "", line)


def _heard(_: object, level: str, facts: Facts) -> Facts:
    if logging.getLevelNamesMapping()[level.upper()] < _writer.lowest:
        raise structlog.DropEvent
    return facts


_PROCESSORS: list[Any] = [_heard, merge_contextvars, _rendered]

# A logger keeps its class from its first line on; the level may be set after that.
_EveryLevel = structlog.make_filtering_bound_logger("DEBUG")


class _FromLibraries(logging.Handler):
    """Gives what uvicorn, aio_pika, SQLAlchemy and others say the same shape as our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        facts: Facts = {"event": record.name, "exc_info": record.exc_info}
        try:
            facts["said"] = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's malformed line is no reason to stop
            facts["said"] = str(record.msg)
        level = record.levelname.lower()
        _writer.write(_rendered(None, level, merge_contextvars(None, level, facts)))


def _take_over_from_libraries() -> None:
    root = logging.getLogger()
    # Exact types: a test runner's own handler, which inherits, stays.
    ours = [h for h in root.handlers if type(h) not in {logging.StreamHandler, _FromLibraries}]
    root.handlers[:] = [*ours, _FromLibraries()]
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.WARNING)


# Lines written before anybody configured anything are redacted as well.
structlog.configure(
    processors=_PROCESSORS,
    wrapper_class=_EveryLevel,
    logger_factory=lambda *_: _writer,
    cache_logger_on_first_use=True,
)

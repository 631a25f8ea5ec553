"""Logs say what happened, in a shape that machines read, and never stop the work."""

import asyncio
import errno
import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared import logs

CANARY = "canary-4711"


class Explosive:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class FullDisk(StringIO):
    def write(self, _: str, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def out() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    written = StringIO()
    logs.configure("gateway", "INFO", "production", out=written)
    yield written
    logs.configure("", "INFO", "development")
    root.handlers[:] = before
    root.setLevel(level)


def lines(out: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def only_line(out: StringIO) -> dict[str, Any]:
    (line,) = lines(out)
    return line


def test_a_line_is_an_action_with_facts(out: StringIO) -> None:
    logs.get().info("job.failed", job_id="7", code="llm_unavailable")

    line = only_line(out)

    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "gateway",
        "action": "job.failed",
        "job_id": "7",
        "code": "llm_unavailable",
    }


def test_the_level_counts_for_loggers_that_spoke_before_it_was_set(out: StringIO) -> None:
    log = logs.get()
    log.info("worker.starting")

    logs.configure("gateway", "ERROR", "production", out=out)
    log.info("worker.idle")
    logs.configure("gateway", "DEBUG", "production", out=out)
    log.debug("worker.polled")

    assert [line["action"] for line in lines(out)] == ["worker.starting", "worker.polled"]


def test_what_is_below_the_level_is_not_written(out: StringIO) -> None:
    logs.get().debug("job.looked_at")

    assert out.getvalue() == ""


def test_lines_inside_the_block_name_what_it_is_about(out: StringIO) -> None:
    log = logs.get()

    with logs.about(correlation_id="c-1", job_id=7):
        log.info("job.started")
        known_as = logs.correlation_id()
    log.info("worker.idle")

    inside, outside = lines(out)
    assert (inside["correlation_id"], inside["job_id"]) == ("c-1", "7")
    assert known_as == "c-1"
    assert "correlation_id" not in outside


async def test_two_tasks_do_not_mix_up_what_they_are_about(out: StringIO) -> None:
    log = logs.get()
    both_inside = asyncio.Barrier(2)

    async def work(job_id: str) -> None:
        with logs.about(job_id=job_id):
            await both_inside.wait()
            log.info("job.done", expected=job_id)

    await asyncio.gather(work("1"), work("2"))

    assert [line["job_id"] == line["expected"] for line in lines(out)] == [True, True]


def test_no_secret_gets_out(out: StringIO) -> None:
    log = logs.get()
    url = f"postgresql://root:{CANARY}@localhost/app"

    log.info("job.accepted", prompt=CANARY, headers={"authorization": CANARY}, url=url)
    try:
        raise ValueError(f"Bearer {CANARY}")
    except ValueError:
        log.exception("job.failed", api_key=CANARY)
    logging.getLogger("aio_pika").warning("connecting to %s", f"amqp://guest:{CANARY}@localhost")
    careless = f"Bearer {CANARY}"
    log.info(careless)

    assert len(lines(out)) == 4
    assert CANARY not in out.getvalue()


def test_an_exception_is_told_in_one_line(out: StringIO) -> None:
    try:
        raise LookupError("no such job")
    except LookupError:
        logs.get().exception("job.failed")

    line = only_line(out)
    assert line["level"] == "error"
    assert line["exception"].startswith("LookupError: no such job\n  at ")


@pytest.mark.parametrize("value", [Explosive(), {1: Explosive()}, "\ud800", float("nan"), object()])
def test_an_awkward_fact_never_raises(out: StringIO, value: object) -> None:
    logs.get().info("job.failed", awkward=value)

    assert only_line(out)["level"] == "info"


def test_an_error_that_cannot_be_told_never_raises(out: StringIO) -> None:
    try:
        raise Unspeakable
    except Unspeakable:
        logs.get().exception("job.failed")

    assert only_line(out)["action"] == "log.unwritable"


def test_a_full_disk_stops_no_work(out: StringIO) -> None:
    logs.configure("gateway", "INFO", "production", out=FullDisk())

    logs.get().info("job.failed", code="llm_unavailable")

    assert out.getvalue() == ""


def test_a_closed_stream_stops_no_work(out: StringIO) -> None:
    out.close()

    logs.get().info("job.failed", code="llm_unavailable")


def test_libraries_speak_from_warning_up_in_the_same_shape(out: StringIO) -> None:
    logging.getLogger("sqlalchemy.pool").info("hello")
    logging.getLogger("sqlalchemy.pool").warning("%d connections left", 3)
    logging.getLogger("uvicorn.access").info("GET /")

    line = only_line(out)
    assert (line["action"], line["level"], line["said"]) == (
        "sqlalchemy.pool",
        "warning",
        "3 connections left",
    )


def test_a_librarys_malformed_line_is_written_as_it_stands(out: StringIO) -> None:
    record = {"name": "somebody", "levelname": "ERROR", "msg": "%d", "args": ("three",)}
    # Not through the root logger: there pytest's own handler fails on malformed lines.
    (ours,) = (one for one in logging.getLogger().handlers if type(one).__module__ == logs.__name__)

    ours.handle(logging.makeLogRecord(record))

    assert only_line(out)["said"] == "%d"


def test_configuring_twice_does_not_write_twice(out: StringIO) -> None:
    logs.configure("gateway", "INFO", "production", out=out)

    logging.getLogger("somebody").error("once")

    assert len(lines(out)) == 1


def test_in_development_a_line_is_for_eyes(out: StringIO) -> None:
    logs.configure("gateway", "INFO", "development", out=out)

    try:
        raise LookupError("no such job")
    except LookupError:
        logs.get().exception("job.failed", job_id="7", prompt=CANARY)

    first, *rest = out.getvalue().splitlines()
    assert "job.failed" in first
    assert "job_id=7" in first
    assert rest[0] == "LookupError: no such job"
    assert CANARY not in out.getvalue()


def test_a_test_may_look_at_what_was_logged() -> None:
    with capture_logs() as captured:
        logs.get().info("job.failed", code="llm_unavailable")

    assert captured == [{"event": "job.failed", "code": "llm_unavailable", "log_level": "info"}]

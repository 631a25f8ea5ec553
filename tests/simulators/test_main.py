"""The simulators as a process of their own."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout

from simulators.journal import Journal
from simulators.main import create_app
from simulators.serving import serve
from tests.simulators.house import HEADERS, PATHS

pytestmark = pytest.mark.slow


@contextmanager
def process(journal: Path, *options: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """The running process and its URL."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulators.main", "--port", "0", "--journal", journal, *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout.readline().split()[-1]
        finally:
            running.kill()


async def ask(url: str, text: str) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    async with (
        ClientSession(timeout=ClientTimeout(total=10)) as http,
        http.post(url + PATHS["openai"], json=body, headers=HEADERS["openai"]) as answer,
    ):
        await answer.read()
        return answer.status


async def test_the_journal_survives_a_killed_process_and_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    with process(path) as (running, url):
        await asyncio.gather(*(ask(url, f"prompt {i}") for i in range(20)))
        await _until_written(path, 20, ended=True)
        hanging = asyncio.create_task(ask(url, "[[hang]]"))
        await _until_written(path, 21)
        running.kill()
        running.wait(10)
        with pytest.raises(ClientError):
            await hanging
    with process(path, "--fsync") as (_, url):
        await ask(url, "after the crash")
        await _until_written(path, 21, ended=True)

    entries = Journal.read(path)
    assert [entry.n for entry in entries] == list(range(1, 23))
    assert {entry.text for entry in entries[:20]} == {f"prompt {i}" for i in range(20)}
    assert {entry.outcome for entry in entries[:20]} == {"answered"}
    assert (entries[20].text, entries[20].outcome) == ("[[hang]]", None)
    assert (entries[21].text, entries[21].outcome) == ("after the crash", "answered")


async def test_a_process_ends_when_told_although_a_request_hangs(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    with process(path) as (running, url):
        hanging = asyncio.create_task(ask(url, "[[hang]]"))
        await _until_written(path, 1)
        running.send_signal(signal.SIGTERM)
        with pytest.raises(ClientError):
            await hanging

        assert await asyncio.to_thread(running.wait, 10) == 0


@pytest.mark.parametrize("reset", ["before", "midway", "after"])
async def test_a_process_breaks_connections_too(tmp_path: Path, reset: str) -> None:
    path = tmp_path / "journal.jsonl"

    with process(path) as (_, url):
        with pytest.raises(ClientError):
            await ask(url, f"[[reset:{reset}]]")

        assert await ask(url, "Hello") == 200
        await _until_written(path, 2, ended=True)

    assert [entry.outcome for entry in Journal.read(path)] == [f"reset:{reset}", "answered"]


async def test_a_simulator_without_a_journal_remembers_in_memory() -> None:
    async with serve(create_app()) as url:
        assert await ask(url, "Hello") == 200


async def test_a_served_application_is_gone_after_its_block() -> None:
    async with serve(create_app()) as url:
        hanging = asyncio.create_task(ask(url, "[[hang]]"))
        await ask(url, "Hello")

    with pytest.raises(ClientError):
        await hanging
    with pytest.raises(ClientError):
        await ask(url, "Hello")


async def _until_written(path: Path, number: int, *, ended: bool = False) -> None:
    """A client may have its answer a moment before the journal has the outcome."""
    for _ in range(1_000):
        entries = Journal.read(path)
        if len([entry for entry in entries if entry.outcome or not ended]) >= number:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"fewer than {number} requests were written")

"""Processes of ours can be killed, frozen and started again, and never outlive the tests."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import psutil
import pytest

from tests.chaos import process as processes
from tests.chaos.process import Process, Program, free_port
from tests.chaos.supervisor import supervised
from tests.databases import ROOT
from tests.waiting import NotInTime, until

COUNTS = """
import os, time
for n in range(10_000):
    print(os.environ.get("WORD", ""), n, flush=True)
    time.sleep(0.01)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)"
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def a_process(directory: Path, script: str = COUNTS) -> Process:
    command = [sys.executable, "-c", script]
    return Process(Program("counter", command, directory / "log", cwd=directory))


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncGenerator[Process]:
    process = a_process(tmp_path)
    process.start()
    await wrote(process)
    yield process
    await process.destroy()


async def wrote(process: Process) -> str:
    return await until(process.tail, f"{process.name} writes", within=10)


async def test_a_killed_process_says_how_it_ended(counter: Process) -> None:
    counter.kill()

    assert await counter.ended() == -9
    assert not counter.is_running


async def test_a_frozen_process_does_nothing_until_it_is_thawed(counter: Process) -> None:
    counter.freeze()
    await until(lambda: status_of(counter) == psutil.STATUS_STOPPED, "it stops", within=5)
    frozen = counter.tail()

    with pytest.raises(NotInTime):
        await until(lambda: counter.tail() != frozen, "it writes", within=0.1)
    counter.thaw()

    await until(lambda: counter.tail() != frozen, "it goes on", within=5)


async def test_what_a_process_started_dies_with_it(tmp_path: Path) -> None:
    process = a_process(tmp_path, PARENT)
    process.start()
    child = int((await wrote(process)).split()[-1])

    process.kill()
    await process.ended()

    await until(lambda: not psutil.pid_exists(child), "the child is gone", within=5)


async def test_a_life_may_have_an_environment_of_its_own(tmp_path: Path) -> None:
    process = a_process(tmp_path)
    process.start({"WORD": "special"})

    assert "special" in await wrote(process)
    await process.destroy()


async def test_who_does_not_listen_is_killed_and_reported(tmp_path: Path) -> None:
    process = a_process(tmp_path, f"{DEAF}; time.sleep(60)")
    process.start()
    await wrote(process)

    with pytest.raises(NotInTime, match="counter ends"):
        await process.stop(within=0.2)
    assert process.ends == [-9]


async def test_a_frozen_process_can_be_stopped(counter: Process) -> None:
    counter.freeze()

    assert await counter.stop() == -15


async def test_a_supervisor_starts_again_what_was_killed(counter: Process) -> None:
    async with supervised([counter]):
        counter.kill()
        await until(lambda: counter.ends and counter.is_running, "it lives again", within=5)


async def test_a_supervisor_leaves_alone_what_was_stopped(counter: Process) -> None:
    async with supervised([counter]):
        await counter.stop()
        await asyncio.sleep(0)  # the supervisor looks

        with pytest.raises(NotInTime):
            await until(lambda: counter.is_running, "it lives again", within=0.6)


async def test_no_process_outlives_a_test_run_that_was_killed(tmp_path: Path) -> None:
    run = subprocess.Popen(  # noqa: S603, ASYNC220 - the words are ours, and it returns at once
        [sys.executable, "-c", _A_RUN, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    with run:
        pid = int(run.stdout.readline())
        run.kill()

    await until(lambda: not psutil.pid_exists(pid), "the orphan is gone", within=5)


_A_RUN = """
import sys, time
from pathlib import Path
from tests.chaos.test_process import a_process
process = a_process(Path(sys.argv[1]))
process.start()
print(process.pid, flush=True)
time.sleep(60)
"""


def status_of(process: Process) -> str:
    return psutil.Process(process.pid).status()


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PORTS", range(31_980, 32_000))
    monkeypatch.setattr(processes, "_GIVEN", set[int]())

    given = [free_port() for _ in range(10)]

    assert len(set(given)) == 10

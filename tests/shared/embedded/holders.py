"""Processes of their own that use embedded servers, so that a test can kill them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import psutil

from shared.embedded.machine import processes_in

ROOT = Path(__file__).parents[3]
NOBODY = 65_534
READY_WITHIN_S = 60.0

PROGRAM = """
import sys
from pathlib import Path
from shared.embedded import EmbeddedServers, EmbeddedUnavailable

servers = EmbeddedServers(Path(sys.argv[1]))
try:
    urls = servers.start()
except EmbeddedUnavailable as unavailable:
    sys.exit(f"unavailable: {unavailable}")
print(urls.database_url, urls.redis_url, flush=True)
sys.stdin.read()
servers.stop()
"""


class Holder:
    """A process between the start and the stop of its servers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._process = process
        self.database_url, self.redis_url = self._first_line().split()

    def stop(self) -> None:
        """As a service does when it is asked to end."""
        self._process.communicate(timeout=10)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def _first_line(self) -> str:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        limit = Timer(READY_WITHIN_S, self._process.kill)
        limit.start()
        try:
            line = self._process.stdout.readline()
        finally:
            limit.cancel()
        if not line:
            raise RuntimeError(self._process.stderr.read())
        return line


def servers_of(data_dir: Path) -> set[int]:
    """Every process of its servers, whoever started them."""
    home = data_dir / "embedded"
    return processes_in(home / "postgres", "postgres") | processes_in(
        home / "valkey", "valkey-server"
    )


def facts_about(pids: set[int]) -> list[dict[str, Any]]:
    """Those that are still there: PostgreSQL starts and ends helpers all the time."""
    facts = ["pid", "ppid", "cmdline", "uids"]
    return [found.info for found in psutil.process_iter(facts) if found.pid in pids]


def parents_of(pids: set[int]) -> set[int]:
    """Who started them; a server's own children do not count."""
    return {found["ppid"] for found in facts_about(pids)} - pids


@contextmanager
def holding(
    data_dir: Path, *, python: str = sys.executable, user: int | None = None
) -> Generator[Holder]:
    """A process whose servers run (here or elsewhere) until the block ends."""
    with starting(data_dir, python=python, user=user) as process:
        yield Holder(process)


@contextmanager
def starting(
    data_dir: Path, *, python: str = sys.executable, user: int | None = None
) -> Generator[subprocess.Popen[str]]:
    """The same, without waiting for the servers."""
    process = subprocess.Popen(  # noqa: S603 - the words are ours
        [python, "-c", PROGRAM, str(data_dir)],
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def python_for(user: int) -> str | None:
    """An interpreter of our version that this user may run; ours may lie in a private home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")):
        if candidate and _can_import(candidate, user):
            return candidate
    return None


def _can_import(python: str, user: int) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            [python, "-c", "import shared.embedded"],
            env={"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            cwd="/",
            user=user,
            group=user,
            extra_groups=[],
            check=False,
            capture_output=True,
            timeout=30,
        )
    except PermissionError:
        return False
    return done.returncode == 0

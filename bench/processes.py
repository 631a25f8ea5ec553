"""The measured processes: started, killed, and asked what they have used."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import psutil

from shared.embedded import launch

ROOT = Path(__file__).parents[1]
READY_WITHIN_S = 40.0


class DidNotStart(Exception):
    """A measured process is not there; says what it wrote last."""


@dataclass
class Process:
    """One program with its children; it ends with the bench, whatever happens."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    #: answers 200 once it takes work; without one, being started is all there is to see
    ready_url: str | None = None
    _popen: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def pid(self) -> int:
        if self._popen is None:
            raise DidNotStart(self.name)
        return self._popen.pid

    def start(self) -> None:
        identity = [str(int(signal.SIGKILL)), str(os.geteuid()), str(os.getegid())]
        dies_with_us = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *identity]
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - the words are ours
                [*dies_with_us, *self.command],
                cwd=self.log.parent,
                env={**_environment(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while self.ready_url and not _answers(self.ready_url):
            if time.monotonic() > deadline or self._popen is None or self._popen.poll() is not None:
                raise DidNotStart(f"{self.name}: {self._last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """SIGTERM, and after a while SIGKILL."""
        if self._popen is None or self._popen.poll() is not None:
            return
        self._popen.terminate()
        try:
            self._popen.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill -9, the process and its children."""
        if self._popen is None:
            return
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._popen.wait(10)

    def tree(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]


def python(*words: str) -> list[str]:
    return [sys.executable, "-m", *words]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(*processes: Process) -> Generator[None]:
    """All of them, ready; stopped in the end."""
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_until_ready()
        yield
    finally:
        for process in processes:
            process.stop()


@dataclass
class Peak:
    """The most memory that a process and its children had at once, shared pages divided (PSS)."""

    mebibytes: float = 0.0


@contextmanager
def watched_memory(process: Process, *, every_s: float = 0.1) -> Generator[Peak]:
    """Look again and again while the block lasts."""
    peak, over = Peak(), Event()

    def watch() -> None:
        while not over.wait(every_s):
            peak.mebibytes = max(peak.mebibytes, _pss(process) / 2**20)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join(5)


def _pss(process: Process) -> int:
    total = 0
    for one in process.tree():
        with contextlib.suppress(psutil.Error):
            total += one.memory_full_info().pss
    return total


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }

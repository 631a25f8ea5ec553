"""A program of ours that a test may kill, freeze and start again; nobody else's, ever."""

import contextlib
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from shared.embedded import launch
from tests.waiting import NotInTime, until

#: the exit code of a process that a crash point ended (as a shell reports kill -9)
CRASHED = 137

PORTS = range(15_000, 32_000)
_GIVEN = set[int]()


@dataclass(frozen=True)
class Program:
    """What to run, with which environment, and as whom (None: as ourselves)."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None
    user: str | None = None


class Process:
    """Known only by the pid that it was started with. Ends with the thread that started it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        #: exit codes of the lives that are over, oldest first; negative for signals
        self.ends: list[int] = []
        #: stopped on purpose: a supervisor leaves it alone
        self.is_wanted = False
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        if self._popen is None:
            return False
        code = self._popen.poll()
        if code is not None:
            self.ends.append(code)
            self._popen = None
        return code is None

    def start(self, extra: Mapping[str, str] | None = None) -> None:
        """Start it; `extra` is added to its environment for this life only."""
        assert not self.is_running, f"{self.name} runs already"
        self.is_wanted = True
        account = pwd.getpwnam(self.program.user) if self.program.user else None
        uid, gid = (account.pw_uid, account.pw_gid) if account else (os.geteuid(), os.getegid())
        dies_with_us = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        numbers = [str(int(signal.SIGKILL)), str(uid), str(gid)]
        with self.program.log.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - the words are ours
                [*dies_with_us, *numbers, *self.program.command],
                cwd=self.program.cwd,
                env={**self.program.environment, **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill -9, with everything that it started; a supervisor may start it again."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """As a machine that hangs: nothing runs, every connection stays open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it, and it alone, to end: SIGTERM."""
        if self.is_running:
            os.kill(self.pid, signal.SIGTERM)

    async def ended(self, *, within: float = 10.0) -> int:
        """Its exit code, once it has one."""
        await until(lambda: not self.is_running, f"{self.name} ends", within=within, every=0.01)
        return self.ends[-1]

    async def stop(self, *, within: float = 30.0) -> int:
        """SIGTERM for good. Raises NotInTime, after a kill, when it takes too long."""
        self.is_wanted = False
        if not self.is_running:
            return self.ends[-1] if self.ends else 0
        self.thaw()
        self.terminate()
        try:
            return await self.ended(within=within)
        except NotInTime:
            self.kill()
            await self.ended()
            raise

    async def destroy(self) -> None:
        """Kill -9 for good."""
        self.is_wanted = False
        self.kill()
        await self.ended()

    def tail(self, lines: int = 40) -> str:
        """The end of what it wrote."""
        if not self.program.log.exists():
            return ""
        written = self.program.log.read_text(errors="replace").splitlines()
        return "\n".join(f"{self.name} | {line}" for line in written[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if not self.is_running:
            return
        # Servers give their children groups of their own, so a group would not reach them all.
        with contextlib.suppress(psutil.NoSuchProcess):
            descendants = psutil.Process(self.pid).children(recursive=True)
            for process in (psutil.Process(self.pid), *descendants):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)


def free_port() -> int:
    """A loopback port that nobody listens on, below the range of outgoing connections.

    Never the same twice: of those that were given, some are only about to be listened on.
    """
    while True:
        port = secrets.choice(PORTS)
        if port in _GIVEN:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _GIVEN.add(port)
            return port


def answers(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False

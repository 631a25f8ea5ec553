"""Child processes: started as the right user, never orphaned, stopped within a bound."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, Signals
from threading import Event

from shared.embedded import launch
from shared.embedded.home import Account, EmbeddedUnavailable, Home

LOOK_AGAIN_AFTER_S = 0.02


class DidNotStart(EmbeddedUnavailable):
    """A server ended while it was starting; starting it again may help."""


class Stopped(Exception):
    """Told to stop while waiting."""


def wait_for(condition: Callable[[], bool], *, within: float, stopping: Event) -> bool:
    """Whether it came true in time. Raises Stopped."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        if stopping.wait(LOOK_AGAIN_AFTER_S):
            raise Stopped
    return True


@dataclass(frozen=True)
class Program:
    """What to run, where, and as whom."""

    command: tuple[str, ...]
    cwd: Path
    account: Account
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    stdin: bytes = b""
    #: what it gets when the thread that started it ends, however it ends
    death_signal: Signals = SIGKILL
    #: how to end it: each signal with the seconds that it is given to work
    farewell: tuple[tuple[Signals, float], ...] = ((SIGKILL, 2.0),)

    @property
    def name(self) -> str:
        return Path(self.command[0]).name


class Child:
    """A running program. The thread that starts it must live as long as it should."""

    def __init__(self, program: Program, output: int) -> None:
        account = program.account
        numbers = (os.getpid(), int(program.death_signal), account.uid, account.gid)
        self._program = program
        # In memory: what is written there may be a password.
        with os.fdopen(os.memfd_create("stdin"), "w+b") as stdin:
            stdin.write(program.stdin)
            stdin.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                [sys.executable, "-I", "-S", launch.__file__, *map(str, numbers), *program.command],
                cwd=program.cwd,
                env={"PATH": os.defpath, **program.environment},
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal is for us: the servers are needed until the last of us ends.
                start_new_session=True,
                umask=0o022,
            )

    @property
    def name(self) -> str:
        return self._program.name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def is_running(self) -> bool:
        return self.exit_code is None

    def stop(self) -> None:
        """Returns when it is gone; harmless when it is gone already."""
        for number, patience in self._program.farewell:
            if self.is_running:
                self._process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience)


def run(program: Program, *, within: float, stopping: Event) -> tuple[int, str]:
    """Run it to its end; returns its exit code and what it said. Raises EmbeddedUnavailable."""
    with tempfile.TemporaryFile() as output:
        child = Child(program, output.fileno())
        try:
            ended = wait_for(lambda: not child.is_running, within=within, stopping=stopping)
        finally:
            child.stop()
        if not ended:
            raise EmbeddedUnavailable(f"{program.name} did not end within {within:.0f} seconds.")
        output.seek(0)
        return child.exit_code or 0, output.read().decode(errors="replace")


def serve(
    program: Program,
    home: Home,
    *,
    is_ready: Callable[[Child], bool],
    within: float,
    stopping: Event,
) -> Child:
    """Start a server and wait until it is ready. Raises DidNotStart, EmbeddedUnavailable."""
    log = home.open_log(program.name)
    try:
        begins = os.fstat(log).st_size
        child = Child(program, log)
    finally:
        os.close(log)
    try:
        in_time = wait_for(
            lambda: not child.is_running or is_ready(child), within=within, stopping=stopping
        )
        _check(child, home.log(program.name), begins=begins, in_time=in_time)
    except BaseException:
        child.stop()
        raise
    return child


def _check(child: Child, log: Path, *, begins: int, in_time: bool) -> None:
    if not child.is_running:
        reason = reason_in(log.read_bytes()[begins:].decode(errors="replace"))
        raise DidNotStart(f"{child.name} did not start: {reason} (see {log}).")
    if not in_time:
        raise EmbeddedUnavailable(f"{child.name} was not ready in time (see {log}).")


def reason_in(said: str) -> str:
    """The line that says best why a program ended."""
    lines = [line.strip().rstrip(".") for line in said.splitlines() if line.strip()]
    for sign in ("PANIC:", "FATAL:", "error:", "could not", "Error:"):
        for line in lines:
            if sign in line:
                return line
    return lines[-1] if lines else "it said nothing"

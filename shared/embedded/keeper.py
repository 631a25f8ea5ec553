"""Keeps one server running for a DATA_DIR: ours, or that of a process which came first."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import Protocol

from shared import logs
from shared.embedded.home import EmbeddedUnavailable, Home, writing
from shared.embedded.process import Child, DidNotStart, Stopped

log = logs.get()

LOOK_EVERY_S = 0.25
LAUNCHES = 3
PAUSE_S = 0.25
LONGEST_PAUSE_S = 10.0


class Server(Protocol):
    """What can be kept running."""

    @property
    def name(self) -> str: ...

    def launch(self) -> Child:
        """Start it and wait until it serves. Raises EmbeddedUnavailable, Stopped."""
        ...

    def answers(self) -> bool:
        """Whether it serves now, whoever runs it."""
        ...


class Keeper:
    """A thread that holds the lock and runs the server, or watches for the holder to go away.

    The thread starts the server itself and outlives it: servers die with the thread that
    started them.
    """

    def __init__(
        self, server: Server, home: Home, stopping: Event, say: Callable[[str], None]
    ) -> None:
        self._server = server
        self._home = home
        self._stopping = stopping
        self._say = say
        self._ready = Future[None]()
        self._thread = Thread(target=self._run, name=f"embedded {server.name}", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def wait_until_ready(self, within: float) -> None:
        """Raises EmbeddedUnavailable."""
        try:
            self._ready.result(within)
        except TimeoutError:
            raise EmbeddedUnavailable(
                f"{self._server.name} was not ready within {within:.0f} seconds."
            ) from None

    def join(self, within: float) -> None:
        """Once `stopping` is set: wait until the server has stopped and the lock is free."""
        self._thread.join(within)

    def _run(self) -> None:
        try:
            with writing(self._home.path):
                self._watch()
        except Stopped:
            pass
        except EmbeddedUnavailable as unavailable:
            self._settle(unavailable)
        finally:
            self._settle(EmbeddedUnavailable(f"{self._server.name} was stopped while starting."))

    def _settle(self, trouble: EmbeddedUnavailable | None = None) -> None:
        """Tell who waits for the first start, once."""
        if self._ready.done():
            return
        if trouble is None:
            self._ready.set_result(None)
        else:
            self._ready.set_exception(trouble)

    def _watch(self) -> None:
        lock = self._home.lock(self._server.name)
        try:
            while not self._stopping.is_set():
                if lock.try_acquire():
                    self._hold()
                elif not self._ready.done() and self._server.answers():
                    self._settle()
                self._stopping.wait(LOOK_EVERY_S)
        finally:
            lock.close()

    def _hold(self) -> None:
        """Run the server until told to stop, again whenever it ends."""
        while not self._stopping.is_set():
            child = self._launch()
            try:
                self._settle()
                while child.is_running and not self._stopping.wait(LOOK_EVERY_S):
                    pass
            finally:
                child.stop()
            if not self._stopping.wait(PAUSE_S):
                self._say(f"{self._server.name} ended by itself; starting it again")

    def _launch(self) -> Child:
        """Gives up only as long as somebody waits for the first start."""
        failures = 0
        while True:
            try:
                with writing(self._home.path):
                    return self._server.launch()
            except EmbeddedUnavailable as unavailable:
                failures += 1
                may_help = isinstance(unavailable, DidNotStart) and failures < LAUNCHES
                if not self._ready.done() and not may_help:
                    raise
                log.warning("embedded.failed", server=self._server.name, reason=str(unavailable))
            if self._stopping.wait(min(PAUSE_S * 2**failures, LONGEST_PAUSE_S)):
                raise Stopped

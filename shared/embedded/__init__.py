"""PostgreSQL and Valkey without a server to install: `with EmbeddedServers(data_dir) as urls:`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import TracebackType

from shared import logs
from shared.embedded.furnishing import ADMIN, APP, OWNER
from shared.embedded.home import EmbeddedUnavailable, Home
from shared.embedded.keeper import Keeper, Server
from shared.embedded.postgres import PostgresServer
from shared.embedded.valkey import ValkeyServer

__all__ = ["Embedded", "EmbeddedServers", "EmbeddedUnavailable"]

log = logs.get()

#: unpacking, creating and recovering on a slow disk; usually a second
READY_WITHIN_S = 180.0
#: above what the servers themselves are given to stop
STOPPED_WITHIN_S = 4.7


@dataclass(frozen=True)
class Embedded:
    """Where the servers are; the same at every start, unless another program took a port.

    What was not asked for is empty. URLs hold passwords.
    """

    #: for the services: neither the tables' owner nor a superuser
    database_url: str = field(default="", repr=False)
    #: for migrations: owns the database
    owner_database_url: str = field(default="", repr=False)
    redis_url: str | None = field(default=None, repr=False)
    #: for tests and repairs: may do anything
    admin_database_url: str = field(default="", repr=False)


class EmbeddedServers:
    """The servers of one DATA_DIR, shared by all processes that ask for them.

    The first process runs them, the others use them; when it goes away, however it does, one of
    the others starts them again at the same addresses.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        postgres: bool = True,
        valkey: bool = True,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """`say` hears of steps that take long, from threads of ours; without it they are logged."""
        self._data_dir = data_dir
        self._postgres = postgres
        self._valkey = valkey
        self._say = say or _log
        self._stopping = Event()
        self._keepers: list[Keeper] = []

    def start(self) -> Embedded:
        """Returns once they serve; in asyncio, call it in a thread. Raises EmbeddedUnavailable."""
        if self._keepers:
            raise RuntimeError("already started")
        home = Home.open(self._data_dir)
        self._stopping = Event()
        postgres = PostgresServer(home, self._stopping, self._say) if self._postgres else None
        valkey = ValkeyServer(home, self._stopping, self._say) if self._valkey else None
        self._keep(home, [server for server in (postgres, valkey) if server])
        return Embedded(
            database_url=postgres.url(APP) if postgres else "",
            owner_database_url=postgres.url(OWNER) if postgres else "",
            redis_url=valkey.url() if valkey else None,
            admin_database_url=postgres.url(ADMIN) if postgres else "",
        )

    def _keep(self, home: Home, servers: Sequence[Server]) -> None:
        self._keepers = [Keeper(server, home, self._stopping, self._say) for server in servers]
        try:
            for keeper in self._keepers:
                keeper.begin()
            for keeper in self._keepers:
                keeper.wait_until_ready(READY_WITHIN_S)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what runs here and leave the rest to the others; takes less than five seconds."""
        self._stopping.set()
        deadline = time.monotonic() + STOPPED_WITHIN_S
        for keeper in self._keepers:
            keeper.join(max(0.0, deadline - time.monotonic()))
        self._keepers = []

    def __enter__(self) -> Embedded:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _log(step: str) -> None:
    log.info("embedded.step", step=step)

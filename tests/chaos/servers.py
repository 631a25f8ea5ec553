"""Servers of our own on free ports, for tests that kill, freeze or wipe them."""

import os
import shutil
import subprocess
from pathlib import Path
from threading import Event

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.embedded.binaries import Binaries
from shared.embedded.home import Home
from tests.background import BackgroundLoop
from tests.chaos.process import Process, Program, answers, free_port
from tests.databases import connected
from tests.shared.brokers import PrivateRabbit
from tests.waiting import until

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
log_min_messages = warning
"""


class PostgreSQL:
    """The machine's own version where there is one, else the embedded one; fsync stays on."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._data = directory / "postgresql"
        self._programs, environment = _postgresql_programs(directory)
        user = "nobody" if os.geteuid() == 0 else None
        self._initialise(user, environment)
        self.process = Process(
            Program(
                "postgresql",
                [str(self._programs / "postgres"), "-D", str(self._data)],
                directory / "postgresql.log",
                environment,
                cwd=self._data,
                user=user,
            )
        )

    @property
    def admin_url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    async def start(self) -> None:
        """Returns once it takes queries, also after a kill."""
        # A predecessor that was killed may hold the shared memory for a moment longer.
        await until(self._is_up, "PostgreSQL serves", within=30, every=0.1)

    async def stop(self) -> None:
        await self.process.destroy()

    async def _is_up(self) -> bool:
        if not self.process.is_running:
            self.process.start()
        try:
            async with connected(self.admin_url) as admin:
                await admin.execute(text("SELECT 1"))
        except (OSError, SQLAlchemyError):
            return False
        return True

    def _initialise(self, user: str | None, environment: dict[str, str]) -> None:
        self._data.mkdir(mode=0o700)
        if user is not None:
            shutil.chown(self._data, user)
        subprocess.run(  # noqa: S603 - the words are ours
            [
                str(self._programs / "initdb"),
                *("-D", str(self._data), "-U", "postgres", "-A", "trust"),
                *("--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            env=environment,
            user=user,
            cwd=self._data,
            check=True,
            timeout=60,
            capture_output=True,
        )
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(port=self.port))


class Redis:
    """Keeps nothing: whoever relies on it is wrong."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        options = [*("--port", str(self.port), "--bind", "127.0.0.1", "--save", "")]
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        home = Home.open(directory)
        program = program or str(Binaries(home, Event(), lambda _line: None).valkey())
        self.process = Process(
            Program("redis", [program, *options], directory / "redis.log", cwd=directory)
        )

    async def start(self) -> None:
        self.process.start()
        await until(lambda: answers(self.port), "Redis answers", within=10)

    async def stop(self) -> None:
        await self.process.destroy()


class Broker:
    """RabbitMQ; its slow steps block the loop that they run on."""

    def __init__(self, directory: Path) -> None:
        self.rabbit = PrivateRabbit(directory)
        self.port = self.rabbit.port

    async def start(self) -> None:
        if not self.rabbit.is_running:
            self.rabbit.start()

    async def kill(self, *, wipe: bool = False) -> None:
        """Kill -9; and lose everything that it ever stored, if so asked."""
        self.rabbit.kill()
        if wipe:
            self.rabbit.wipe()

    async def stop(self) -> None:
        self.rabbit.stop()


class Servers:
    """What the chaos tests break, started when first asked for; their threads end last of all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.chmod(0o755)
        #: the servers' own: they end with the thread that started them
        self.keeper = BackgroundLoop("servers")
        #: the broker's: others need not wait while it boots
        self.broker_keeper = BackgroundLoop("broker")
        #: for proxies and receivers, which must not wait while a server starts
        self.network = BackgroundLoop("network")
        self._broker: Broker | None = None
        self.postgresql = PostgreSQL(directory)

    async def ready(self) -> None:
        """PostgreSQL serves."""
        await self.keeper.awaited(self.postgresql.start())

    async def broker(self) -> Broker:
        """The broker, running; booting it takes about ten seconds."""
        if self._broker is None:
            home = self._directory / "rabbitmq"
            home.mkdir()
            self._broker = Broker(home)
        await self.broker_keeper.awaited(self._broker.start(), within=120)
        return self._broker

    def close(self) -> None:
        if self._broker is not None:
            self.broker_keeper.run(self._broker.stop())
        self.keeper.run(self.postgresql.stop())
        for loop in (self.network, self.keeper, self.broker_keeper):
            loop.close()


def _postgresql_programs(directory: Path) -> tuple[Path, dict[str, str]]:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_major_version)
    if installed:
        return installed[-1].parent, {"PATH": os.defpath}
    postgres = Binaries(Home.open(directory), Event(), lambda _line: None).postgres()
    return postgres.directory / "bin", postgres.environment


def _major_version(initdb: Path) -> int:
    name = initdb.parents[1].name
    return int(name) if name.isdigit() else 0

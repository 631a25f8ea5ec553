"""Finds or starts what tests need (servers, a browser): once per run, in however many processes."""

import asyncio
import contextlib
import getpass
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path
from threading import Thread
from typing import Literal, NoReturn, Protocol

import aio_pika
import pytest
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.embedded import EmbeddedServers, EmbeddedUnavailable
from tests.databases import connected, with_database
from tests.hints import ping
from tests.shared.brokers import PLACES, DidNotStart, PrivateRabbit

Service = Literal["PostgreSQL", "Redis", "RabbitMQ", "Chromium"]

VARIABLES: dict[Service, tuple[str, ...]] = {
    "PostgreSQL": ("MIGRATIONS_DATABASE_URL", "DATABASE_URL"),
    "Redis": ("REDIS_URL",),
    "RabbitMQ": ("RABBITMQ_URL",),
    "Chromium": ("CHROMIUM",),
}
USUAL: dict[Service, tuple[str, ...]] = {
    "PostgreSQL": tuple(
        f"postgresql://{user}@127.0.0.1:5432/postgres"
        for user in dict.fromkeys(("postgres", getpass.getuser()))
    ),
    "Redis": ("redis://127.0.0.1:6379",),
    "RabbitMQ": ("amqp://guest:guest@127.0.0.1:5672/",),
    "Chromium": tuple(f"/usr/bin/{name}" for name in ("chromium", "google-chrome")),
}
#: the longest way: apt-get, then the first boot of a broker
START_WITHIN_S = 420.0

Say = Callable[[str], None]


class Missing(Exception):
    """A server that tests need is not here and could not be started; says why."""


def give_up(what: str, missing: Missing) -> NoReturn:
    """The test cannot run here: it is skipped loudly, or fails under REQUIRE_SERVICES=1."""
    reason = f"needs {what}: {missing}"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Ground(Protocol):
    """Where the servers are."""

    def address(self, service: Service, /) -> str:
        """Its URL, as somebody who may do anything there. Raises Missing."""
        ...


class LocalGround:
    """Lives in the process that the person started; looks for a server when first asked for it."""

    def __init__(self, say: Say = lambda _line: None) -> None:
        self._say = say
        self._known: dict[Service, str | Missing] = {}
        # One thread that lives as long as the run: servers that we start die with the thread
        # that started them.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="test ground")
        self._started = ExitStack()

    def address(self, service: Service, /) -> str:
        found = self._thread.submit(self._remembered, service).result(START_WITHIN_S)
        if isinstance(found, Missing):
            raise found
        return found

    def close(self) -> None:
        """End what was started."""
        self._thread.submit(self._started.close).result(60)
        self._thread.shutdown()

    def _remembered(self, service: Service) -> str | Missing:
        if service not in self._known:
            try:
                self._known[service] = self._find(service)
            except Missing as missing:
                self._known[service] = missing
        return self._known[service]

    def _find(self, service: Service) -> str:
        for variable in VARIABLES[service]:
            if given := os.environ.get(variable):
                if reason := asyncio.run(_trouble_with(service, given)):
                    raise Missing(f"{variable} is set, but {reason}")
                return given
        for url in USUAL[service]:
            if not asyncio.run(_trouble_with(service, url)):
                return url
        return self._start(service)

    def _start(self, service: Service) -> str:
        match service:
            case "RabbitMQ":
                return self._start_rabbitmq()
            case "Chromium":
                return install_chromium(self._say)
            case _:
                return self._start_embedded(service)

    def _start_embedded(self, service: Service) -> str:
        directory = self._started.enter_context(_temporary_directory())
        servers = EmbeddedServers(
            directory, postgres=service == "PostgreSQL", valkey=service == "Redis", say=self._say
        )
        self._say(f"starting an embedded server for {service}")
        try:
            embedded = servers.start()
        except EmbeddedUnavailable as why:
            raise Missing(str(why)) from why
        self._started.callback(servers.stop)
        return embedded.redis_url or embedded.admin_database_url

    def _start_rabbitmq(self) -> str:
        if not rabbitmq_is_installed():
            install_rabbitmq(self._say)
        self._say("starting a private RabbitMQ")
        try:
            broker = PrivateRabbit(self._started.enter_context(_temporary_directory()))
            broker.start()
        except DidNotStart as why:
            raise Missing(str(why)) from why
        self._started.callback(broker.stop)
        return broker.url


def rabbitmq_is_installed() -> bool:
    return shutil.which("rabbitmq-server", path=os.pathsep.join(PLACES)) is not None


def install_rabbitmq(say: Say) -> None:
    """Raises Missing."""
    install("rabbitmq-server", say, otherwise="no rabbitmq-server here, and no RABBITMQ_URL")


def install_chromium(say: Say) -> str:
    """Where it is then. Raises Missing."""
    install("chromium", say, otherwise="no chromium here, and CHROMIUM names none")
    return USUAL["Chromium"][0]


def install(package: str, say: Say, *, otherwise: str) -> None:
    """On a throw-away machine (root, Debian family); raises Missing elsewhere."""
    may = os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get")
    if not may or os.environ.get("INSTALL_SERVICES") == "0":
        raise Missing(otherwise)
    say(f"installing {package} with apt-get (INSTALL_SERVICES=0 forbids it)")
    # In run level 1 the package does not start its broker: we start our own.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments, within in (
        (["update", "-q"], 120),
        (["install", "-q", "-y", "--no-install-recommends", package], 240),
    ):
        try:
            subprocess.run(  # noqa: S603 - the words are ours
                ["apt-get", *arguments],  # noqa: S607
                env=quiet,
                check=True,
                timeout=within,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
        except (OSError, subprocess.SubprocessError) as failed:
            raise Missing(f"apt-get {arguments[0]} failed: {failed}") from failed


class GroundServer:
    """Answers the processes of an xdist run, so that each server is looked for only once."""

    def __init__(self, ground: LocalGround) -> None:
        self._ground = ground
        self._key = secrets.token_bytes(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=self._key)
        Thread(target=self._serve, name="test ground server", daemon=True).start()

    @property
    def invitation(self) -> str:
        """For `RemoteGround`; execnet carries it to the worker."""
        address: object = self._listener.address
        assert isinstance(address, tuple)
        return f"{address[1]}:{self._key.hex()}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                caller = self._listener.accept()
            except AuthenticationError:
                continue  # a stranger
            except OSError:
                return
            with contextlib.suppress(OSError, EOFError), caller:
                caller.send(self._answer(caller.recv()))

    def _answer(self, service: Service) -> tuple[bool, str]:
        try:
            return True, self._ground.address(service)
        except Missing as missing:
            return False, str(missing)


class RemoteGround:
    """Asks the process that started this one."""

    def __init__(self, invitation: str) -> None:
        port, _, key = invitation.partition(":")
        self._port, self._key = int(port), bytes.fromhex(key)

    def address(self, service: Service, /) -> str:
        with Client(("127.0.0.1", self._port), authkey=self._key) as server:
            server.send(service)
            if not server.poll(START_WITHIN_S + 10):
                raise Missing("the test ground did not answer")
            found, answer = server.recv()
        if not found:
            raise Missing(answer)
        return str(answer)


async def _trouble_with(service: Service, url: str) -> str | None:
    """Why this URL is no use, if so; answers within five seconds."""
    try:
        async with asyncio.timeout(5):
            return await _PROBES[service](url)
    except (OSError, RedisError, DBAPIError) as error:
        return f"{service} does not answer there ({type(error).__name__})"
    except aio_pika.exceptions.AMQPError as error:
        return f"RabbitMQ refuses us ({type(error).__name__})"


async def _probe_postgresql(url: str) -> str | None:
    async with connected(with_database(url, "postgres")) as server:
        is_superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        if await server.scalar(text(is_superuser)):
            return None
    return "its user is no superuser, and tests make databases and roles"


async def _probe_rabbitmq(url: str) -> str | None:
    connection = await aio_pika.connect(url, timeout=5)
    await connection.close()
    return None


async def _probe_chromium(path: str) -> str | None:
    return None if os.access(path, os.X_OK) else "it cannot be run"


_PROBES: dict[Service, Callable[[str], Awaitable[str | None]]] = {
    "PostgreSQL": _probe_postgresql,
    "Redis": ping,
    "RabbitMQ": _probe_rabbitmq,
    "Chromium": _probe_chromium,
}


@contextlib.contextmanager
def _temporary_directory() -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="aip-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)

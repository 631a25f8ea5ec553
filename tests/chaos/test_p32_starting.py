"""P32. What can never work is refused in one line; what is merely away is waited for."""

import asyncio
import base64
import contextlib
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aio_pika
import aiohttp
import pytest
from sqlalchemy import text

from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.infrastructure.database import connect, sessions_of
from tests.chaos.client import UNHEARD
from tests.chaos.process import Process, Program, free_port
from tests.chaos.sabotage import struck
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken
from tests.databases import (
    APP_LOGIN,
    CLONE_PREFIX,
    ROOT,
    clone_template,
    connected,
    drop_database,
    with_database,
)
from tests.waiting import until

EXIT_BAD_CONFIGURATION = 78
CANARY = "hunter2"  # no log may hold it
#: what servers and command lines say of themselves before they get to it
BANNER = re.compile(r"INFO: |AI Platform: starting")

DATABASE = "DATABASE_URL: "
PRODUCTION = {"ENVIRONMENT": "production"}
FIT_KEY = {"ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode()}
SHORT_KEY = {"ENCRYPTION_KEY": base64.b64encode(CANARY.encode()).decode()}
HASTY = {"HEARTBEAT_EVERY_S": "5", "WORKER_DEAD_AFTER_S": "10"}
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "PYTHONPATH": str(ROOT),
    # Nobody answers there: as good as none, and nothing is embedded.
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
GATEWAY, ENGINE, PLATFORM = EVERYWHERE = ("gateway", "ai_engine", "platform")


@dataclass(frozen=True)
class Bad:
    """A configuration that cannot work, and what is said of it."""

    #: in the catalogue of bad input, where it has one
    row: str
    says: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    #: done to the database beforehand; `{name}` is its name
    before: str = ""
    login: str = APP_LOGIN
    port_is_taken: bool = False
    #: Everything is refused in the same four places, so one row for each is tried everywhere.
    at: Sequence[str] = EVERYWHERE


BAD = [
    Bad(
        "130-urls",
        DATABASE + r"must start with .*; MIGRATIONS_DATABASE_URL: has no port where",
        {
            "DATABASE_URL": f"mysql://me:{CANARY}@here/x",
            "MIGRATIONS_DATABASE_URL": f"postgresql://me:{CANARY}@here:99999/x",
        },
    ),
    Bad(
        "130-role",
        DATABASE + 'the database refuses us: (role|password authentication).* "x"',
        login=f"x:{CANARY}",
        at=[ENGINE],
    ),
    Bad("131", "insecure_db_role: ", PRODUCTION | FIT_KEY, login="postgres", at=[PLATFORM]),
    Bad(
        "132",
        "the database does not sync to disk",
        PRODUCTION | FIT_KEY,
        before='ALTER DATABASE "{name}" SET synchronous_commit TO off',
        at=[GATEWAY],
    ),
    Bad("139-none", "ENCRYPTION_KEY: is needed in production", PRODUCTION, at=[ENGINE]),
    Bad("139-short", "ENCRYPTION_KEY: must be exactly 32 bytes", SHORT_KEY),
    Bad("141-lease", "WORKER_DEAD_AFTER_S must be more than twice", HASTY, at=[GATEWAY]),
    Bad("141-deadline", "JOB_DEADLINE_S: ", {"JOB_DEADLINE_S": "1800"}, at=[PLATFORM]),
    Bad(
        "142",
        "OPENAI_API_KEY: must not contain",
        {"OPENAI_API_KEY": f"{CANARY}\nx: y"},
        at=[ENGINE],
    ),
    Bad("144-port", r"PORT: \d+ on 127.0.0.1 is in use", port_is_taken=True),
    Bad("144-pending", "migrations are pending .*migrate`", before="DELETE FROM alembic_version"),
    Bad(
        "144-newer",
        "the database is at revision 9999, which is newer",
        before="UPDATE alembic_version SET version_num = '9999'",
        at=[PLATFORM],
    ),
    Bad(
        "no key",
        "there is no API key: make one first",
        PRODUCTION | FIT_KEY,
        before="UPDATE platform.api_keys SET revoked_at = clock_timestamp()",
        at=[GATEWAY],
    ),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.row)
async def test_what_cannot_work_is_refused_in_one_line(
    owner_database_url: str, tmp_path: Path, bad: Bad
) -> None:
    admin_url = with_database(owner_database_url, "postgres")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1] if bad.port_is_taken else free_port()
        async with database(admin_url, bad) as place:
            environment = {**ENVIRONMENT, "DATABASE_URL": place.url, "PORT": str(port)}
            programs = entrances(tmp_path, {**environment, **bad.environment})
            processes = [Process(programs[name]) for name in bad.at]
            for process in processes:
                process.start()
            codes = await asyncio.gather(*(process.ended(within=40) for process in processes))

    lines = [said(process) for process in processes]
    assert set(codes) == {EXIT_BAD_CONFIGURATION}, lines
    assert {len(of_one) for of_one in lines} == {1}, lines
    for [line] in lines:
        assert re.match(f"bad configuration: .*{bad.says}", line)
        assert CANARY not in line


async def test_what_a_late_database_tells_is_refused_before_it_is_used(
    servers: Servers, tmp_path: Path
) -> None:
    told = [bad for bad in BAD if bad.row in {"130-role", "131", "132", "144-pending", "no key"}]
    async with before_postgresql(servers, tmp_path, told) as early:
        await servers.ready()
        codes = await asyncio.gather(*(one.process.ended(within=40) for one in early))

    lines = [lines_with(one.process, "^bad configuration: ") for one in early]
    assert set(codes) == {EXIT_BAD_CONFIGURATION}, lines
    assert {len(of_one) for of_one in lines} == {1}, lines
    for bad, one, [line] in zip(told, early, lines, strict=True):
        assert line == said(one.process)[-1]
        assert re.match(f"bad configuration: .*{bad.says}", line)
        assert not lines_with(one.process, CANARY)
        assert one.heard == {503}, "until then it served nobody"


async def test_without_an_inspection_it_is_used_as_it_is(servers: Servers, tmp_path: Path) -> None:
    pending = [bad for bad in BAD if bad.row == "144-pending"]
    async with before_postgresql(servers, tmp_path, pending, off="inspection") as [one]:
        await servers.ready()

        await until(lambda: 202 in one.heard, "a job is accepted", within=40)
        assert struck(tmp_path / "sabotage.log") == {"inspection"}


@pytest.mark.usefixtures("broker_programs")
async def test_servers_that_are_away_are_waited_for(servers: Servers, tmp_path: Path) -> None:
    plan = Plan(engines=1, broker=True)
    async with (
        running(servers, tmp_path, plan, supervise=False) as stack,
        all_in_one(stack, tmp_path) as platform,
    ):
        processes = [*stack.product, platform]
        for process in stack.product:
            await process.destroy()
        stack.proxies["postgresql"].down()
        stack.proxies["rabbitmq"].down()
        for process in processes:
            process.start()
        await until(lambda: all_say(stack, processes, "away", "away"), "all live", within=40)

        stack.proxies["postgresql"].up()
        await until(lambda: all_say(stack, processes, "ok", "away"), "all are ready", within=40)
        await stack.client.submit("without a broker", config_name=SIMULATED)
        await stack.settled()

        stack.proxies["rabbitmq"].up()
        await until(lambda: all_say(stack, processes, "ok", "ok"), "all are well", within=40)
        await stack.client.submit("with everything", config_name=SIMULATED)
        report = await stack.settled()
        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": 2}
        assert [process.ends for process in processes] == [[-9], [-9], []]
        assert await broken(stack) == {}


@pytest.mark.usefixtures("broker_programs")
async def test_what_is_odd_about_a_broker_is_said_once_and_stops_nothing(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, broker=True)) as stack:
        gateway, engine = stack.product
        queue = f"{stack.queues[0]}_odd"
        await declare_otherwise(stack.rabbitmq_url, queue)
        locked_out = stack.rabbitmq_url.replace("guest:guest", f"guest:{CANARY}")
        odd = {"REDIS_URL": "", "AIP_WORKER_CONCURENCY": "5", "RABBITMQ_TASK_QUEUE": queue}
        await stack.restart(gateway, **odd)
        await stack.restart(engine, **odd, RABBITMQ_URL=locked_out)
        await stack.client.submit("k1", config_name=SIMULATED)

        report = await stack.settled()
        assert report.is_clean, report
        assert await all_say(stack, stack.product, "ok", "away", redis="off")
        assert len(lines_with(gateway, f"rabbitmq_unsuitable .*delete_queue {queue}")) == 1
        assert len(lines_with(engine, "rabbitmq.listening ")) == 1
        for process in stack.product:
            assert lines_with(process, "did_you_mean=WORKER_CONCURRENCY name=AIP_WORKER_CONCURENCY")
            assert not lines_with(process, CANARY)
        assert await broken(stack) == {}


@dataclass(frozen=True)
class Place:
    """A database of its own: the URL of whoever is to start on it, and a key that it knows."""

    url: str
    key: str


@asynccontextmanager
async def database(admin_url: str, bad: Bad) -> AsyncGenerator[Place]:
    """Spoilt in this way, for as long as the block lasts."""
    name = f"{CLONE_PREFIX}{int(time.time())}_{os.getpid()}_{secrets.token_hex(3)}"
    await clone_template(admin_url, name)
    try:
        key = await new_key(with_database(admin_url, name))
        if bad.before:
            async with connected(with_database(admin_url, name)) as owner:
                await owner.execute(text(bad.before.format(name=name)))
        yield Place(with_database(admin_url, name, login=bad.login), key)
    finally:
        await drop_database(admin_url, name)


async def new_key(url: str) -> str:
    engine = connect(url, pool_size=1)
    try:
        made = await ApiKeys(sessions_of(engine)).create("a key", KeyScope.PLATFORM)
    finally:
        await engine.dispose()
    return made.secret


@dataclass(frozen=True)
class Early:
    """A gateway that was there before its database, and what is heard of it."""

    process: Process
    port: int
    key: str
    heard: set[int] = field(default_factory=set[int])

    async def says_it_is_away(self) -> bool:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            with contextlib.suppress(*UNHEARD):
                async with http.get(f"http://127.0.0.1:{self.port}/health") as health:
                    return bool((await health.json())["checks"]["postgresql"] == "away")
        return False

    async def ask_on(self) -> None:
        """Submit jobs, one after the other, for ever."""
        named = {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession(headers=named) as http:
            while True:
                with contextlib.suppress(*UNHEARD):
                    url = f"http://127.0.0.1:{self.port}/v1/jobs"
                    async with http.post(url, json={"prompt": "hello"}) as answer:
                        self.heard.add(answer.status)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def before_postgresql(
    servers: Servers, directory: Path, bads: Sequence[Bad], *, off: str = ""
) -> AsyncGenerator[list[Early]]:
    """A gateway on each of these databases, started and asked while PostgreSQL is away."""
    async with AsyncExitStack() as stack:
        await servers.ready()
        admin_url = servers.postgresql.admin_url
        places = [await stack.enter_async_context(database(admin_url, bad)) for bad in bads]
        stack.push_async_callback(servers.ready)  # so that they can be dropped
        await servers.keeper.awaited(servers.postgresql.stop())
        early: list[Early] = []
        for bad, place in zip(bads, places, strict=True):
            port = free_port()
            environment = {**ENVIRONMENT, "DATABASE_URL": place.url, **bad.environment}
            environment["AIP_SABOTAGE_JOURNAL"] = str(directory / "sabotage.log")
            process = Process(a_gateway(directory, port, environment, off))
            stack.push_async_callback(process.destroy)
            process.start()
            early.append(Early(process, port, place.key))
        for one in early:
            await until(one.says_it_is_away, "it waits", within=40)
            asking = asyncio.create_task(one.ask_on())
            stack.callback(asking.cancel)
        yield early


def a_gateway(directory: Path, port: int, environment: Mapping[str, str], off: str = "") -> Program:
    words = ["-m", "uvicorn", "gateway.main:app", "--port", str(port)]
    if off:
        words = ["-m", "tests.chaos.sabotaged", "--off", off, "--", *words[1:]]
    log = directory / f"gateway-{port}.log"
    return Program("gateway", [sys.executable, *words], log, environment, directory)


def entrances(directory: Path, environment: Mapping[str, str]) -> dict[str, Program]:
    """The three ways to start something."""
    port = environment["PORT"]
    commands = {
        GATEWAY: ["-m", "uvicorn", "gateway.main:app", "--port", port],
        ENGINE: ["-m", "ai_engine.main"],
        PLATFORM: [str(Path(sys.executable).with_name("ai-platform")), "up"],
    }
    return {
        name: Program(
            name, [sys.executable, *words], directory / f"{name}.log", environment, directory
        )
        for name, words in commands.items()
    }


def said(process: Process) -> list[str]:
    """What it wrote, but for what is always written."""
    lines = process.program.log.read_text().splitlines()
    return [line for line in lines if not BANNER.match(line)]


def lines_with(process: Process, pattern: str) -> list[str]:
    lines = process.program.log.read_text().splitlines()
    return [line for line in lines if re.search(pattern, line)]


@asynccontextmanager
async def all_in_one(stack: Stack, directory: Path) -> AsyncGenerator[Process]:
    """The whole platform as one process on the stack's servers; not started yet."""
    port = free_port()
    environment = {**stack.gateways[0].program.environment, "PORT": str(port)}
    process = Process(entrances(directory, environment)[PLATFORM])
    stack._ports[process] = port
    try:
        yield process
    finally:
        await process.destroy()


async def all_say(
    stack: Stack, processes: Sequence[Process], database: str, rabbitmq: str, redis: str = "away"
) -> bool:
    """Whether all live, think so of their servers, and are ready if there is a database."""
    wanted = {"postgresql": database, "rabbitmq": rabbitmq, "redis": redis}
    status = 200 if database == "ok" else 503
    with contextlib.suppress(*UNHEARD):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            for process in processes:
                async with http.get(f"{stack.url(process)}/health") as health:
                    if health.status != 200 or (await health.json())["checks"] != wanted:
                        return False
                async with http.get(f"{stack.url(process)}/health/ready") as ready:
                    if ready.status != status:
                        return False
            return True
    return False


async def declare_otherwise(url: str, queue: str) -> None:
    """As somebody would who knows nothing of how we declare our queues."""
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)

"""The whole system on free ports: private servers behind proxies, and the product's processes."""

import asyncio
import os
import re
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp
from sqlalchemy import text

from simulators.journal import Entry, Journal
from tests.chaos.client import Client
from tests.chaos.ledger import Ledger, Report
from tests.chaos.process import Process, Program, free_port
from tests.chaos.proxy import Proxy
from tests.chaos.sabotage import struck
from tests.chaos.servers import Redis, Servers
from tests.chaos.supervisor import supervised
from tests.databases import (
    APP_LOGIN,
    CLONE_PREFIX,
    ROOT,
    clone_template,
    connected,
    drop_database,
    with_database,
)
from tests.queues import private_queues
from tests.waiting import until

#: The product's own numbers, only smaller: same code, faster clocks.
FAST = {
    "HEARTBEAT_EVERY_S": "0.3",
    "WORKER_DEAD_AFTER_S": "1.5",
    "SWEEP_EVERY_S": "0.3",
    "REASK_AFTER_S": "1.5",
    "RETRY_BASE_S": "0.1",
    "JOB_DEADLINE_S": "90",
    "DRAIN_S": "5",
    "CALLBACK_TIMEOUT_S": "1",
    "CALLBACK_RETRY_BASE_S": "0.2",
    "CALLBACK_ALLOW_HTTP": "true",
    "CALLBACK_ALLOWED_HOSTS": "127.0.0.1",
    "RATE_LIMIT_PER_MINUTE": "0",
    "MAX_ATTEMPTS": "5",
    "LOG_LEVEL": "INFO",
    "ENVIRONMENT": "development",
    "WA_PACING": "false",
    "RESEND_ASK_AFTER_S": "1",
    "CATCH_UP_EVERY_S": "2",
    "TURN_DEADLINE_S": "20",
    "WAHA_TIMEOUT_S": "5",
    "WAHA_ALLOWED_HOSTS": "127.0.0.1",
    "PAYMENT_POLL_S": "0.2",
}
#: a config in the catalogue that speaks to the simulators
SIMULATED = "simulated"
READY_WITHIN_S = 40.0

Where = Literal["postgresql", "rabbitmq", "redis", "model", "waha", "bank"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a test wants to have running."""

    gateways: int = 1
    engines: int = 2
    chatbots: int = 0
    senders: int = 0
    broker: bool = False
    #: a URL is given, but nobody answers there
    broker_is_absent: bool = False
    redis: bool = False
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    #: more in the environment of one process, as `{"engine0": {...}}`
    only: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    #: mechanisms to switch off, see tests.chaos.sabotage: the test must then go red
    off: Sequence[str] = ()
    #: faults to build in, from the same list
    faults: Sequence[str] = ()


class Stack:
    """The running system, and the handles to break it with."""

    def __init__(self, servers: Servers, directory: Path, plan: Plan) -> None:
        self.servers = servers
        self.plan = plan
        self.ledger = Ledger()
        self.gateways: list[Process] = []
        self.engines: list[Process] = []
        self.chatbots: list[Process] = []
        self.senders: list[Process] = []
        self.proxies: dict[Where, Proxy] = {}
        self.redis: Redis | None = None
        self.owner_url = ""
        self.rabbitmq_url = ""
        self._queues = private_queues("chaos")
        self.client: Client
        self.simulators: Process
        self._directory = directory
        self._journal = directory / "model.jsonl"
        self._sabotage_journal = directory / "sabotage.log"
        self._environment: dict[str, str] = {}
        self._ports: dict[Process, int] = {}
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        self._closing = AsyncExitStack()
        self._closing.push_async_callback(self._http.close)

    @property
    def queues(self) -> list[str]:
        """Of tasks, of results, and the others: nobody else's, for the broker is everybody's."""
        return list(self._queues.values())

    @property
    def product(self) -> list[Process]:
        return [*self.gateways, *self.engines, *self.chatbots, *self.senders]

    def url(self, process: Process) -> str:
        return f"http://127.0.0.1:{self._ports[process]}"

    async def open(self) -> None:
        """Returns once everything is ready."""
        await self._open_database()
        await self._open_carriers()
        self._start_simulators()
        base = self._base_environment()
        self._environment = base | FAST | dict(self.plan.settings)
        self.gateways = [
            self._api("gateway", "gateway.main:app", n) for n in range(self.plan.gateways)
        ]
        self.engines = [
            self._worker("engine", "ai_engine.main", n) for n in range(self.plan.engines)
        ]
        self.chatbots = [
            self._api("chatbot", "crm_chatbot.main:app", n) for n in range(self.plan.chatbots)
        ]
        self.senders = [
            self._worker("sender", "waha_sender.main", n) for n in range(self.plan.senders)
        ]
        self.client = Client([self.url(gateway) for gateway in self.gateways], self.ledger)
        self._closing.push_async_callback(self.client.close)
        for process in self.product:
            process.start()
            self._closing.push_async_callback(process.destroy)
        await asyncio.gather(*(self.ready(process) for process in (*self.product, self.simulators)))
        if self.engines:
            await self._configure_model()

    async def close(self) -> None:
        """End everything that was started, without ceremony."""
        await self._closing.aclose()

    async def ready(self, process: Process, *, within: float = READY_WITHIN_S) -> None:
        """Wait until it takes work."""
        path = "/health" if process is self.simulators else "/health/ready"
        await until(
            lambda: self._answers(f"{self.url(process)}{path}"),
            f"{process.name} is ready\n{process.tail()}",
            within=within,
        )

    async def restart(self, process: Process, **extra: str) -> None:
        """Stop it in good order and start it with more in its environment, for one life."""
        await process.stop()
        process.start(extra)
        await self.ready(process)

    async def says(self, process: Process, server: str) -> str:
        """What it thinks of `postgresql`, `rabbitmq` or `redis`: ok, off, or away."""
        async with self._http.get(f"{self.url(process)}/health") as answer:
            return str((await answer.json())["checks"][server])

    async def metric(self, process: Process, name: str) -> float:
        """The sum of a metric's samples, as the process itself tells them."""
        async with self._http.get(f"{self.url(process)}/metrics") as answer:
            exposition = await answer.text()
        found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", exposition, re.MULTILINE)
        return sum(map(float, found))

    @property
    def struck(self) -> set[str]:
        """The switches and faults of the plan that were met."""
        return struck(self._sabotage_journal)

    async def sql(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the database holds, past every proxy; also for changing it."""
        async with connected(self.owner_url) as connection:
            found = await connection.execute(text(query), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def calls(self) -> list[Entry]:
        """Every call that reached the model, and what became of it."""
        return Journal.read(self._journal) if self._journal.exists() else []

    def asked(self) -> list[str]:
        """The keys of the prompts that reached the model, once for each call."""
        return [call.text.split()[0] for call in self.calls() if call.text]

    async def settled(self, *, within: float = 30.0, at_most: int = 5) -> Report:
        """Wait for the end of everything that was promised, then close the books."""
        await self.client.all_ended(within=within)
        return self.ledger.report(
            everything=await self.client.everything(), asked=self.asked(), at_most=at_most
        )

    def story(self) -> str:
        """What everybody wrote last; for whoever must find out why a test failed."""
        return "\n".join(process.tail(15) for process in self._ports)

    async def _open_database(self) -> None:
        self._database = f"{CLONE_PREFIX}{int(time.time())}_{os.getpid()}_{secrets.token_hex(3)}"
        postgresql = self.servers.postgresql
        await clone_template(postgresql.admin_url, self._database)
        self._closing.push_async_callback(drop_database, postgresql.admin_url, self._database)
        self.owner_url = with_database(postgresql.admin_url, self._database)
        self._proxy("postgresql", postgresql.port)

    async def _open_carriers(self) -> None:
        if self.plan.broker_is_absent:
            self.rabbitmq_url = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
        elif self.plan.broker:
            proxy = self._proxy("rabbitmq", (await self.servers.broker()).port)
            self.rabbitmq_url = f"amqp://guest:guest@127.0.0.1:{proxy.port}/"
        if self.plan.redis:
            self.redis = Redis(self._directory)
            await self.redis.start()
            self._closing.push_async_callback(self.redis.stop)
            self._proxy("redis", self.redis.port)

    def _proxy(self, where: Where, port: int) -> Proxy:
        self.proxies[where] = proxy = Proxy(port, self.servers.network, name=where)
        self._closing.callback(proxy.close)
        return proxy

    def _start_simulators(self) -> None:
        port = free_port()
        words = ["-m", "simulators.main", "--port", str(port), "--journal", str(self._journal)]
        self.simulators = self._process("simulators", words, port, _python_environment())
        self.simulators.start()
        self._closing.push_async_callback(self.simulators.destroy)
        self._proxy("model", port)
        self._proxy("waha", port)
        self._proxy("bank", port)

    def _base_environment(self) -> dict[str, str]:
        database = with_database(
            f"postgresql://127.0.0.1:{self.proxies['postgresql'].port}",
            self._database,
            login=APP_LOGIN,
        )
        redis = f"redis://127.0.0.1:{self.proxies['redis'].port}/0" if self.plan.redis else ""
        return _python_environment() | {
            "DATABASE_URL": database,
            "RABBITMQ_URL": self.rabbitmq_url,
            **self._queues,
            # Nobody answers there: as good as none, and nothing is embedded.
            "REDIS_URL": redis or "redis://127.0.0.1:1/0",
            "DATA_DIR": str(self._directory / "data"),
            "OPENAI_API_KEY": "sk-chaos",
            "MIDTRANS_BASE_URL": f"{self._bank}/midtrans",
            "XENDIT_BASE_URL": f"{self._bank}/xendit",
            "AIP_SABOTAGE_JOURNAL": str(self._sabotage_journal),
        }

    @property
    def _bank(self) -> str:
        return f"http://127.0.0.1:{self.proxies['bank'].port}"

    def _api(self, name: str, app: str, number: int) -> Process:
        port = free_port()
        words = self._module("uvicorn", app, "--port", str(port), "--no-access-log")
        return self._process(f"{name}{number}", words, port, self._environment)

    def _worker(self, name: str, module: str, number: int) -> Process:
        port = free_port()
        environment = self._environment | {"PORT": str(port)}
        return self._process(f"{name}{number}", self._module(module), port, environment)

    def _module(self, module: str, *arguments: str) -> list[str]:
        # Faults first: where a process may crash must be known before what crashes is loaded.
        changes = [*self.plan.faults, *self.plan.off]
        if not changes:
            return ["-m", module, *arguments]
        off = [word for name in changes for word in ("--off", name)]
        return ["-m", "tests.chaos.sabotaged", *off, "--", module, *arguments]

    def _process(
        self, name: str, words: Sequence[str], port: int, environment: Mapping[str, str]
    ) -> Process:
        log = self._directory / f"{name}.log"
        command = [sys.executable, *words]
        environment = {**environment, **self.plan.only.get(name, {})}
        process = Process(Program(name, command, log, environment, cwd=self._directory))
        self._ports[process] = port
        return process

    async def _answers(self, url: str) -> bool:
        try:
            async with self._http.get(url) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _configure_model(self) -> None:
        config: dict[str, Any] = {
            "name": SIMULATED,
            "provider": "openai",
            "model_name": "simulated-1",
            "api_key_env": "OPENAI_API_KEY",
            "base_url": f"http://127.0.0.1:{self.proxies['model'].port}/openai/v1",
            "retries": 0,
        }
        url = f"{self.url(self.engines[0])}/v1/llm-configs"
        async with self._http.post(url, json=config) as answer:
            assert answer.status in {200, 201}, await answer.text()


@asynccontextmanager
async def running(
    servers: Servers, directory: Path, plan: Plan, *, supervise: bool = True
) -> AsyncGenerator[Stack]:
    """The system, ready; what is killed is started again. Its story goes with any failure."""
    await servers.ready()
    stack = Stack(servers, directory, plan)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(stack.close)
        try:
            await stack.open()
            if supervise:
                await closing.enter_async_context(supervised(stack.product))
            yield stack
        except BaseException as failure:
            failure.add_note(stack.story())
            raise


def _python_environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }

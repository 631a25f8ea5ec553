"""`python -m waha_sender.main`: killed at every point that matters, and told to stop."""

import base64
import os
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from shared.contracts import SendWhatsApp
from shared.infrastructure.database import Sessions, transaction
from shared.infrastructure.postgres_queue import PostgresTransport
from shared.infrastructure.secrets import Vault
from shared.messaging import Outgoing
from shared.settings import Shop
from shared.whatsapp.connection_store import SqlConnections
from shared.whatsapp.connections import ConnectionChange
from shared.whatsapp.waha_http import own_server, rules_for_tenants
from simulators.journal import Journal
from simulators.main import create_app
from simulators.serving import serve
from simulators.waha.engines import EngineName
from simulators.waha.rules import WahaRule
from simulators.waha.server import API_KEY
from simulators.waha.server import Waha as Server
from tests.chaos.process import CRASHED, Process, Program, free_port
from tests.waha_sender.builders import BUDI, SESSION, TENANT, asked
from tests.waiting import until

pytestmark = pytest.mark.slow

KEY = b"k" * 32
WITHIN_S = 20.0


@dataclass
class Office:
    """A sender in a process of its own, and what is around it."""

    process: Process
    server: Server
    transport: PostgresTransport
    sessions: Sessions
    port: int

    async def ask(self, *messages: SendWhatsApp) -> None:
        """As crm_chatbot's relay does."""
        await self.transport.publish(
            [
                Outgoing(uuid7(), "wa_messages", type(one).__name__, one.model_dump_json().encode())
                for one in messages
            ]
        )

    def phone(self) -> list[str]:
        session = self.server.session(SESSION)
        customer = session.customers.find(BUDI)
        return [one.body for one in session.chat_with(customer)] if customer else []

    async def outcomes(self) -> list[str]:
        """What lies in `wa_results`, each outcome once."""
        async with transaction(self.sessions) as session:
            rows = await session.execute(
                text("SELECT DISTINCT kind, body FROM platform.messages WHERE queue = 'wa_results'")
            )
            return [row.kind for row in rows]

    async def all_sent(self, count: int) -> None:
        async def told() -> bool:
            return await self.outcomes() == ["WhatsAppSent"] * count

        await until(told, f"{count} were sent", within=WITHIN_S)

    def begin(self, crash_at: str | None = None) -> None:
        hooks = {"AIP_TEST_HOOKS": "1", "AIP_CRASH_AT": crash_at} if crash_at else {}
        self.process.start(hooks)


@pytest.fixture
def kind() -> EngineName:
    """Tests may ask for another one."""
    return "GOWS"


@pytest.fixture
async def office(
    sessions: Sessions,
    database_url: str,
    owner_database_url: str,
    redis_url: str,
    kind: EngineName,
    tmp_path: Path,
) -> AsyncGenerator[Office]:
    server = Server()
    server.add_session(SESSION, engine=kind)
    async with serve(create_app(journal=Journal(), waha=server)) as url:
        shop = Shop(waha_server_url=url)
        connections = SqlConnections(
            sessions, Vault(KEY), rules=rules_for_tenants(shop), own=own_server(shop)
        )
        await connections.put(TENANT, ConnectionChange(session=SESSION))
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "MIGRATIONS_DATABASE_URL": owner_database_url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(tmp_path),
            "PORT": str(port),
            "ENCRYPTION_KEY": base64.b64encode(KEY).decode(),
            "WAHA_SERVER_URL": url,
            "WAHA_API_KEY": API_KEY,
            "WA_PACING": "false",
            "HEARTBEAT_EVERY_S": "0.3",
            "WORKER_DEAD_AFTER_S": "1",
        }
        program = Program(
            name="sender",
            command=[sys.executable, "-m", "waha_sender.main"],
            log=tmp_path / "sender.log",
            environment=environment,
            cwd=tmp_path,
        )
        process = Process(program)
        yield Office(process, server, PostgresTransport(sessions), sessions, port)
        await process.destroy()
        print(process.tail())  # noqa: T201 - shown where a test fails


@pytest.mark.parametrize(
    ("point", "kind"),
    [
        ("sender.taken", "GOWS"),
        ("sender.claimed", "GOWS"),
        ("sender.before_begin", "GOWS"),
        ("sender.begun", "GOWS"),
        ("sender.left", "GOWS"),
        ("sender.before_sent", "GOWS"),
        ("sender.sent", "GOWS"),
        ("sender.begun", "WEBJS"),
        ("sender.left", "WEBJS"),
    ],
)
async def test_a_crash_there_loses_and_doubles_nothing(office: Office, point: str) -> None:
    office.begin(f"{point}:2" if point == "sender.claimed" else point)
    messages = [asked("1"), asked("2")]
    await office.ask(*messages)
    assert await office.process.ended(within=WITHIN_S) == CRASHED

    office.begin()
    # Whoever asked asks again, in time; the carrier keeps what it handed over for longer.
    await office.ask(*messages)

    await office.all_sent(2)
    assert sorted(office.phone()) == ["1", "2"]


async def test_told_to_stop_it_ends_what_it_has_begun_and_no_more(office: Office) -> None:
    office.server.script.set([WahaRule(call="sendText", delay_s=1, times=1)])
    office.begin()
    first, second = asked("1"), asked("2")
    await office.ask(first)
    await until(office.server.journal.recent, "it is being sent", within=WITHIN_S)

    await office.ask(second)
    office.process.terminate()

    assert await office.process.ended(within=WITHIN_S) == 0
    assert len(office.phone()) <= 1
    office.begin()
    await office.ask(first, second)
    await office.all_sent(2)
    assert sorted(office.phone()) == ["1", "2"]


async def test_it_tells_how_it_is(office: Office) -> None:
    office.begin()
    url = f"http://127.0.0.1:{office.port}"

    async def health() -> dict[str, object]:
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{url}/health") as answer:
                return dict(await answer.json())
        except aiohttp.ClientError:
            return {}

    assert (await until(health, "it answers", within=WITHIN_S))["status"] == "ok"
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        page = await answer.text()
    assert 'aip_waiting{what="deliveries"}' in page
    assert await office.process.stop() == 0

"""Workers on real tables, against a WAHA that speaks HTTP; any of them may die at any moment."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.contracts import Message, WhatsAppNotSent, WhatsAppSent
from shared.infrastructure.database import DatabaseClock, Sessions
from shared.infrastructure.secrets import Vault
from shared.pulse import Pulse
from shared.runtime import Loop, every, running
from shared.settings import Shop
from shared.whatsapp.connection_store import SqlConnections
from shared.whatsapp.connections import ConnectionChange
from shared.whatsapp.waha import Waha
from shared.whatsapp.waha_http import http_waha, own_server, rules_for_tenants
from simulators.journal import Entry, Journal
from simulators.main import create_app
from simulators.serving import serve
from simulators.waha.engines import EngineName
from simulators.waha.server import API_KEY
from simulators.waha.server import Waha as Server
from tests.waha_sender.builders import SESSION, TENANT
from tests.waha_sender.stores import SqlStore
from waha_sender.application.bookkeeping import Bookkeeping
from waha_sender.application.pacing import Rules
from waha_sender.application.sending import Sender
from waha_sender.application.worker import Worker
from waha_sender.infrastructure.lease_store import SqlLeases

DEAD_AFTER_S = 0.8
#: so long the simulator may hang before a call is given up
TIMEOUT_S = 1.0


@dataclass
class Crew:
    """Everything a test needs of them."""

    store: SqlStore
    server: Server
    connections: SqlConnections
    waha: Waha
    clock: DatabaseClock
    rules: Rules
    _aboard: list[tuple[Worker, asyncio.Task[None]]] = field(
        default_factory=list[tuple[Worker, asyncio.Task[None]]]
    )

    async def hire(self) -> Worker:
        """A worker that sends at once, and until it dies."""
        book = Bookkeeping(
            open_work=self.store.open_work,
            now=self.clock,
            jitter=random.random,
            rules=self.rules,
            give_up_after_s=3_600,
        )
        worker = Worker(
            book=book,
            sender=Sender(book, self.connections, self.waha),
            leases=SqlLeases(self.store.sessions, UUID(str(uuid7()))),
            pulse=Pulse(DEAD_AFTER_S),
        )
        await worker.beat()
        self._aboard.append((worker, asyncio.create_task(self._work(worker))))
        return worker

    async def kill(self, worker: Worker) -> None:
        """As `kill -9` does: whatever it has in hand stays as it is."""
        found = next(one for one in self._aboard if one[0] is worker)
        self._aboard.remove(found)
        in_hand = [*worker._in_hand.values()]
        for task in (found[1], *in_hand):
            task.cancel()
        await asyncio.gather(found[1], *in_hand, return_exceptions=True)

    async def dismiss(self) -> None:
        for worker, _ in list(self._aboard):
            await self.kill(worker)

    async def outcomes(self) -> dict[UUID, Message]:
        """The last thing that was said of each message."""
        said = await self.store.said()
        return {
            one.message_id: one for one in said if isinstance(one, WhatsAppSent | WhatsAppNotSent)
        }

    def phone(self, chat_id: str) -> list[str]:
        """What the customer sees, in order."""
        session = self.server.session(SESSION)
        customer = session.customers.find(chat_id)
        return [one.body for one in session.chat_with(customer)] if customer else []

    def journal(self, call: str = "sendText") -> list[Entry]:
        entries = self.server.journal.recent()
        return [entry for entry in entries if entry.facts.get("call") == call]

    async def _work(self, worker: Worker) -> None:
        loops: dict[str, Loop] = {
            "beat": lambda: every(DEAD_AFTER_S / 4, worker.beat),
            "due": lambda: worker.send_what_is_due(0.5),
        }
        async with running(loops):
            await asyncio.Event().wait()


@asynccontextmanager
async def crew(
    sessions: Sessions, engine: EngineName, *, rules: Rules | None = None
) -> AsyncGenerator[Crew]:
    """A connected tenant, and nobody at work yet."""
    server = Server(journal=Journal())
    server.add_session(SESSION, engine=engine)
    clock = DatabaseClock(sessions)
    await clock.refresh()
    async with serve(create_app(journal=server.journal, waha=server)) as url:
        shop = Shop.model_validate(
            {"waha_server_url": url, "waha_api_key": API_KEY, "waha_timeout_s": TIMEOUT_S}
        )
        vault = Vault(b"k" * 32)
        connections = SqlConnections(
            sessions, vault, rules=rules_for_tenants(shop), own=own_server(shop)
        )
        await connections.put(TENANT, ConnectionChange(session=SESSION))
        waha = http_waha(shop)
        aboard = Crew(
            SqlStore(sessions), server, connections, waha, clock, rules or Rules(is_on=False)
        )
        try:
            yield aboard
        finally:
            await aboard.dismiss()
            await waha.close()

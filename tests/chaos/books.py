"""The books of a WhatsApp storm: what customers wrote, what was answered, what they heard."""

from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from tests.chaos.process import Process
from tests.chaos.stack import Stack
from tests.shop import Json, Places, Shop, open_shop
from tests.waiting import until

#: What breaks a promise, and the query that finds it.
BROKEN = {
    "never answered": """
        SELECT stanza_id FROM crm.messages WHERE direction = 'in' AND state = 'new'""",
    "covered by no committed turn, or by several": """
        SELECT m.stanza_id FROM crm.messages m
         WHERE m.direction = 'in' AND m.state = 'covered'
           AND 1 <> (SELECT count(*) FROM crm.turns t
                      WHERE t.tenant_id = m.tenant_id AND t.conversation_id = m.conversation_id
                        AND t.status = 'committed' AND m.seq BETWEEN t.from_seq AND t.to_seq)""",
    "turns that overlap or change places": """
        SELECT CAST(a.id AS text) FROM crm.turns a JOIN crm.turns b
            ON b.tenant_id = a.tenant_id AND b.conversation_id = a.conversation_id AND b.id <> a.id
         WHERE a.status = 'committed' AND b.status = 'committed' AND a.from_seq < b.from_seq
           AND (a.to_seq >= b.from_seq OR a.ended_at > b.ended_at)""",
    "places that are missing or double": """
        SELECT CAST(c.id AS text) FROM crm.conversations c
         WHERE c.last_seq <> (SELECT count(DISTINCT m.seq) FROM crm.messages m
                               WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id)""",
    "replies that never left": """
        SELECT CAST(id AS text) FROM crm.messages
         WHERE direction = 'out' AND state NOT IN ('sent', 'withdrawn')""",
}
SENT = """
    SELECT i.value, m.text FROM crm.messages m
      JOIN crm.conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
      JOIN crm.customer_identities i
        ON i.tenant_id = c.tenant_id AND i.customer_id = c.customer_id AND i.kind = 'phone'
     WHERE m.direction = 'out' AND m.state = 'sent' ORDER BY m.conversation_id, m.seq"""
WAITING = """
    SELECT (SELECT count(*) FROM crm.messages WHERE state IN ('new', 'queued', 'handed'))
         + (SELECT count(*) FROM crm.turns WHERE status = 'running')"""


@dataclass(frozen=True)
class Books:
    """Kept for one shop of a running stack."""

    stack: Stack
    shop: Shop

    async def settled(self, *, within: float = 60.0) -> None:
        """Every message that was written is known and answered, and every reply has left."""
        await until(self._is_settled, "all is answered", within=within, every=0.2)

    async def has_reached(self, messages: int) -> None:
        """So many were written, or more."""
        await until(
            lambda: sum(map(len, self.shop.written.values())) >= messages,
            f"{messages} messages are written",
            within=60,
        )

    async def states(self) -> dict[str, int]:
        """What became of all that customers wrote."""
        counted = "SELECT state, count(*) FROM crm.messages WHERE direction = 'in' GROUP BY state"
        return {str(state): int(count) for state, count in await self.stack.sql(counted)}

    async def repeated(self) -> int:
        """How many of their messages were taken again by somebody who had taken them before."""
        ids = {one for ids in self.shop.written.values() for one in ids}
        taken = Counter(
            plain_id
            for one in await self.shop.control("GET", "deliveries")
            if one["outcome"] == "delivered"
            and one["event"] == "message.any"
            and (plain_id := one["payload_id"].rpartition("_")[2]) in ids
        )
        return taken.total() - len(taken)

    async def broken(self) -> dict[str, list[str]]:
        """What breaks a promise, by its name; empty if all is well."""
        found = {name: [row[0] for row in await self.stack.sql(q)] for name, q in BROKEN.items()}
        found["lost"] = sorted(await self.unknown())
        found["heard otherwise than sent"] = await self._misled()
        return {name: rows for name, rows in found.items() if rows}

    async def unknown(self) -> set[str]:
        """What was written on WhatsApp, and crm_chatbot has never heard of."""
        rows = await self.stack.sql("SELECT stanza_id FROM crm.messages WHERE direction = 'in'")
        known = {row[0] for row in rows}
        return {one for ids in self.shop.written.values() for one in ids if one not in known}

    async def _is_settled(self) -> bool:
        [(waiting,)] = await self.stack.sql(WAITING)
        return not waiting and not await self.unknown()

    async def _misled(self) -> list[str]:
        """Whoever heard a reply twice, never, or in another order than it was written in."""
        sent = defaultdict[str, list[str]](list)
        for phone, text in await self.stack.sql(SENT):
            sent[phone].append(text)
        return [phone for phone in self.shop.written if await self.shop.heard(phone) != sent[phone]]


@asynccontextmanager
async def books(stack: Stack, **wishes: Json) -> AsyncGenerator[Books]:
    """Open a shop in the stack, with books."""
    places = Places(
        platform=lambda: stack.url(stack.chatbots[0]),
        simulators=stack.url(stack.simulators),
        waha=f"http://127.0.0.1:{stack.proxies['waha'].port}",
    )
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        yield Books(stack, await open_shop(http, places, **wishes))


async def kill(process: Process) -> None:
    """-9, as soon as it runs; over when it has ended, and the supervisor starts it again."""
    await until(lambda: process.is_running, f"{process.name} runs", within=60)
    lives = len(process.ends)
    process.kill()
    await until(
        lambda: not process.is_running or len(process.ends) > lives,
        f"{process.name} has ended",
        within=10,
    )

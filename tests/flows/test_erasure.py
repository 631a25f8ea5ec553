"""A customer is erased, and nothing is left anywhere of whom it was and what was said."""

# redis-py leaves `**kwargs` untyped everywhere.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import redis.asyncio as aioredis
from sqlalchemy import text

from shared.infrastructure.database import connect, sessions_of
from standalone.invariants import broken
from tests.databases import connected, rows
from tests.flows.platform import Start
from tests.flows.test_whatsapp import World, a_world, is_idle
from tests.shop import Json, Shop
from tests.waiting import until

BUDI, SARI = "6281277770002", "6281200000003"
#: Whatever is in a word of Budi's, or said to him, begins like this.
CANARY = "canary"
SCHEMAS = ("crm", "waha_sender", "platform")


@dataclass
class Hunt:
    """Looks into every row of every table, and into all of Redis."""

    owner_url: str
    redis_url: str

    async def found(self, *words: str) -> set[str]:
        """The tables, or keys, in which any of these words is."""
        places = {
            table
            async for table, row in rows(self.owner_url, SCHEMAS)
            if any(word in row for word in words)
        }
        client = aioredis.Redis.from_url(self.redis_url, decode_responses=True)
        async with client:
            async for found in client.scan_iter():
                key = str(found)
                is_stream = await client.type(key) == "stream"
                kept = await (client.xrange(key) if is_stream else client.get(key))
                if any(word in f"{key} {kept!r}" for word in words):
                    places.add(f"redis {key.split(':')[1]}")
        return places

    async def complaints(self) -> dict[str, int]:
        """The doctor's."""
        engine = connect(self.owner_url, pool_size=1)
        try:
            return await broken(sessions_of(engine))
        finally:
            await engine.dispose()

    async def count(self, query: str) -> int:
        async with connected(self.owner_url) as owner:
            return int(await owner.scalar(text(query)) or 0)


@pytest.fixture
def hunt(owner_database_url: str, redis_url: str) -> Hunt:
    return Hunt(owner_database_url, redis_url)


@pytest.fixture
async def world(start_on_each_carrier: Start) -> AsyncGenerator[World]:
    async with AsyncExitStack() as stack:
        yield await a_world(stack, start_on_each_carrier)


async def a_parrots_shop(world: World) -> Shop:
    """Whose bot repeats what it hears."""
    await world.platform.configure(
        "parrot",
        provider="openai",
        model_name="gpt-4o",
        api_key_env="LLM_TEST_KEY",
        base_url=f"{world.simulators}/openai/v1",
    )
    return await world.shop(llm_config="parrot")


async def everything_is_said(shop: Shop) -> tuple[Json, Json]:
    """Budi's conversation, and a message of his."""
    written = await shop.says(BUDI, "canary-heard")
    await shop.hears(BUDI, 1)
    await shop.phones("PUT", f"messages/{written['id']}/reaction", {"emoji": "👍"})
    await shop.phones("POST", f"customers/{BUDI}/call", {})
    chat = await shop.conversation(BUDI)
    path = f"/v1/crm/conversations/{chat['id']}"
    profile = {"name": "canary-name", "email": "canary@example.com", "notes": "canary-note"}
    await shop.api("PATCH", f"/v1/crm/customers/{chat['customer']['id']}", profile)
    await shop.api("POST", f"{path}/takeover")
    await shop.api("POST", f"{path}/messages", {"text": "canary-person"})
    await shop.api("POST", f"{path}/notes", {"text": "canary-people-only"})
    await shop.hears(BUDI, 2)
    await shop.phones("PUT", f"messages/{written['id']}", {"text": "canary-edited"})
    await shop.answer(SARI, "halo")
    await is_idle(shop)
    return chat, written


async def is_quiet(hunt: Hunt) -> None:
    """Nothing is on its way between the services."""

    async def quiet() -> bool:
        queues = ("crm.outbox", "waha_sender.outbox", "platform.messages")
        counts = [await hunt.count(f"SELECT count(*) FROM {queue}") for queue in queues]  # noqa: S608 - names of ours
        return not any(counts)

    await until(quiet, "nothing is on its way", within=15)


@pytest.mark.slow
async def test_of_an_erased_customer_nothing_is_left_anywhere(world: World, hunt: Hunt) -> None:
    shop = await a_parrots_shop(world)
    chat, written = await everything_is_said(shop)
    before = await hunt.found(CANARY), await hunt.found(BUDI)

    await shop.api("DELETE", f"/v1/crm/customers/{chat['customer']['id']}")

    async def is_gone() -> bool:
        return not await hunt.found(CANARY, BUDI)

    await until(is_gone, "nothing is left of Budi", within=15)
    await is_quiet(hunt)
    # The hunt finds what is there to be found; and who was not erased is still there.
    assert before[0] >= {"crm.messages", "crm.customers", "waha_sender.deliveries"}
    assert "redis history" in before[0]
    assert before[1] >= {
        *("crm.customer_identities", "crm.conversations", "crm.inbox"),
        *("waha_sender.deliveries", "waha_sender.chats"),
    }
    assert await hunt.found(SARI) >= {"crm.customer_identities", "waha_sender.chats"}
    await nothing_comes_back(shop, hunt, written)
    assert await hunt.complaints() == {}


async def nothing_comes_back(shop: Shop, hunt: Hunt, written: Json) -> None:
    """WhatsApp goes on to speak of messages whose customer was erased."""
    late = f"messages/{written['id']}"
    await shop.phones("PUT", late, {"text": "canary-late"})
    await shop.phones("PUT", f"{late}/reaction", {"emoji": "🙏"})

    async def both_are_heard() -> bool:
        heard = "SELECT count(*) FROM crm.inbox WHERE reason = 'erased'"
        return await hunt.count(heard) == 2

    await until(both_are_heard, "both are heard, and ignored", within=15)
    await shop.phones("DELETE", late)

    async def is_revoked() -> bool:
        return (
            await hunt.count("SELECT count(*) FROM crm.messages WHERE revoked_at IS NOT NULL") > 0
        )

    await until(is_revoked, "it is noted that it was revoked", within=15)
    assert await hunt.found(CANARY, BUDI) == set()


@pytest.mark.slow
async def test_what_could_not_leave_yet_is_erased_before_it_can(world: World, hunt: Hunt) -> None:
    shop = await a_parrots_shop(world)
    await shop.answer(BUDI, "halo")
    chat = await shop.conversation(BUDI)
    await shop.control("POST", f"sessions/{shop.session}/status", {"status": "STOPPED"})
    path = f"/v1/crm/conversations/{chat['id']}"
    await shop.api("POST", f"{path}/takeover")
    await shop.api("POST", f"{path}/messages", {"text": "canary-waits"})

    async def it_waits() -> bool:
        return "waha_sender.deliveries" in await hunt.found("canary-waits")

    await until(it_waits, "the sender has it", within=15)
    await shop.api("DELETE", f"/v1/crm/customers/{chat['customer']['id']}")

    async def is_gone() -> bool:
        return not await hunt.found(CANARY, BUDI)

    await until(is_gone, "nothing is left of Budi", within=15)
    await shop.control("POST", f"sessions/{shop.session}/status", {"status": "WORKING"})
    await shop.answer(SARI, "halo")
    assert not [words for words in await shop.heard(BUDI) if CANARY in words]

"""Every window of a chat in which a crash might lose or repeat something, tried one by one."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from tests.chaos.books import Books, books
from tests.chaos.crashpoints import (
    CrashPoint,
    crash_points,
    die_at,
    is_of_a_purchase,
    ready_for_orders,
    way_to,
)
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, running
from tests.shop import Shop, open_shop
from tests.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("broker_programs"),
]

SETTINGS = {"OPENAI_API_KEY": "", "OFFLINE_DELAY_S": "0.05", "WORKER_DEAD_AFTER_S": "1"}
PLAN = Plan(gateways=0, engines=0, chatbots=1, senders=1, broker=True, settings=SETTINGS)
POINTS = [
    point
    for point in crash_points()
    if point.process in {"chatbot", "sender"} and not is_of_a_purchase(point)
]
#: A model asked this calls a tool that changes something.
WORDS = "nama saya Budi"
HANDED = """
    SELECT 1 FROM crm.messages m
      JOIN crm.conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
     WHERE m.state = 'handed' AND c.chat_id LIKE :chat"""

TIME_IS_UP = """
    UPDATE crm.tickets SET due_at = now() - interval '1 second'
     WHERE id = CAST(:ticket AS uuid) RETURNING 1"""
BREACHES = """
    SELECT 1 FROM crm.ticket_events
     WHERE ticket_id = CAST(:ticket AS uuid) AND what = 'ticket.breached'"""


def _numbers() -> Iterator[str]:
    return (f"62813{number:08}" for number in count())


@dataclass(frozen=True)
class Scene:
    """One stack for all points: each is tried with a customer of its own."""

    kept: Books
    #: on an engine that tells no numbers
    shy: Shop
    phones: Iterator[str] = field(default_factory=_numbers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene]:
    directory = tmp_path_factory.mktemp("crash-points-of-chats")
    async with (
        running(servers, directory, ready_for_orders(PLAN, directory)) as stack,
        books(stack) as kept,
    ):
        shop = kept.shop
        yield Scene(kept, await open_shop(shop.http, shop.places, session="shy", engine="WEBJS"))


async def writes(scene: Scene, phone: str) -> list[str]:
    """What happens, most of the time; what the customer has heard in the end."""
    await scene.kept.shop.says(phone, WORDS)
    return await scene.kept.shop.hears(phone, 1, within=30)


async def writes_while_whatsapp_is_slow(scene: Scene, phone: str) -> list[str]:
    """The sender is silent for so long that it is asked again."""
    shop = scene.kept.shop
    await shop.control("PUT", "script", [{"call": "send*", "chat": f"{phone}@c.us", "delay_s": 3}])
    return await writes(scene, phone)


async def writes_and_a_person_takes_over(scene: Scene, phone: str) -> list[str]:
    """Just before the reply would have left."""
    shop, stack = scene.kept.shop, scene.kept.stack
    await shop.control("PUT", "script", [{"call": "newId", "delay_s": 3}])
    await shop.says(phone, WORDS)

    async def is_on_its_way() -> object:
        return await stack.sql(HANDED, chat=f"{phone}%")

    await until(is_on_its_way, "a reply is on its way", within=15, every=0.02)
    chat = await shop.conversation(phone)
    await shop.api("POST", f"/v1/crm/conversations/{chat['id']}/takeover")
    await scene.kept.settled()
    return await shop.heard(phone)


async def writes_under_an_alias(scene: Scene, phone: str) -> list[str]:
    """WhatsApp must be asked whose it is."""
    await scene.shy.phones("POST", "customers", {"phone": phone, "writes_as": "lid"})
    await scene.shy.says(phone, WORDS)
    return await scene.shy.hears(phone, 1, within=30)


async def writes_and_is_forgotten(scene: Scene, phone: str) -> list[str]:
    """Nothing is left of a customer, and nothing more is told."""
    await scene.shy.says(phone, WORDS)
    heard = await scene.shy.hears(phone, 1, within=30)
    chat = await scene.shy.conversation(phone)
    await scene.shy.api("DELETE", f"/v1/crm/customers/{chat['customer']['id']}")
    return heard


async def writes_and_nobody_sees_to_it(scene: Scene, phone: str) -> list[str]:
    """A ticket's time is over: that is noted, once."""
    heard = await writes(scene, phone)
    shop, stack = scene.kept.shop, scene.kept.stack
    chat = await shop.conversation(phone)
    wish = {"subject": "Broken", "priority": "high", "conversation_id": chat["id"]}
    ticket = await shop.api("POST", f"/v1/crm/tenants/{shop.tenant_id}/tickets", wish)
    await stack.sql(TIME_IS_UP, ticket=ticket["id"])

    async def is_noted() -> object:
        return await stack.sql(BREACHES, ticket=ticket["id"])

    await until(is_noted, "the breach is noted", within=30)
    await scene.kept.settled()
    assert len(await stack.sql(BREACHES, ticket=ticket["id"])) == 1
    return heard


@dataclass(frozen=True)
class Way:
    """What leads to a point, what the customer hears of it, and what tools have done in the end."""

    provoke: Callable[[Scene, str], Coroutine[Any, Any, list[str]]] = writes
    replies: int = 1
    effects: int = 1


USUAL = Way()
WAYS = {
    "crm.before_linking": Way(writes_under_an_alias),
    "crm.ticket_breached": Way(writes_and_nobody_sees_to_it),
    "crm.swept": Way(writes_while_whatsapp_is_slow),
    "sender.forgotten": Way(writes_and_is_forgotten, effects=0),
    "sender.withdrawn": Way(writes_and_a_person_takes_over, replies=0),
}


@pytest.mark.parametrize("point", POINTS, ids=str)
async def test_whoever_dies_there_everybody_hears_everything_once(
    scene: Scene, point: CrashPoint
) -> None:
    phone = next(scene.phones)
    way = WAYS.get(point.name, USUAL)
    before = await effects(scene)

    async with asyncio.TaskGroup() as everything:
        everything.create_task(die_all_the_way(scene, point))
        hearing = everything.create_task(way.provoke(scene, phone))
    await scene.kept.shop.control("DELETE", "script")
    await scene.kept.settled()

    assert len(hearing.result()) == way.replies
    assert await scene.kept.broken() == {}
    assert await effects(scene) == before + way.effects


async def die_all_the_way(scene: Scene, point: CrashPoint) -> None:
    for place in way_to(point):
        await die_at(scene.kept.stack, place)


async def effects(scene: Scene) -> int:
    """How often tools have changed something, for those who are not forgotten."""
    [(count,)] = await scene.kept.stack.sql("SELECT count(*) FROM crm.tool_executions")
    return int(count)

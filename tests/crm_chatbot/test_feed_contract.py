"""What every feed keeps: changes of one's own shop, from `ready` on, and `lost` for what is not."""

# redis-py leaves `**kwargs` untyped everywhere.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest
from redis.asyncio import ConnectionPool, Redis
from uuid_utils.compat import uuid7

from crm_chatbot.application.feed import Change, Feed, Thing
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.feed import LocalFeed, Pile
from crm_chatbot.infrastructure.redis_feed import RedisFeed
from shared.infrastructure.redis import Hints
from shared.runtime import running
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT
from tests.waiting import until

CONTRACT_OF = Feed

WITHIN_S = 10.0

News = AsyncGenerator[Sequence[Change]]


@dataclass(frozen=True)
class Feeds:
    """Where changes are published, and where they are followed: with Redis, two processes."""

    here: Feed
    there: Feed


class MoodyHints(Hints):
    """A Redis that sometimes takes nothing."""

    is_away = False

    async def shout(self, notes: Iterable[tuple[str, bytes]]) -> bool:
        return not self.is_away and await super().shout(notes)


@asynccontextmanager
async def a_process(redis_url: str) -> AsyncGenerator[tuple[RedisFeed, MoodyHints]]:
    hints = MoodyHints(redis_url, timeout_s=WITHIN_S)
    feed = RedisFeed(redis_url, hints, lambda: NOON)
    async with running(feed.loops):
        yield feed, hints
    await feed.close()
    await hints.close()


@pytest.fixture
async def through_redis(redis_url: str) -> AsyncGenerator[Feeds]:
    async with a_process(redis_url) as (here, _), a_process(redis_url) as (there, _):
        yield Feeds(here, there)


@pytest.fixture(params=["local", "redis"])
def feeds(request: pytest.FixtureRequest) -> Feeds:
    if request.param == "local":
        feed = LocalFeed(lambda: NOON)
        return Feeds(feed, feed)
    found: Feeds = request.getfixturevalue("through_redis")
    return found


def changes(many: int = 1, chat: UUID | None = None) -> list[Change]:
    return [Change(Thing.ORDER, uuid7(), LATER, chat) for _ in range(many)]


@asynccontextmanager
async def following(feed: Feed, tenant_id: TenantId = TENANT) -> AsyncGenerator[News]:
    """From `ready` on."""
    async with aclosing(feed.follow(tenant_id)) as news:
        assert [one.kind for one in await following_one(news)] == [Thing.READY]
        yield news


async def following_one(news: News) -> Sequence[Change]:
    return await asyncio.wait_for(anext(news), WITHIN_S)


async def all_of(news: News, many: int) -> list[Change]:
    """So many changes, in however many bundles."""
    found: list[Change] = []
    while len(found) < many:
        found += await following_one(news)
    return found


async def test_what_is_published_is_heard_by_everybody_as_it_was(feeds: Feeds) -> None:
    told = [*changes(2), *changes(1, chat=uuid7())]

    async with following(feeds.there) as one, following(feeds.there) as other:
        feeds.here.publish(TENANT, told)

        assert await all_of(one, 3) == told
        assert await all_of(other, 3) == told


class DriversUUID(UUID):
    """Ids that were read come in a kind of the driver's own."""


async def test_ids_as_the_database_gives_them_are_told(feeds: Feeds) -> None:
    read = DriversUUID(str(uuid7()))

    async with following(feeds.there) as news:
        feeds.here.publish(TENANT, [Change(Thing.TICKET, read, LATER, read)])

        assert await all_of(news, 1) == [Change(Thing.TICKET, read, LATER, read)]


async def test_another_shops_changes_are_never_heard(feeds: Feeds) -> None:
    theirs, ours = changes(), changes()

    async with following(feeds.there) as news, following(feeds.there, OTHER_TENANT) as others:
        feeds.here.publish(OTHER_TENANT, theirs)
        assert await all_of(others, 1) == theirs
        feeds.here.publish(TENANT, ours)

        assert await all_of(news, 1) == ours


async def test_what_was_before_is_not_told(feeds: Feeds) -> None:
    async with following(feeds.there) as first:
        feeds.here.publish(TENANT, changes())
        await all_of(first, 1)

    fresh = changes()
    async with following(feeds.there) as news:
        feeds.here.publish(TENANT, fresh)

        assert await all_of(news, 1) == fresh


async def test_a_thing_that_changed_often_is_told_once_to_who_was_not_looking(
    feeds: Feeds,
) -> None:
    [change] = changes()

    async with following(feeds.there) as slow, following(feeds.there) as quick:
        for _ in range(20):
            feeds.here.publish(TENANT, [change])
        last = changes()
        feeds.here.publish(TENANT, last)
        heard = await all_of(quick, 1)
        while last[0] not in heard:
            heard += await following_one(quick)

        assert await following_one(slow) == [change, *last]


async def test_who_is_too_slow_hears_lost_and_holds_nobody_up(feeds: Feeds) -> None:
    async with following(feeds.there) as slow, following(feeds.there) as quick:
        for _ in range(4):
            told = changes(Pile.MOST // 2)
            feeds.here.publish(TENANT, told)
            assert await all_of(quick, len(told)) == told

        assert [one.kind for one in await following_one(slow)] == [Thing.LOST]
        fresh = changes()
        feeds.here.publish(TENANT, fresh)
        assert await all_of(slow, 1) == fresh


async def test_silence_is_told_too(feeds: Feeds) -> None:
    async with aclosing(feeds.there.follow(TENANT, silence_s=0.01)) as news:
        await following_one(news)

        assert await following_one(news) == []


async def test_publishing_where_nobody_listens_is_nothing(feeds: Feeds) -> None:
    feeds.here.publish(TENANT, changes(2 * Pile.MOST))


# -- Redis, and what it does


async def cut_off(redis_url: str) -> int:
    """Hang up on all who listen in our database; how many they were."""
    client: Redis = Redis.from_pool(ConnectionPool.from_url(redis_url))
    ours = redis_url.rpartition("/")[2]
    found = [one for one in await client.client_list(_type="pubsub") if one["db"] == ours]
    for one in found:
        await client.client_kill_filter(_id=one["id"])
    await client.aclose()
    return len(found)


async def test_a_connection_that_broke_is_made_anew_and_the_gap_is_told(
    redis_url: str, through_redis: Feeds
) -> None:
    async with following(through_redis.there) as news:
        assert await cut_off(redis_url) == 1

        assert [one.kind for one in await following_one(news)] == [Thing.LOST]
        fresh = changes()
        through_redis.here.publish(TENANT, fresh)
        assert await all_of(news, 1) == fresh


async def test_what_redis_did_not_take_is_told_as_lost(redis_url: str) -> None:
    async with AsyncExitStack() as both:
        here, hints = await both.enter_async_context(a_process(redis_url))
        there, _ = await both.enter_async_context(a_process(redis_url))
        here.PAUSE_S = 0.01
        async with following(there) as news:
            hints.is_away = True
            for _ in range(3):
                here.publish(TENANT, changes())
                await asyncio.sleep(2 * here.GATHER_S)
            hints.is_away = False

            assert [one.kind for one in await following_one(news)] == [Thing.LOST]


async def test_without_redis_a_reader_is_ready_and_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.infrastructure.redis_channels.CONFIRMED_WITHIN_S", 0.05)
    async with (
        a_process("redis://127.0.0.1:1/0") as (feed, _),
        aclosing(feed.follow(TENANT, silence_s=0.01)) as news,
    ):
        assert [one.kind for one in await following_one(news)] == [Thing.READY]
        feed.publish(TENANT, changes())

        assert await following_one(news) == []


async def test_what_a_newer_version_tells_is_lost_on_us(
    redis_url: str, through_redis: Feeds
) -> None:
    hints = Hints(redis_url, timeout_s=WITHIN_S)
    async with following(through_redis.there) as news:
        for note in (b'[["hologram","x"]]', b"{", b"[1]"):
            assert await hints.shout([(f"changes:{TENANT}", note)])
            assert [one.kind for one in await following_one(news)] == [Thing.LOST]
    await hints.close()


async def test_a_channel_nobody_follows_any_more_is_left(
    redis_url: str, through_redis: Feeds
) -> None:
    client: Redis = Redis.from_pool(ConnectionPool.from_url(redis_url))
    database = redis_url.rpartition("/")[2]
    name = f"aip:{database}:changes:{TENANT}"

    async def is_followed() -> bool:
        return dict(await client.pubsub_numsub(name))[name.encode()] > 0

    async with following(through_redis.there):
        assert await is_followed()

    async def is_left() -> bool:
        return not await is_followed()

    await until(is_left, "the channel is left", within=WITHIN_S)
    await client.aclose()

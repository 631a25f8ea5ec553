"""When history is looked into: in time, at once where a session works again, each for itself."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from crm_chatbot.application.whatsapp import catch_up
from crm_chatbot.application.whatsapp.catch_up import AT_ONCE, OVERLAP, Reminder
from crm_chatbot.domain.tenants.tenant import TenantId, TenantStatus
from crm_chatbot.domain.whatsapp import SessionChanged
from shared.availability import DatabaseUnavailable
from shared.batching import Overloaded
from shared.contracts import WhatsAppSessionChanged
from shared.runtime import running
from shared.whatsapp.connections import NotConnected
from shared.whatsapp.waha import Verdict, WahaFailed
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import CHAT, SESSION
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.memory_of_waha import EVERY_S, RememberingShop
from tests.crm_chatbot.stores import Crm
from tests.gateway.counted import Counted
from tests.shared.whatsapp.fake_waha import Meddle, leave_alone
from tests.waiting import until

ANI = "6281200000009@c.us"
AWAY = WahaFailed("waha_unreachable", Verdict.RETRY)


@pytest.fixture
async def shop(crm: Crm) -> RememberingShop:
    return await RememberingShop(crm).open()


async def becomes(shop: RememberingShop, status: str) -> None:
    """As a webhook tells."""
    at = shop.clock()
    told = SessionChanged(
        key=f"{status}{at}", name="session.status", session=SESSION, status=status, at=at
    )
    await shop.inbound.receive(shop.tenant, told)


# -- one look


async def test_all_is_known_until_the_moment_when_the_look_began(shop: RememberingShop) -> None:
    async def take_a_minute(call: str, _chat: str) -> None:
        if call == "history":
            shop.clock.advance(60)

    shop.remembers("Halo", "3EB0A")
    shop.waha.before = take_a_minute

    assert await shop.catches_up(after_s=301)
    assert (await shop.seen()).caught_up_at == NOON + timedelta(seconds=301)


async def test_the_next_look_begins_there_and_a_little_before(shop: RememberingShop) -> None:
    await shop.catches_up(after_s=301)
    overlap = OVERLAP.total_seconds()
    shop.remembers("zu spät", "3EB0A", seconds_ago=overlap + 1)
    shop.remembers("gerade noch", "3EB0B", seconds_ago=overlap - 1)

    await shop.catches_up()

    assert [text for text, _, _ in await shop.told()] == ["gerade noch"]


async def test_what_lies_too_far_back_is_let_be(shop: RememberingShop) -> None:
    shop.remembers("Halo", "3EB0A")
    shop.clock.advance(8 * 86_400)
    shop.remembers("Halo lagi", "3EB0B")

    await shop.catches_up()

    assert [text for text, _, _ in await shop.told()] == ["Halo lagi"]


async def test_nobody_looks_again_before_it_is_time(shop: RememberingShop) -> None:
    shop.remembers("Halo", "3EB0A")
    shop.waha.calls.clear()

    early = await shop.catches_up(after_s=EVERY_S - 1)
    calls = len(shop.waha.calls)
    in_time = await shop.catches_up(after_s=2)

    assert (early, calls, in_time) == (False, 0, True)


async def test_many_who_look_at_once_look_once(shop: RememberingShop) -> None:
    shop.clock.advance(EVERY_S + 1)
    shop.waha.calls.clear()

    looks = await asyncio.gather(*(shop.catch_up.catch_up(TENANT, SESSION) for _ in range(5)))

    assert sorted(looks) == [False] * 4 + [True]
    assert shop.waha.calls.count(("session", "")) == 1


async def test_a_session_that_works_again_is_looked_into_at_once(shop: RememberingShop) -> None:
    shop.clock.advance(1)
    await becomes(shop, "FAILED")
    shop.remembers("Halo", "3EB0A")
    shop.clock.advance(1)
    await becomes(shop, "WORKING")

    assert await shop.catches_up(after_s=1)
    assert len(await shop.told()) == 1


async def test_who_was_asked_to_looks_at_once(shop: RememberingShop) -> None:
    early = await shop.catches_up(after_s=1)

    await Reminder(shop.crm.open_work, shop.clock).remind(TENANT, SESSION)

    assert (early, await shop.catches_up(after_s=1)) == (False, True)


async def test_of_a_session_that_does_not_work_nothing_is_known(shop: RememberingShop) -> None:
    shop.waha.statuses[SESSION] = "SCAN_QR_CODE"
    shop.remembers("Halo", "3EB0A")
    shop.waha.calls.clear()

    assert not await shop.catches_up()

    assert shop.waha.calls == [("session", "")]
    assert (await shop.seen()).caught_up_at == NOON


async def test_a_status_that_no_webhook_told_is_news(shop: RememberingShop) -> None:
    shop.waha.statuses[SESSION] = "FAILED"

    await shop.catches_up(after_s=301)
    await shop.catches_up()

    seen = await shop.seen()
    assert (seen.status, seen.since) == ("FAILED", NOON + timedelta(seconds=301))
    told = [one.status for one in await shop.said(WhatsAppSessionChanged)]
    assert told == ["WORKING", "FAILED"]


async def test_an_outage_in_the_middle_loses_nothing(shop: RememberingShop) -> None:
    shop.remembers("Halo", "3EB0B", chat=ANI, seconds_ago=1)
    shop.remembers("Halo", "3EB0A")

    async def break_off(call: str, chat: str) -> None:
        if (call, chat) == ("history", ANI):
            raise AWAY

    shop.waha.before = break_off
    with pytest.raises(WahaFailed):
        await shop.catches_up()
    first = len(await shop.told())
    known_until = (await shop.seen()).caught_up_at
    shop.waha.before = leave_alone

    assert await shop.catches_up()
    assert (first, known_until) == (1, NOON)
    async with shop.crm.open_work(TENANT) as work:
        key = f"{SESSION}:message:3EB0B"
        assert list(await work.inbox.unheard([key])) == []


async def test_a_shop_that_went_elsewhere_is_not_asked_about_its_old_session(
    shop: RememberingShop,
) -> None:
    await shop.connected(session="another")
    shop.waha.calls.clear()

    assert not await shop.catches_up()
    assert shop.waha.calls == []


async def test_a_shop_without_whatsapp_has_no_history(shop: RememberingShop) -> None:
    shop.connections.rows.clear()

    with pytest.raises(NotConnected):
        await shop.catches_up()


# -- the loop


def hang_until(released: asyncio.Event) -> Meddle:
    async def hang(_call: str, _chat: str) -> None:
        await released.wait()

    return hang


@pytest.fixture
async def two(memory: MemoryCrm) -> RememberingShop:
    """Two shops, each with a session, and neither looked into yet."""
    shop = RememberingShop(memory)
    for tenant_id, session in ((TENANT, SESSION), (OTHER_TENANT, "other")):
        async with memory.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))
        await shop.connected(tenant_id, session)
    shop.remembers("Halo", "3EB0A")
    return shop


@asynccontextmanager
async def looking(shop: RememberingShop) -> AsyncGenerator[None]:
    catcher = shop.catch_up
    async with running({"catch_up": lambda: catcher.run(0.01)}):
        yield


def heard(shop: RememberingShop, tenant_id: TenantId) -> bool:
    assert isinstance(shop.crm, MemoryCrm)
    return bool(shop.crm.stored.chats[tenant_id].messages)


async def test_every_shop_is_looked_into(two: RememberingShop) -> None:
    complete = Counted("catch_ups", code="complete")

    async with looking(two):
        await until(lambda: heard(two, TENANT) and heard(two, OTHER_TENANT), "both", within=5)
        await until(lambda: complete.more == 2, "both ended", within=5)


async def test_a_shop_whose_waha_hangs_holds_up_no_other(two: RememberingShop) -> None:
    hung = asyncio.Event()

    async def hang(call: str, _chat: str) -> None:
        if call == "session" and not hung.is_set():
            hung.set()
            await asyncio.Event().wait()

    two.waha.before = hang
    async with looking(two):
        await until(lambda: heard(two, TENANT) != heard(two, OTHER_TENANT), "the other", within=5)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AWAY, "waha_unreachable"),
        (DatabaseUnavailable("away"), "not_in_time"),
        (Overloaded(), "not_in_time"),
        (ValueError("a bug"), "failed"),
    ],
)
async def test_a_shop_that_fails_is_counted_and_tried_again_when_it_is_time(
    two: RememberingShop, error: Exception, code: str
) -> None:
    assert isinstance(two.crm, MemoryCrm)
    failed = Counted("catch_ups", code=code)

    async def fail(_call: str, _chat: str) -> None:
        if not failed.more:
            raise error

    two.waha.before = fail
    async with looking(two):
        await until(lambda: heard(two, TENANT) or heard(two, OTHER_TENANT), "one", within=5)
        assert failed.more >= 1
        two.clock.advance(EVERY_S + 1)
        await two.crm.pass_time(EVERY_S + 1)
        await until(lambda: heard(two, TENANT) and heard(two, OTHER_TENANT), "both", within=5)


async def test_a_look_that_takes_too_long_is_given_up(
    two: RememberingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "LONGEST_S", 0.05)
    late = Counted("catch_ups", code="not_in_time")
    two.waha.before = hang_until(asyncio.Event())

    async with looking(two):
        await until(lambda: late.more == 2, "both are given up", within=5)


class Faltering(MemoryBacklog):
    """The database is away when it is asked for the first time."""

    is_away = True

    async def unwatched(self, most: int, /, *, for_s: float) -> Sequence[tuple[TenantId, str]]:
        if self.is_away:
            self.is_away = False
            raise DatabaseUnavailable("away")
        return await super().unwatched(most, for_s=for_s)


async def test_an_outage_of_our_own_ends_no_loop(two: RememberingShop, memory: MemoryCrm) -> None:
    backlog = Faltering(memory, two.connections)
    catcher = replace(two.catch_up, backlog=backlog)

    async with running({"catch_up": lambda: catcher.run(0.01)}):
        await until(lambda: heard(two, TENANT), "it goes on", within=5)

    assert not backlog.is_away


async def test_no_more_than_so_many_are_looked_into_at_once(memory: MemoryCrm) -> None:
    shop, released = RememberingShop(memory), asyncio.Event()
    complete = Counted("catch_ups", code="complete")
    for n in range(AT_ONCE + 2):
        tenant_id = TenantId(UUID(int=n + 1))
        async with memory.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))
        await shop.connected(tenant_id, f"session-{n}")
    shop.waha.before = hang_until(released)

    async with looking(shop):
        await until(lambda: len(shop.waha.calls) >= AT_ONCE, "so many hang", within=5)
        at_once = len(shop.waha.calls)
        released.set()
        await until(lambda: complete.more == AT_ONCE + 2, "the others, too", within=5)

    assert at_once == AT_ONCE


async def test_a_suspended_shop_is_left_alone(two: RememberingShop) -> None:
    async with two.crm.open_work(OTHER_TENANT) as work:
        tenant = await work.tenants.get(OTHER_TENANT)
        tenant.become(TenantStatus.SUSPENDED, NOON)
        await work.tenants.save(tenant)

    async with looking(two):
        await until(lambda: heard(two, TENANT), "the other", within=5)

    assert not heard(two, OTHER_TENANT)
    assert two.waha.calls.count(("history", CHAT)) == 1

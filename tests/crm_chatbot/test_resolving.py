"""WAHA is asked whose hidden identities they are, and two customers may turn out to be one."""

from datetime import timedelta

import pytest

from crm_chatbot.application.whatsapp.resolving import ASK_AGAIN_AFTER_S, Resolver
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.whatsapp.connections import ConnectionChange
from shared.whatsapp.waha import Verdict, WahaFailed
from tests.crm_chatbot.builders import OTHER_TENANT, a_tenant
from tests.crm_chatbot.chats import LID, PHONE, SESSION, another_chat
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.memory_of_waha import RememberingShop

HIDDEN = "111222333444555@lid"


@pytest.fixture
async def shop(memory: MemoryCrm) -> RememberingShop:
    return await RememberingShop(memory).open()


@pytest.fixture
def resolver(shop: RememberingShop, memory: MemoryCrm) -> Resolver:
    return Resolver(
        backlog=MemoryBacklog(memory, shop.connections),
        connections=shop.connections,
        waha=shop.waha,
        inbound=shop.inbound,
    )


def asked(shop: RememberingShop) -> int:
    return [call for call, _ in shop.waha.calls].count("phone_of_lid")


async def test_a_customer_whose_number_is_found_is_known_by_it(
    shop: RememberingShop, resolver: Resolver
) -> None:
    await shop.wrote("Halo", chat=HIDDEN)
    shop.waha.lids[LID.value] = PHONE.value

    assert await resolver.resolve() == 1

    assert set((await shop.customer(LID)).identities) == {LID, PHONE}


async def test_who_wrote_under_both_turns_out_to_be_one(
    shop: RememberingShop, resolver: Resolver
) -> None:
    await shop.wrote("dari nomor")
    await shop.wrote("dari lid", chat=HIDDEN)
    shop.waha.lids[LID.value] = PHONE.value

    await resolver.resolve()

    assert (await shop.customer(LID)).id == (await shop.customer(PHONE)).id
    assert [text for text, _, _ in await shop.told()] == ["dari nomor", "dari lid"]
    assert "conversation.merged" in await shop.codes()


async def test_what_waha_does_not_know_is_asked_again_but_not_soon(
    shop: RememberingShop, resolver: Resolver, memory: MemoryCrm
) -> None:
    await shop.wrote("Halo", chat=HIDDEN)

    first = [await resolver.resolve(), await resolver.resolve()]
    times = asked(shop)
    await memory.pass_time(ASK_AGAIN_AFTER_S + 1)
    shop.waha.lids[LID.value] = PHONE.value

    assert (first, times) == ([0, 0], 1)
    assert await resolver.resolve() == 1


@pytest.mark.parametrize("digits", ["0", "1234567890123456"])
async def test_what_is_no_number_makes_nobody_one(
    shop: RememberingShop, resolver: Resolver, digits: str
) -> None:
    await shop.wrote("Halo", chat=HIDDEN)
    shop.waha.lids[LID.value] = digits

    assert await resolver.resolve() == 0
    assert (await shop.customer(LID)).identities == (LID,)


async def test_a_shop_whose_waha_is_away_holds_up_no_other(
    shop: RememberingShop, resolver: Resolver, memory: MemoryCrm
) -> None:
    theirs = Identity(IdentityKind.LID, "999888777666555")
    await shop.wrote("Halo", chat=HIDDEN)
    await shop.connections.put(OTHER_TENANT, ConnectionChange(session="other"))
    async with memory.open_work(OTHER_TENANT) as work:
        await work.tenants.add(a_tenant(OTHER_TENANT))
        await another_chat(work, theirs, tenant_id=OTHER_TENANT)
    shop.waha.lids[theirs.value] = "6281200000009"
    shop.waha.statuses[SESSION] = "FAILED"

    assert await resolver.resolve() == 1
    assert await identities(memory, OTHER_TENANT, theirs) == 2


async def test_a_shop_without_whatsapp_and_a_bug_hold_up_nobody(
    shop: RememberingShop, resolver: Resolver, memory: MemoryCrm
) -> None:
    await shop.wrote("Halo", chat=HIDDEN)
    shop.connections.rows.clear()
    nowhere = await resolver.resolve()
    await shop.connected()
    await memory.pass_time(timedelta(days=1).total_seconds())

    async def break_down(_call: str, _chat: str) -> None:
        raise ValueError("a bug")

    shop.waha.before = break_down

    assert (nowhere, await resolver.resolve()) == (0, 0)
    assert asked(shop) == 1


async def test_where_one_fails_the_shops_others_are_not_asked_for(
    shop: RememberingShop, resolver: Resolver
) -> None:
    """Its server would be asked in vain, a time limit each."""
    for n in range(5):
        await shop.wrote("Halo", chat=f"11122233344{n:04}@lid")

    async def fail(_call: str, _chat: str) -> None:
        raise WahaFailed("waha_unreachable", Verdict.RETRY)

    shop.waha.before = fail

    assert await resolver.resolve() == 0
    assert asked(shop) == 1


async def identities(memory: MemoryCrm, tenant_id: TenantId, identity: Identity) -> int:
    async with memory.open_work(tenant_id) as work:
        [customer] = await work.customers.known_as([identity])
    return len(customer.identities)

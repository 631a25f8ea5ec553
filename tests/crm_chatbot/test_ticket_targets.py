"""Within what time a shop wants its tickets resolved: kept, and set over HTTP."""

import pytest

from crm_chatbot.domain.tickets.clock import Targets, TicketTargets
from crm_chatbot.domain.tickets.ticket import Priority
from tests.crm_chatbot.builders import OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.running import SHOP, Running
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = TicketTargets

PLACE = f"{SHOP}/ticket-targets"
OURS = {"urgent": 14_400, "high": 28_800, "medium": 86_400, "low": 259_200}


@pytest.fixture
async def shops(crm: Crm) -> None:
    for tenant_id in (TENANT, OTHER_TENANT):
        async with crm.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))


@pytest.mark.usefixtures("shops")
async def test_they_come_back_as_they_were_put_and_replace_what_there_was(crm: Crm) -> None:
    wanted = Targets({Priority.URGENT: 3_600, Priority.LOW: None})
    async with crm.open_work(TENANT) as work:
        before = await work.ticket_targets.get()
        await work.ticket_targets.put(Targets({Priority.HIGH: 60, Priority.LOW: 60}))
    async with crm.open_work(TENANT) as work:
        await work.ticket_targets.put(wanted)
    async with crm.open_work(TENANT) as work:
        after = await work.ticket_targets.get()
        await work.ticket_targets.put(Targets())
        emptied = await work.ticket_targets.get()
    async with crm.open_work(OTHER_TENANT) as work:
        others = await work.ticket_targets.get()

    assert (before, after, emptied, others) == (Targets(), wanted, Targets(), Targets())


async def test_a_shop_that_has_said_nothing_has_the_platforms_times(api: Running) -> None:
    async with api.client("reader") as client:
        answer = await client.get(PLACE)

    assert answer.json() == {"within_s": OURS, "own": []}


async def test_a_shop_has_its_own_times_from_then_on(api: Running) -> None:
    async with api.client("tenant") as client:
        put = await client.put(PLACE, json={"within_s": {"urgent": 3_600, "low": None}})
        got = await client.get(PLACE)
        emptied = await client.put(PLACE, json={"within_s": {}})

    wanted = {"within_s": {**OURS, "urgent": 3_600, "low": None}, "own": ["urgent", "low"]}
    assert put.json() == got.json() == wanted
    assert emptied.json() == {"within_s": OURS, "own": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"within_s": None},
        {"within_s": {"none": 3_600}},
        {"within_s": {"P0": 3_600}},
        {"within_s": {"high": 59}},
        {"within_s": {"high": 2_592_001}},
        {"within_s": {"high": "3600"}},
        {"within_s": {"high": 60.5}},
        {"within_s": {}, "more": 1},
    ],
)
async def test_what_makes_no_sense_is_refused(api: Running, body: object) -> None:
    async with api.client("tenant") as client:
        answer = await client.put(PLACE, json=body)
        after = await client.get(PLACE)

    assert answer.status_code == 422
    assert after.json()["own"] == []

"""Where tenants are kept, in memory and in PostgreSQL alike."""

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Outbox
from crm_chatbot.application.tenants import TenantList
from crm_chatbot.domain.tenants.tenant import TenantId, TenantNotFound, Tenants
from shared.contracts import SendWhatsApp, TurnDue, WhatsAppText
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, OTHER_TENANT, TENANT, a_full_tenant, a_tenant
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = Tenants, TenantList, Outbox


async def test_a_tenant_comes_back_as_it_went_in(crm: Crm) -> None:
    tenant = a_full_tenant()

    async with crm.open_work(TENANT) as work:
        await work.tenants.add(tenant)
    async with crm.open_work(TENANT) as work:
        found = await work.tenants.get(TENANT)

    assert vars(found) == vars(tenant)
    assert not {name for name, value in vars(a_tenant()).items() if vars(found)[name] == value} - {
        "id", "created_at", "version"
    }  # fmt: skip


async def test_a_change_is_kept_and_counted(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())

    async with crm.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        tenant.change(LATER, prompt="Sell tea.")
        await work.tenants.save(tenant)

    async with crm.open_work(TENANT) as work:
        found = await work.tenants.get(TENANT)
    assert (found.prompt, found.version, found.updated_at) == ("Sell tea.", 2, LATER)


async def test_of_two_who_change_it_at_once_the_second_is_told(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        first, second = await work.tenants.get(TENANT), await work.tenants.get(TENANT)
    first.change(LATER, name="First")
    second.change(LATER, name="Second")

    async with crm.open_work(TENANT) as work:
        await work.tenants.save(first)
    with pytest.raises(ChangedMeanwhile):
        async with crm.open_work(TENANT) as work:
            await work.tenants.save(second)

    async with crm.open_work(TENANT) as work:
        assert (await work.tenants.get(TENANT)).name == "First"


async def test_who_is_absent_is_not_found(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        with pytest.raises(TenantNotFound):
            await work.tenants.get(TENANT)


async def test_another_tenant_is_as_absent_as_one_that_never_was(crm: Crm) -> None:
    async with crm.open_work(OTHER_TENANT) as work:
        await work.tenants.add(a_tenant(OTHER_TENANT))

    async with crm.open_work(TENANT) as work:
        with pytest.raises(TenantNotFound):
            await work.tenants.get(OTHER_TENANT)
        with pytest.raises(ChangedMeanwhile):
            await work.tenants.save(a_tenant(OTHER_TENANT))


async def test_every_tenant_is_listed_the_newest_first_page_by_page(crm: Crm) -> None:
    opened = [TenantId(uuid7()) for _ in range(5)]
    for tenant_id in opened:
        async with crm.open_work(tenant_id) as work:
            await work.tenants.add(a_full_tenant(tenant_id))

    first = await crm.every_tenant.page(before=None, limit=3)
    second = await crm.every_tenant.page(before=first[-1].id, limit=3)
    beyond = await crm.every_tenant.page(before=second[-1].id, limit=3)

    assert [one.id for one in (*first, *second)] == opened[::-1]
    assert vars(first[0]) == vars(a_full_tenant(opened[-1]))
    assert list(beyond) == []


async def test_what_is_said_is_there_once_it_is_committed(crm: Crm) -> None:
    due = TurnDue(tenant_id=TENANT, conversation_id=OTHER_TENANT)
    send = SendWhatsApp(
        message_id=OTHER_TENANT,
        tenant_id=TENANT,
        session="default",
        chat_id="628111@c.us",
        content=WhatsAppText(text="Halo"),
    )

    async with crm.open_work(TENANT) as work:
        await work.outbox.say(due, send)

    assert await crm.said() == [due, send]


async def test_what_is_said_in_vain_was_never_said(crm: Crm) -> None:
    with pytest.raises(ZeroDivisionError):
        async with crm.open_work(TENANT) as work:
            await work.outbox.say(TurnDue(tenant_id=TENANT, conversation_id=TENANT))
            raise ZeroDivisionError

    assert await crm.said() == []

"""Ticket templates are kept whole, each under a name of its own."""

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.tickets.template import (
    TemplateId,
    TemplateNameTaken,
    TemplateNotFound,
    TicketTemplate,
    TicketTemplates,
)
from crm_chatbot.domain.tickets.ticket import Priority
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, OTHER_TENANT, TENANT
from tests.crm_chatbot.desk import a_template
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = TicketTemplates


async def add(crm: Crm, *templates: TicketTemplate) -> None:
    async with crm.open_work(TENANT) as work:
        for template in templates:
            await work.ticket_templates.add(template)


async def get(crm: Crm, template: TicketTemplate) -> TicketTemplate:
    async with crm.open_work(TENANT) as work:
        return await work.ticket_templates.get(template.id)


async def test_a_template_comes_back_as_it_went_in(crm: Crm) -> None:
    template = a_template(
        "Hilang",
        subject_template="Paket {order_number} hilang",
        description_template="Pelanggan: {customer_name}",
        default_priority=Priority.HIGH,
        updated_at=LATER,
        version=4,
    )

    await add(crm, template)

    assert vars(await get(crm, template)) == vars(template)


async def test_a_change_is_kept(crm: Crm) -> None:
    template = a_template()
    await add(crm, template)

    async with crm.open_work(TENANT) as work:
        seen = await work.ticket_templates.get(template.id)
        seen.change(LATER, name="Lost", default_priority=Priority.LOW)
        await work.ticket_templates.save(seen)

    assert vars(await get(crm, template)) == vars(seen)
    assert seen.version == 2


async def test_the_second_of_two_who_change_it_is_told(crm: Crm) -> None:
    template = a_template()
    await add(crm, template)
    stale = await get(crm, template)
    async with crm.open_work(TENANT) as work:
        await work.ticket_templates.save(await work.ticket_templates.get(template.id))

    with pytest.raises(ChangedMeanwhile):
        async with crm.open_work(TENANT) as work:
            await work.ticket_templates.save(stale)


async def test_names_are_unique_within_a_tenant(crm: Crm) -> None:
    other = a_template("Broken")
    await add(crm, a_template("Missing"), other)

    with pytest.raises(TemplateNameTaken):
        await add(crm, a_template("Missing"))
    other.name = "Missing"
    with pytest.raises(TemplateNameTaken):
        async with crm.open_work(TENANT) as work:
            await work.ticket_templates.save(other)
    async with crm.open_work(OTHER_TENANT) as work:
        await work.ticket_templates.add(a_template("Missing", tenant_id=OTHER_TENANT))


async def test_templates_are_listed_by_their_names(crm: Crm) -> None:
    await add(crm, a_template("b"), a_template("a"), a_template("C"))

    async with crm.open_work(TENANT) as work:
        assert [one.name for one in await work.ticket_templates.all()] == ["C", "a", "b"]


async def test_a_template_is_removed_once(crm: Crm) -> None:
    template = a_template()
    await add(crm, template)

    async with crm.open_work(TENANT) as work:
        await work.ticket_templates.remove(template.id)

    async with crm.open_work(TENANT) as work:
        with pytest.raises(TemplateNotFound):
            await work.ticket_templates.remove(template.id)


async def test_what_is_not_there_is_not_found(crm: Crm) -> None:
    template = a_template()
    await add(crm, template)

    for tenant, template_id in ((TENANT, TemplateId(uuid7())), (OTHER_TENANT, template.id)):
        async with crm.open_work(tenant) as work:
            with pytest.raises(TemplateNotFound):
                await work.ticket_templates.get(template_id)
            with pytest.raises(TemplateNotFound):
                await work.ticket_templates.remove(template_id)

"""Where labels are kept, and what they are on: in memory and in PostgreSQL alike."""

import asyncio

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.label import LONGEST_NAME, LabelId, LabelNameTaken, LabelNotFound, Labels
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.chats import LID, another_chat, open_chat
from tests.crm_chatbot.labels import a_full_label, a_label
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = Labels


def test_a_full_label_differs_from_a_plain_one_in_every_field() -> None:
    full, plain = vars(a_full_label()), vars(a_label())

    assert {name for name, value in full.items() if plain[name] == value} == {
        *("tenant_id", "created_at")
    }


async def test_a_label_comes_back_as_it_went_in_and_as_it_was_saved(crm: Crm) -> None:
    full, plain = a_full_label(), a_label()
    async with crm.open_work(TENANT) as work:
        assert await work.labels.add(full)
        assert await work.labels.add(plain)
    async with crm.open_work(TENANT) as work:
        for label in (full, plain):
            assert vars(await work.labels.get(label.id)) == vars(label)
            assert vars(await work.labels.named(label.name)) == vars(label)

        changed, other = await work.labels.get(plain.id), vars(a_full_label())
        kept = ("id", "name", "version")
        vars(changed).update({name: other[name] for name in other if name not in kept})
        changed.name = "Grosir besar"
        await work.labels.save(changed)

    assert changed.version == 2
    async with crm.open_work(TENANT) as work:
        assert vars(await work.labels.get(plain.id)) == vars(changed)


async def test_of_two_who_change_a_label_at_once_one_is_told(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        label = a_label()
        await work.labels.add(label)
        seen = await work.labels.get(label.id)
        seen.change(LATER, color="#000000")
        await work.labels.save(seen)
    async with crm.open_work(TENANT) as work:
        label.change(LATER, color="#ffffff")
        with pytest.raises(ChangedMeanwhile):
            await work.labels.save(label)
    async with crm.open_work(TENANT) as work:
        assert (await work.labels.get(label.id)).color == "#000000"


async def test_a_name_is_one_labels_however_it_is_written(crm: Crm) -> None:
    first, second = a_label("Komplain"), a_label("Grosir")
    async with crm.open_work(TENANT) as work:
        await work.labels.add(first)
        await work.labels.add(second)
        assert not await work.labels.add(a_label("ＫＯＭＰＬＡＩＮ"))  # noqa: RUF001 - another width
        assert (await work.labels.named(" kOMPLAIN ")).id == first.id
    second.name = "komplain"
    with pytest.raises(LabelNameTaken):
        async with crm.open_work(TENANT) as work:
            await work.labels.save(second)
    async with crm.open_work(TENANT) as work:
        assert [one.name for one in await work.labels.all()] == ["Grosir", "Komplain"]
    async with crm.open_work(OTHER_TENANT) as work:
        assert await work.labels.add(a_label("Komplain", tenant_id=OTHER_TENANT))


@pytest.mark.parametrize("name", ["", " ", "\0", "Komp\0lain", "x" * 10_000, "'; drop table"])
async def test_what_cannot_be_a_name_is_no_labels(crm: Crm, name: str) -> None:
    async with crm.open_work(TENANT) as work:
        await work.labels.add(a_label("Komplain"))
        with pytest.raises(LabelNotFound):
            await work.labels.named(name)


async def test_the_longest_name_is_kept_however_long_it_is_to_compare(crm: Crm) -> None:
    label = a_label("\ufdfa" * LONGEST_NAME)
    assert len(label.name_key) > 10 * LONGEST_NAME
    async with crm.open_work(TENANT) as work:
        assert await work.labels.add(label)
    async with crm.open_work(TENANT) as work:
        assert (await work.labels.named(label.name)).id == label.id


async def test_of_two_who_add_the_same_name_at_once_one_does(postgres: SqlCrm) -> None:
    async def add(name: str) -> bool:
        async with postgres.open_work(TENANT) as work:
            return await work.labels.add(a_label(name))

    assert sorted(await asyncio.gather(*map(add, ["komplain", "KOMPLAIN"]))) == [False, True]


async def test_labels_are_listed_by_name_those_that_are_deleted_only_when_asked_for(
    crm: Crm,
) -> None:
    async with crm.open_work(TENANT) as work:
        for label in (a_label("b"), a_label("É"), a_label("A", is_active=False), a_label("z")):
            await work.labels.add(label)
        found = [
            [one.name for one in await work.labels.all(is_active=wanted)]
            for wanted in (None, True, False)
        ]

    assert found == [["A", "b", "z", "É"], ["b", "z", "É"], ["A"]]


async def test_a_label_is_applied_once_and_taken_off_once(crm: Crm) -> None:
    first, second = a_label("Grosir"), a_label("Komplain", is_active=False)
    async with crm.open_work(TENANT) as work:
        chat, other = await open_chat(work), await another_chat(work, LID)
        for label in (first, second):
            await work.labels.add(label)
        assert await work.labels.apply(chat.id, second.id, by="bot", at=NOON)
        assert await work.labels.apply(chat.id, first.id, by="key 1", at=LATER)
        assert not await work.labels.apply(chat.id, second.id, by="key 2", at=LATER)
        assert await work.labels.apply(other.id, first.id, by="bot", at=NOON)
    async with crm.open_work(TENANT) as work:
        found = await work.labels.on(chat.id)
        assert [vars(one.label) for one in found] == [vars(second), vars(first)]
        assert [(one.applied_by, one.applied_at) for one in found] == [
            ("bot", NOON),
            ("key 1", LATER),
        ]
        assert await work.labels.take_off(chat.id, first.id)
        assert not await work.labels.take_off(chat.id, first.id)
        assert [one.label.id for one in await work.labels.on(chat.id)] == [second.id]
        assert [one.label.id for one in await work.labels.on(other.id)] == [first.id]


async def test_labels_follow_a_conversation_into_another(crm: Crm) -> None:
    both, only = a_label("Grosir"), a_label("Komplain")
    async with crm.open_work(TENANT) as work:
        kept, gone = await open_chat(work), await another_chat(work, LID)
        for label in (both, only):
            await work.labels.add(label)
            await work.labels.apply(gone.id, label.id, by="bot", at=LATER)
        await work.labels.apply(kept.id, both.id, by="key 1", at=NOON)
    async with crm.open_work(TENANT) as work:
        locked = [await work.conversations.lock(one.id) for one in (kept, gone)]
        await work.conversations.absorb(*locked)
    async with crm.open_work(TENANT) as work:
        found = [(one.label.id, one.applied_by) for one in await work.labels.on(kept.id)]
        assert found == [(both.id, "key 1"), (only.id, "bot")]
        assert await work.labels.on(gone.id) == []


async def test_another_tenants_labels_are_not_there(crm: Crm) -> None:
    label = a_label()
    async with crm.open_work(TENANT) as work:
        chat = await open_chat(work)
        await work.labels.add(label)
        await work.labels.apply(chat.id, label.id, by="bot", at=NOON)
    async with crm.open_work(OTHER_TENANT) as work:
        for look in (work.labels.get(label.id), work.labels.named(label.name)):
            with pytest.raises(LabelNotFound):
                await look
        with pytest.raises(LabelNotFound):
            await work.labels.get(LabelId(uuid7()))
        assert await work.labels.all() == []
        assert await work.labels.on(chat.id) == []
        assert not await work.labels.take_off(chat.id, label.id)

"""Where quick replies are kept: in memory and in PostgreSQL alike."""

import asyncio
from dataclasses import replace

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.quick_reply import (
    QuickReplies,
    QuickReply,
    QuickReplyId,
    QuickReplyNotFound,
    ShortcutTaken,
    Wanted,
)
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.deals import a_quick_reply
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = QuickReplies


def a_full_quick_reply() -> QuickReply:
    """Every field differs from its default."""
    return a_quick_reply(
        shortcut="bayar_1",
        content="Halo {customer_name},\n{{ini}} 100% *kopi* ☕",
        category="Pembayaran",
        is_active=False,
        uses=7,
        used_at=LATER,
        version=3,
        created_at=LATER,
        updated_at=LATER,
    )


def test_a_full_quick_reply_differs_from_a_plain_one_in_every_field() -> None:
    full, plain = vars(a_full_quick_reply()), vars(a_quick_reply())

    assert {name for name, value in full.items() if plain[name] == value} == {"tenant_id"}


async def test_a_quick_reply_comes_back_as_it_went_in_and_as_it_was_saved(crm: Crm) -> None:
    full, plain = a_full_quick_reply(), a_quick_reply()

    async with crm.open_work(TENANT) as work:
        assert await work.quick_replies.add(full)
        assert await work.quick_replies.add(plain)

    async with crm.open_work(TENANT) as work:
        assert vars(await work.quick_replies.get(full.id)) == vars(full)
        seen = await work.quick_replies.by_shortcut("HALO")
        assert vars(seen) == vars(plain)
        seen.change(LATER, shortcut="hai", content="Hai!", category="Salam", is_active=False)
        await work.quick_replies.save(seen)
        assert seen.version == 2
        assert vars(await work.quick_replies.get(plain.id)) == vars(seen)
        with pytest.raises(QuickReplyNotFound):
            await work.quick_replies.by_shortcut("halo")
    async with crm.open_work(OTHER_TENANT) as work:
        with pytest.raises(QuickReplyNotFound):
            await work.quick_replies.get(full.id)
        with pytest.raises(QuickReplyNotFound):
            await work.quick_replies.by_shortcut("hai")


async def test_who_saves_what_another_has_changed_changes_nothing(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.quick_replies.add(a_quick_reply())
    async with crm.open_work(TENANT) as work:
        first = await work.quick_replies.by_shortcut("halo")
        second = await work.quick_replies.by_shortcut("halo")
        first.change(LATER, content="first")
        second.change(LATER, content="second")
        await work.quick_replies.save(first)

    with pytest.raises(ChangedMeanwhile):
        async with crm.open_work(TENANT) as work:
            await work.quick_replies.save(second)

    async with crm.open_work(TENANT) as work:
        assert (await work.quick_replies.get(first.id)).content == "first"


async def test_a_shortcut_is_one_quick_replys_alone_within_a_shop(crm: Crm) -> None:
    first, other = a_quick_reply(), a_quick_reply(shortcut="hai")
    async with crm.open_work(TENANT) as work:
        await work.quick_replies.add(first)
        await work.quick_replies.add(other)
        assert not await work.quick_replies.add(a_quick_reply())
        assert [one.id for one in await listed(work.quick_replies)] == [other.id, first.id]
    async with crm.open_work(OTHER_TENANT) as work:
        assert await work.quick_replies.add(a_quick_reply(tenant_id=OTHER_TENANT))

    other.change(LATER, shortcut="halo")
    with pytest.raises(ShortcutTaken):
        async with crm.open_work(TENANT) as work:
            await work.quick_replies.save(other)


async def test_they_are_listed_by_shortcut_and_found_by_how_it_begins(crm: Crm) -> None:
    kept = ("z", "a-b", "a_b", "a_", "ab", "axb", "a1")
    async with crm.open_work(TENANT) as work:
        for shortcut in kept:
            category = "rest" if shortcut == "z" else "general"
            await work.quick_replies.add(a_quick_reply(shortcut=shortcut, category=category))
        await work.quick_replies.add(a_quick_reply(shortcut="a_gone", is_active=False))

        assert await shortcuts(work.quick_replies) == sorted(kept)
        # `_` is a character of theirs, and no pattern.
        assert await shortcuts(work.quick_replies, prefix="a_") == ["a_", "a_b"]
        assert await shortcuts(work.quick_replies, prefix="a_", is_active=False) == ["a_gone"]
        assert await shortcuts(work.quick_replies, category="rest") == ["z"]
        assert await shortcuts(work.quick_replies, prefix="%") == []
        page = await work.quick_replies.page(Wanted(), after="a-b", limit=2)
        assert [one.shortcut for one in page] == ["a1", "a_"]
    async with crm.open_work(OTHER_TENANT) as work:
        assert await shortcuts(work.quick_replies) == []


async def test_uses_that_are_counted_at_once_are_all_counted(crm: Crm) -> None:
    reply = a_quick_reply()
    async with crm.open_work(TENANT) as work:
        await work.quick_replies.add(reply)

    async def use() -> None:
        async with crm.open_work(TENANT) as work:
            await work.quick_replies.used(reply.id, NOON)

    await asyncio.gather(*(use() for _ in range(8)))

    async with crm.open_work(TENANT) as work:
        seen = await work.quick_replies.get(reply.id)
        assert (seen.uses, seen.used_at, seen.version) == (8, NOON, 1)


async def test_who_changes_the_words_loses_no_use_that_was_counted_meanwhile(crm: Crm) -> None:
    reply = a_quick_reply()
    async with crm.open_work(TENANT) as work:
        await work.quick_replies.add(reply)
        seen = await work.quick_replies.get(reply.id)
    async with crm.open_work(TENANT) as work:
        await work.quick_replies.used(reply.id, LATER)

    async with crm.open_work(TENANT) as work:
        seen.change(LATER, content="Hai!")
        await work.quick_replies.save(seen)

    async with crm.open_work(TENANT) as work:
        after = await work.quick_replies.get(reply.id)
        assert (after.content, after.uses, after.used_at) == ("Hai!", 1, LATER)


async def test_what_is_not_there_can_be_neither_saved_nor_used(crm: Crm) -> None:
    nobody = a_quick_reply(id=QuickReplyId(uuid7()))

    async with crm.open_work(TENANT) as work:
        await work.quick_replies.used(nobody.id, NOON)
        assert await work.quick_replies.page(Wanted(), after=None, limit=9) == []
    with pytest.raises(ChangedMeanwhile):
        async with crm.open_work(TENANT) as work:
            await work.quick_replies.save(nobody)


async def listed(replies: QuickReplies) -> list[QuickReply]:
    return list(await replies.page(Wanted(), after=None, limit=50))


async def shortcuts(
    replies: QuickReplies, *, prefix: str = "", category: str | None = None, is_active: bool = True
) -> list[str]:
    wanted = replace(Wanted(), prefix=prefix, category=category, is_active=is_active)
    return [one.shortcut for one in await replies.page(wanted, after=None, limit=50)]

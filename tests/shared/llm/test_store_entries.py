"""Changing entries: counted, remembered, never over somebody else's change."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from sqlalchemy import select

from shared.domain import ChangedSince
from shared.infrastructure.database import Sessions, transaction
from shared.llm.budget_tables import CAPS
from shared.llm.budgets import Cap, NoSuchBudget
from shared.llm.catalogue import LLMConfig, NameTaken, NoSuchLLMConfig, Temperature
from shared.llm.changes import SqlEntries, changing
from shared.llm.entries import Entries
from shared.llm.store import CONFIGS, catalogue_changes
from tests.shared.llm.builders import a_config
from tests.shared.llm.fakes import MemoryEntries

CONTRACT_OF = Entries

Open = Callable[[], AbstractAsyncContextManager[Entries[LLMConfig]]]


@pytest.fixture(params=["memory", "sql"])
def entries(request: pytest.FixtureRequest) -> Open:
    if request.param == "memory":
        kept = MemoryEntries(CONFIGS.name, NoSuchLLMConfig, CONFIGS.to_row, actor="ani")

        @asynccontextmanager
        async def in_memory() -> AsyncGenerator[Entries[LLMConfig]]:
            yield kept

        return in_memory
    sessions: Sessions = request.getfixturevalue("sessions")

    @asynccontextmanager
    async def in_sql() -> AsyncGenerator[Entries[LLMConfig]]:
        async with changing(sessions) as session:
            yield SqlEntries(session, CONFIGS, actor="ani")

    return in_sql


async def test_an_entry_comes_back_as_it_was_added(entries: Open) -> None:
    async with entries() as work:
        added = await work.add(a_config("smart", fallbacks=("b",), base_url="http://b.example"))

    async with entries() as work:
        assert await work.get("smart") == added
        assert added == a_config("smart", fallbacks=("b",), base_url="http://b.example")


async def test_entries_are_listed_by_name(entries: Open) -> None:
    async with entries() as work:
        for name in ("b", "c", "a"):
            await work.add(a_config(name))

        names = [config.name for config in await work.all()]

    assert names == sorted(names)
    assert {"a", "b", "c"} <= set(names)


async def test_a_name_is_taken_once(entries: Open) -> None:
    async with entries() as work:
        await work.add(a_config("smart"))

        with pytest.raises(NameTaken) as refusal:
            await work.add(a_config("smart", max_tokens=1))

        assert refusal.value.code == "name_taken"
        assert (await work.get("smart")).max_tokens == 4096


async def test_each_change_gets_the_next_version(entries: Open) -> None:
    async with entries() as work:
        await work.add(a_config("smart"))

        changed = await work.replace(a_config("smart", max_tokens=1), expected=1)

        assert (changed.version, changed.max_tokens) == (2, 1)


async def test_the_same_entry_again_is_no_change(entries: Open) -> None:
    async with entries() as work:
        await work.add(a_config("smart"))

        again = await work.replace(a_config("smart"))

        assert again.version == 1
        assert len(await work.history("smart")) == 1


async def test_a_change_over_another_change_is_refused(entries: Open) -> None:
    async with entries() as work:
        await work.add(a_config("smart"))
        await work.replace(a_config("smart", max_tokens=2))

        with pytest.raises(ChangedSince) as refusal:
            await work.replace(a_config("smart", max_tokens=3), expected=1)
        with pytest.raises(ChangedSince):
            await work.remove("smart", expected=1)

        assert refusal.value.code == "conflict"
        assert (await work.get("smart")).max_tokens == 2


async def test_what_is_absent_cannot_be_changed(entries: Open) -> None:
    async with entries() as work:
        for attempt in (work.get("nope"), work.replace(a_config("nope")), work.remove("nope")):
            with pytest.raises(NoSuchLLMConfig):
                await attempt


async def test_a_name_that_comes_back_goes_on_counting(entries: Open) -> None:
    async with entries() as work:
        await work.add(a_config("smart"))
        await work.remove("smart", expected=1)

        assert (await work.add(a_config("smart"))).version == 3


async def test_history_tells_who_changed_what(entries: Open) -> None:
    async with entries() as work:
        await work.add(a_config("smart", temperature=Temperature(0.1)))
        await work.replace(a_config("smart", temperature=Temperature(0.9)))
        await work.remove("smart")

        removed, changed, added = await work.history("smart")

    assert (added.before, added.version, added.actor) == (None, 1, "ani")
    assert changed.before == added.after
    assert changed.before
    assert changed.after
    assert (changed.before["temperature"], changed.after["temperature"]) == (0.1, 0.9)
    assert (removed.after, removed.version) == (None, 3)
    assert {change.kind for change in (added, changed, removed)} == {"llm_config"}


async def test_a_change_and_its_trace_stand_or_fall_together(sessions: Sessions) -> None:
    with pytest.raises(ZeroDivisionError):
        async with changing(sessions) as session:
            await SqlEntries(session, CONFIGS).add(a_config("smart"))
            raise ZeroDivisionError

    async with transaction(sessions) as session:
        with pytest.raises(NoSuchLLMConfig):
            await SqlEntries(session, CONFIGS).get("smart")
        assert await SqlEntries(session, CONFIGS).history("smart") == []


async def test_two_writers_at_once_do_not_lose_a_change(sessions: Sessions) -> None:
    async with changing(sessions) as session:
        await SqlEntries(session, CONFIGS).add(a_config("smart"))

    async def write(max_tokens: int) -> str:
        try:
            async with changing(sessions) as session:
                entries = SqlEntries(session, CONFIGS)
                await entries.replace(a_config("smart", max_tokens=max_tokens), expected=1)
        except ChangedSince:
            return "refused"
        return "written"

    outcomes = await asyncio.gather(*(write(10 + n) for n in range(8)))

    assert sorted(outcomes) == ["refused"] * 7 + ["written"]


async def test_changes_are_committed_in_the_order_of_their_numbers(sessions: Sessions) -> None:
    """Else a reader that saw number 6 would never look for a number 5 that came later."""
    mine = catalogue_changes.c.name.like("config-%")
    seen: list[list[int]] = []

    async def write(name: str) -> None:
        async with changing(sessions) as session:
            await SqlEntries(session, CONFIGS).add(a_config(name))
            await asyncio.sleep(0)
        async with transaction(sessions) as session:
            ids = select(catalogue_changes.c.id).where(mine).order_by("id")
            seen.append(list(await session.scalars(ids)))

    await asyncio.gather(*(write(f"config-{n}") for n in range(9)))

    every_number = max(seen, key=len)
    assert len(every_number) == 9
    for numbers in seen:
        assert numbers == every_number[: len(numbers)], "a number appeared before a lower one"


async def test_a_budgets_cap_is_an_entry_too(sessions: Sessions) -> None:
    async with changing(sessions) as session:
        caps = SqlEntries(session, CAPS, actor="ani")
        await caps.add(Cap(scope="platform", micro_usd=5_000_000))
        lifted = await caps.replace(Cap(scope="platform", micro_usd=None), expected=1)

        assert lifted == Cap(scope="platform", micro_usd=None, version=2)
        assert [change.actor for change in await caps.history("platform")] == ["ani", "ani"]
        with pytest.raises(NoSuchBudget):
            await caps.get("somebody")

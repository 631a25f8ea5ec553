"""The journal knows every request that arrived, whatever became of it or of the simulator."""

import asyncio
from pathlib import Path

import pytest

from simulators.journal import RECENT_LIMIT, Entry, Journal, JournalTaken
from simulators.model import ModelRule
from tests.simulators.house import Simulator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "simulators.jsonl"


def test_a_journal_reads_back_as_it_was_written(path: Path) -> None:
    with Journal(path) as journal:
        first = journal.arrive(
            "openai", model="m", stream=True, text="Halo \n\u2028 'x'", facts={"tools": ["a"]}
        )
        journal.arrive("anthropic")
        journal.finish(first, "answered")
        remembered = journal.recent()

    assert Journal.read(path) == remembered
    assert [entry.n for entry in remembered] == [1, 2]
    assert [entry.outcome for entry in remembered] == ["answered", None]
    assert (remembered[0].finished_at or 0) >= remembered[0].arrived_at
    assert remembered[0].text == "Halo \n\u2028 'x'"
    assert remembered[0].facts == {"tools": ["a"]}


def test_numbers_go_on_where_an_earlier_run_stopped(path: Path) -> None:
    with Journal(path) as journal:
        journal.arrive("openai")
        journal.arrive("openai")

    with Journal(path) as journal:
        third = journal.arrive("openai")

        assert third.n == 3
        assert [entry.n for entry in journal.recent(after=1)] == [2, 3]


def test_request_ids_differ_between_runs(tmp_path: Path) -> None:
    with Journal(tmp_path / "a") as one, Journal(tmp_path / "b") as other:
        assert one.arrive("openai").request_id != other.arrive("openai").request_id


def test_a_torn_line_is_passed_over_and_written_after(path: Path) -> None:
    with Journal(path) as journal:
        journal.arrive("openai", text="whole")
    with path.open("ab") as file:
        file.write(b'{"n":2,"provider":"op')

    with Journal(path, fsync=True) as journal:
        journal.arrive("openai", text="after")

    assert [(entry.n, entry.text) for entry in Journal.read(path)] == [(1, "whole"), (2, "after")]


def test_two_simulators_cannot_write_one_journal(path: Path) -> None:
    with Journal(path), pytest.raises(JournalTaken):
        Journal(path)


def test_memory_keeps_the_last_requests_only() -> None:
    journal = Journal()

    first = journal.arrive("openai")
    for _ in range(RECENT_LIMIT):
        journal.arrive("openai")
    journal.finish(first, "answered")

    assert len(journal.recent()) == RECENT_LIMIT
    assert journal.recent()[0].n == 2


async def test_a_request_is_written_down_before_it_is_answered(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.told(ModelRule(hang=True))
    asking = asyncio.create_task(simulator.ask("openai", "Is anybody there?"))
    running = await _first(tmp_path / "journal.jsonl")
    asking.cancel()

    assert (running.provider, running.model, running.stream) == ("openai", "a-model", False)
    assert running.text == "Is anybody there?"
    assert running.outcome is None
    assert await simulator.outcome() == "hang"


async def test_the_journal_is_shown_over_http(simulator: Simulator) -> None:
    await simulator.ask("openai", "one")
    await simulator.ask("anthropic", "two", stream=True)

    answer = await simulator.http.get(f"{simulator.url}/control/journal", params={"after": 1})
    shown = [Entry(**fields) for fields in await answer.json()]

    assert [(e.n, e.provider, e.stream, e.text, e.outcome) for e in shown] == [
        (2, "anthropic", True, "two", "answered")
    ]


async def _first(path: Path) -> Entry:
    for _ in range(500):
        if entries := Journal.read(path):
            return entries[0]
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was written")

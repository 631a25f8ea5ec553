"""Scripted customers on the whole platform: honest ones buy what they mean, attackers get nothing.

The offline model answers; `ai-platform rehearse --config ...` lets any other do it.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from standalone.pretend import PretendWorld, pretend_world
from standalone.promises import PromiseBroken
from standalone.rehearsal.dialogues import (
    ALL,
    attacking,
    buying,
    changing,
    english,
    paying,
    talking,
)
from standalone.rehearsal.dialogues.common import an_order
from standalone.rehearsal.report import Report
from standalone.rehearsal.running import Performance, Rehearsal
from standalone.rehearsal.script import Dialogue, Says
from standalone.rehearse import Rehearse
from tests.flows.platform import Platform, Start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: On a machine that has better things to do.
PATIENCE_S = 120.0

GROUPS = {
    module.__name__.rpartition(".")[2]: module.DIALOGUES
    for module in (buying, changing, paying, talking, english, attacking)
}


@pytest.fixture
async def world() -> AsyncGenerator[PretendWorld]:
    async with pretend_world() as world:
        yield world


@pytest.fixture
async def stage(start: Start, world: PretendWorld) -> AsyncGenerator[Platform]:
    """A platform that finds the pretend world."""
    quick = {"WA_PACING": "false", "LOG_LEVEL": "WARNING"}
    async with start(**quick, **world.settings) as platform:
        yield platform


@pytest.mark.parametrize("group", GROUPS)
async def test_every_dialogue_ends_as_it_must(
    stage: Platform, world: PretendWorld, group: str
) -> None:
    performances, told = await performed(stage, world, GROUPS[group])

    assert [one.dialogue.name for one in performances if not one.is_well] == [], told
    for one in performances:
        assert one.facts is not None
        assert one.facts.usage["calls"] > 0
        if one.dialogue.is_attack:
            assert one.facts.taken == 0


def test_there_are_customers_of_every_kind() -> None:
    names = [one.name for one in ALL]

    assert len({*names}) == len(names) >= 25
    assert sum(one.is_attack for one in ALL) >= 4
    assert sum(map(len, GROUPS.values())) == len(ALL)


async def test_a_rehearsal_fails_where_one_dialogue_does(
    stage: Platform, world: PretendWorld
) -> None:
    honest = Dialogue(
        name="two-for-the-price-of-one",
        about="sabotage: nobody sells it for that",
        steps=[Says("pesan 2 kopi gayo 250gr")],
        expected=replace(
            buying.DIALOGUES[0].expected,
            orders=[replace(an_order("DRAFT", {"KG-250": 2}), total=1)],
        ),
    )
    console, written = a_console()

    with pytest.raises(PromiseBroken, match="1 of 1 dialogues: two-for-the-price-of-one"):
        await Rehearse(dialogues=[honest]).staging.story(url_of(stage), world, console)

    told = written.getvalue()
    assert "order 1, total: expected 1, found 170000" in told
    assert "stock of KG-250: expected 2 sold, found 0" in told
    assert "state: expected COMPLETED, found ORDERING" in told
    assert "pesan 2 kopi gayo 250gr" in told


async def test_a_config_that_nobody_made_is_said(stage: Platform, world: PretendWorld) -> None:
    rehearse = Rehearse(config="no such/config", dialogues=buying.DIALOGUES[:1])
    console, _ = a_console()

    with pytest.raises(PromiseBroken, match=r"llm-configs/no%20such%2Fconfig answered 404"):
        await rehearse.staging.story(url_of(stage), world, console)


async def performed(
    platform: Platform, world: PretendWorld, dialogues: Sequence[Dialogue]
) -> tuple[Sequence[Performance], str]:
    """How they went, and what a person would have read of it."""
    console, written = a_console()
    rehearsal = Rehearsal(base_url=url_of(platform), world=world, patience_s=PATIENCE_S)
    performances = await rehearsal.of(dialogues, Report(console).one)
    return performances, written.getvalue()


def a_console() -> tuple[Console, StringIO]:
    written = StringIO()
    return Console(file=written, width=200, highlight=False), written


def url_of(platform: Platform) -> str:
    return str(platform.http.base_url).rstrip("/")

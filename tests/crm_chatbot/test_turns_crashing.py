"""Every named place in a turn where a process may die: one reply, one effect, whatever dies."""

import ast
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import pytest

from shared.infrastructure.database import DatabaseClock, Sessions
from shared.llm.chat import ChatMessage, Reply, ToolSpec
from tests.chaos.crashpoints import names_in
from tests.crm_chatbot.turning import Shop
from tests.databases import ROOT
from tests.shared.llm.fakes import FakeModels, calls, says

MODULES = (
    "crm_chatbot.application.turns.service",
    "crm_chatbot.application.turns.tools.toolbox",
    "crm_chatbot.infrastructure.turns.graph",
)


class Died(BaseException):
    """As if the process had ended here."""


def points() -> list[tuple[str, str]]:
    """Each module's crash points, read from the source."""
    found: list[tuple[str, str]] = []
    for module in MODULES:
        path = ROOT / "services/crm_chatbot/src" / f"{module.replace('.', '/')}.py"
        tree = ast.parse(path.read_text())
        found += [(module, name) for name in dict.fromkeys(names_in(tree, path))]
    return found


Die = Callable[[str, str, int], list[str]]


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Die:
    def arm(module: str, name: str, nth: int) -> list[str]:
        deaths: list[str] = []
        passed = 0

        def crash_point(reached: str) -> None:
            nonlocal passed
            passed += reached == name
            if reached == name and passed == nth and not deaths:
                deaths.append(name)
                raise Died

        monkeypatch.setattr(import_module(module), "crash_point", crash_point)
        return deaths

    return arm


def rename_once(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> Reply | str:
    if messages[-1].role == "tool":
        return "Baik kak."
    return says("", calls("update_customer_profile", name="Siti"))


@pytest.fixture
async def shop(sessions: Sessions) -> Shop:
    clock = DatabaseClock(sessions)
    await clock.refresh()
    shop = Shop(sessions, clock, FakeModels(rename_once))
    await shop.open()
    return shop


def windows() -> list[tuple[str, str, int]]:
    """Where to die, and at which time one comes by: steps are taken four times."""
    often = {"turn.step_taken": 4}
    return [
        (module, name, nth) for module, name in points() for nth in range(1, often.get(name, 1) + 1)
    ]


@pytest.mark.parametrize(("module", "name", "nth"), windows())
async def test_a_crash_there_loses_and_doubles_nothing(
    shop: Shop, die_at: Die, module: str, name: str, nth: int
) -> None:
    deaths = die_at(module, name, nth)
    chat = await shop.chat()
    await shop.hears(chat, "nama saya Siti")

    with pytest.raises(Died):
        await shop.service().answer(await shop.claim(chat), {})
    async with shop.working(dead_after_s=1):
        await shop.bury_workers()
        replies = await shop.answered(chat)

    assert deaths == [name]
    assert replies == ["Baik kak."]
    assert [one.text for one in await shop.sent()] == replies
    assert await count(shop, "crm.tool_executions") == 1
    assert await count(shop, "crm.turns WHERE status = 'committed'") == 1
    assert await count(shop, "crm.checkpoints") == 0


async def count(shop: Shop, what: str) -> Any:  # noqa: ANN401 - a number
    [row] = await shop.rows(f"SELECT count(*) AS n FROM {what}")  # noqa: S608 - ours
    return row.n


def test_there_are_such_places() -> None:
    assert {name for _, name in points()} == {
        "turn.opened",
        "turn.before_commit",
        "turn.committed",
        "turn.step_taken",
        "tool.before_effect",
        "tool.effect_committed",
    }

"""How far a turn has come is on record, and only whoever may decide it can write there."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Work
from crm_chatbot.application.turns.answering import Agent, Meter, Progress, of_plain, plain
from crm_chatbot.application.turns.tools.toolbox import Args, Tool, ToolContext, ToolResult
from crm_chatbot.domain.conversations.conversation import Claim
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.turns.turn import Outcome, TurnLost
from crm_chatbot.infrastructure.turns.checkpoints import _PUT, SqlCheckpoints
from crm_chatbot.infrastructure.turns.graph import TurnGraph
from shared.infrastructure.database import Sessions
from shared.infrastructure.tenancy import tenant_transaction
from shared.llm.chat import ChatMessage, Reply, ToolSpec
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.deciding import PlainAgent, Scene, a_scene, claim_of, reply_of, steps_with
from tests.crm_chatbot.stores import SqlCrm
from tests.shared.llm.fakes import FakeModels, calls, says

CONTRACT_OF = Agent


@dataclass
class Killed(BaseException):
    """As if the process had died here: nothing that catches exceptions catches it."""

    where: str


@pytest.fixture
async def scene(postgres: SqlCrm) -> Scene:
    return await a_scene(postgres, "Halo")


@pytest.fixture
def saver(scene: Scene, sessions: Sessions) -> SqlCheckpoints:
    return SqlCheckpoints(sessions, claim_of(scene.conversation), places=asyncio.Semaphore(3))


def thread(scene: Scene) -> RunnableConfig:
    return {"configurable": {"thread_id": str(scene.turn.id), "checkpoint_ns": ""}}


async def count(sessions: Sessions) -> tuple[int, int]:
    async with tenant_transaction(sessions, TENANT) as session:
        found = await session.execute(
            text("""SELECT (SELECT count(*) FROM crm.checkpoints),
                           (SELECT count(*) FROM crm.checkpoint_writes)""")
        )
        checkpoints, writes = found.one()
        return checkpoints, writes


async def put(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, value: object
) -> RunnableConfig:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"progress": value}
    return await saver.aput(config, checkpoint, {"source": "loop", "step": 1}, {})


async def test_a_checkpoint_comes_back_as_it_went_in(scene: Scene, saver: SqlCheckpoints) -> None:
    first = await put(saver, thread(scene), {"a": [1, None, "☕"]})
    second = await put(saver, first, {"b": 2})
    await saver.aput_writes(second, [("progress", {"c": 3})], "task-1", "path")

    newest = await saver.aget_tuple(thread(scene))
    older = await saver.aget_tuple(first)

    assert newest is not None
    assert newest.checkpoint["channel_values"] == {"progress": {"b": 2}}
    assert (newest.config, newest.parent_config) == (second, first)
    assert newest.metadata == {"source": "loop", "step": 1}
    assert newest.pending_writes == [("task-1", "progress", {"c": 3})]
    assert older is not None
    assert older.checkpoint["channel_values"] == {"progress": {"a": [1, None, "☕"]}}
    assert [one.config async for one in saver.alist(thread(scene))] == [second, first]


async def test_the_newest_is_the_one_that_the_database_saw_last(
    scene: Scene, saver: SqlCheckpoints
) -> None:
    # Ids are made by the workers' clocks, which may be wrong.
    for checkpoint_id in ("9", "1"):
        checkpoint = empty_checkpoint()
        checkpoint["id"] = checkpoint_id
        await saver.aput(thread(scene), checkpoint, {}, {})

    newest = await saver.aget_tuple(thread(scene))

    assert newest is not None
    assert newest.checkpoint["id"] == "1"


async def test_a_zombies_writes_change_nothing(
    scene: Scene, saver: SqlCheckpoints, sessions: Sessions
) -> None:
    known = await put(saver, thread(scene), {"a": 1})
    async with tenant_transaction(sessions, TENANT) as session:
        await session.execute(text("UPDATE crm.conversations SET epoch = epoch + 1"))

    with pytest.raises(TurnLost):
        await put(saver, known, {"b": 2})
    with pytest.raises(TurnLost):
        await saver.aput_writes(known, [("progress", 1)], "task-1")

    assert await count(sessions) == (1, 0)


async def test_a_claim_waits_for_what_is_just_being_written(
    scene: Scene, saver: SqlCheckpoints, sessions: Sessions
) -> None:
    """Else a checkpoint could appear behind the back of whoever has looked already."""
    facts = {"namespace": "", "id": "1", "parent": None, "kind": "x", "checkpoint": b""}
    async with tenant_transaction(sessions, TENANT) as writing:
        await saver._write(writing, _PUT, {**facts, "turn": scene.turn.id, "facts": "{}"})
        async with tenant_transaction(sessions, TENANT) as claiming:
            await claiming.execute(text("SET LOCAL lock_timeout = '100ms'"))
            with pytest.raises(Exception, match="lock"):
                await claiming.execute(text("UPDATE crm.conversations SET epoch = epoch + 1"))
            await claiming.rollback()


async def test_another_claims_checkpoints_are_not_there(
    scene: Scene, saver: SqlCheckpoints, sessions: Sessions
) -> None:
    await put(saver, thread(scene), {"a": 1})
    stranger = replace(claim_of(scene.conversation), tenant_id=TenantId(uuid7()))

    other = SqlCheckpoints(sessions, stranger, places=asyncio.Semaphore(1))

    assert await other.aget_tuple(thread(scene)) is None
    with pytest.raises(TurnLost):
        await put(other, thread(scene), {"b": 2})


async def test_only_plain_values_are_brought_to_life_whatever_lies_there(
    scene: Scene, saver: SqlCheckpoints
) -> None:
    saver.serde = JsonPlusSerializer(allowed_msgpack_modules=True)
    await put(saver, thread(scene), claim_of(scene.conversation))
    assert isinstance(await newest_value(saver, scene), Claim)

    saver.serde = SqlCheckpoints(saver._sessions, saver._claim, places=saver._places).serde

    assert not isinstance(await newest_value(saver, scene), Claim)


async def newest_value(saver: SqlCheckpoints, scene: Scene) -> object:
    newest = await saver.aget_tuple(thread(scene))
    assert newest is not None
    return newest.checkpoint["channel_values"]["progress"]


async def test_all_of_a_thread_can_be_deleted(
    scene: Scene, saver: SqlCheckpoints, sessions: Sessions
) -> None:
    known = await put(saver, thread(scene), {"a": 1})
    await saver.aput_writes(known, [("progress", 1)], "task-1")

    await saver.adelete_thread(str(scene.turn.id))

    assert await count(sessions) == (0, 0)


async def test_progress_comes_back_as_it_went_in() -> None:
    progress = Progress(
        said=(
            ChatMessage("assistant", "?", tool_calls=(calls("look", a=[1, {"b": None}]),)),
            ChatMessage("tool", "{}", tool_call_id="call-1", name="look"),
        ),
        pending=(calls("rename", name="☕"),),
        ids=("call-1",),
        done=("look:1",),
        thoughts=2,
        was_empty=True,
    ).decided(Outcome.ANSWERED, "Halo", findings=("url",))

    assert of_plain(plain(progress)) == progress


# -- the agent: with LangGraph, and without


class Nothing(Args):
    pass


@dataclass
class Stage:
    """Two tools, A and B, a model that calls one after the other, and where to die."""

    deaths: list[str]
    runs: list[str]

    def step(self, name: str) -> None:
        self.runs.append(name)
        if self.deaths and self.deaths[0] == name:
            self.deaths.pop(0)
            raise Killed(name)

    def tool(self, name: str) -> Tool[Nothing]:
        async def handle(_: ToolContext, _work: Work, _args: Nothing) -> ToolResult:
            self.step(name)
            return ToolResult({"done": name})

        return Tool(name=name, description=name, args=Nothing, handle=handle, is_effectful=True)

    def answer(self, messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> Reply | str:
        if any(message.role == "tool" for message in messages):
            self.step("final")
            return "Selesai."
        self.step("llm")
        return says("", calls("A", id="a"), calls("B", id="b"))

    def counted(self) -> tuple[int, ...]:
        return tuple(self.runs.count(name) for name in ("llm", "A", "B", "final"))


MakeAgent = Callable[[Stage], Agent]


@pytest.fixture(params=["plain", "langgraph"])
def make_agent(request: pytest.FixtureRequest, postgres: SqlCrm) -> MakeAgent:
    kept: dict[Any, Progress] = {}

    def make(stage: Stage) -> Agent:
        tools = [stage.tool("A"), stage.tool("B")]
        steps = steps_with(FakeModels(stage.answer), postgres.open_work, tools=tools)
        if request.param == "plain":
            return PlainAgent(steps, kept)
        return TurnGraph(steps, postgres.sessions, places=asyncio.Semaphore(3))

    return make


@pytest.mark.parametrize(
    ("killed_in", "runs"),
    [
        ("llm", (2, 1, 1, 1)),
        ("A", (1, 2, 1, 1)),
        ("B", (1, 1, 2, 1)),
        ("final", (1, 1, 1, 2)),
    ],
)
async def test_a_turn_survives_a_crash_anywhere_and_repeats_no_finished_step(
    scene: Scene, make_agent: MakeAgent, killed_in: str, runs: tuple[int, ...]
) -> None:
    stage = Stage([killed_in], [])
    with pytest.raises(Killed):
        await make_agent(stage)(scene.brief())

    progress = await make_agent(stage)(scene.brief(is_new=False, meter=Meter(attempt=2)))

    assert reply_of(progress) == "Selesai."
    assert stage.counted() == runs
    assert {one.attempt for one in progress.spent} == ({2} if killed_in == "llm" else {1, 2})


async def test_what_is_decided_is_not_decided_again(scene: Scene, make_agent: MakeAgent) -> None:
    stage = Stage([], [])
    first = await make_agent(stage)(scene.brief())

    again = await make_agent(stage)(scene.brief(is_new=False))

    assert again == first
    assert stage.counted() == (1, 1, 1, 1)


async def test_a_lost_claim_ends_the_turn(
    scene: Scene, make_agent: MakeAgent, sessions: Sessions
) -> None:
    stage = Stage([], [])
    lost = replace(claim_of(scene.conversation), epoch=scene.conversation.epoch - 1)

    with pytest.raises(TurnLost):
        await make_agent(stage)(scene.brief(claim=lost))

    assert stage.counted()[1:] == (0, 0, 0)


async def test_steps_of_one_task_cost_one_row_each(
    scene: Scene, postgres: SqlCrm, sessions: Sessions
) -> None:
    stage = Stage([], [])
    steps = steps_with(
        FakeModels(stage.answer), postgres.open_work, tools=[stage.tool("A"), stage.tool("B")]
    )

    await TurnGraph(steps, sessions, places=asyncio.Semaphore(3))(scene.brief())

    # think, act, act, think, review
    assert await count(sessions) == (5, 0)

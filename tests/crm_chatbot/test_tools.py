"""Tools: what a model may say to them, for whom they act, and that they act once (P20, P28)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Work
from crm_chatbot.application.turns.answering import Stance
from crm_chatbot.application.turns.tools.customer import TOOLS
from crm_chatbot.application.turns.tools.toolbox import (
    Args,
    Tool,
    Toolbox,
    ToolContext,
    ToolResult,
    WantedCall,
    arguments_hash,
    fingerprint,
)
from crm_chatbot.domain.conversations.message import TurnId
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.turns.turn import NewerWords, TurnLost, TurnStatus
from shared.llm.chat import ToolCall
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import a_message, another_chat
from tests.crm_chatbot.deciding import Scene, a_scene, claim_of
from tests.crm_chatbot.stores import Crm
from tests.shared.llm.fakes import calls

#: What a model must never be able to say.
FORBIDDEN = ("tenant", "customer_id", "price", "discount", "status", "url", "phone", "sql", "file")


def names_in(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Every property that a schema knows, however deep."""
    if isinstance(schema, Mapping):
        fields: dict[str, Any] = {**schema}
        yield from fields.get("properties", {})
        for inner in fields.values():
            yield from names_in(inner)
    if isinstance(schema, list):
        entries: list[Any] = [*schema]
        for inner in entries:
            yield from names_in(inner)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_no_schema_has_a_place_for_what_only_code_may_say(tool: Tool[Any]) -> None:
    names = list(names_in(tool.spec.parameters))

    assert [name for name in names for word in FORBIDDEN if word in name.lower()] == []


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_schema_takes_nothing_but_what_it_names(tool: Tool[Any]) -> None:
    assert tool.spec.parameters["type"] == "object"
    assert tool.spec.parameters["additionalProperties"] is False


def test_the_check_of_schemas_finds_what_it_is_to_find() -> None:
    class Inner(Args):
        unit_price: int

    class Outer(Args):
        lines: list[Inner]

    assert list(names_in(Outer.model_json_schema())) == ["lines", "unit_price"]


def test_every_tool_has_a_name_of_its_own() -> None:
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)


class Words(Args):
    words: str


@dataclass
class Bell:
    """An effectful tool that counts how often it was rung."""

    rung: list[str] = field(default_factory=list[str])

    async def ring(self, _: ToolContext, _work: Work, args: Words) -> ToolResult:
        self.rung.append(args.words)
        return ToolResult({"rung": len(self.rung)})

    @property
    def tool(self) -> Tool[Words]:
        return Tool(name="ring", description="", args=Words, handle=self.ring, is_effectful=True)


def context_of(scene: Scene, **facts: Any) -> ToolContext:
    named: dict[str, Any] = {
        "tenant_id": scene.tenant.id,
        "customer_id": scene.customer.id,
        "claim": claim_of(scene.conversation),
        "turn_id": scene.turn.id,
        "now": NOON,
    }
    return ToolContext(**named | facts)


def wanted(call: ToolCall, *, occurrence: int = 0, stance: Stance = Stance.FREE) -> WantedCall:
    return WantedCall(call=call, occurrence=occurrence, stance=stance)


@pytest.fixture
async def scene(crm: Crm) -> Scene:
    return await a_scene(crm)


async def test_an_effect_happens_once_however_often_it_is_replayed(crm: Crm, scene: Scene) -> None:
    bell = Bell()
    toolbox = Toolbox(crm.open_work, [bell.tool])
    call = wanted(calls("ring", words="satu"))

    results = [await toolbox.run(context_of(scene), call) for _ in range(3)]

    assert bell.rung == ["satu"]
    assert [result.told for result in results] == [{"rung": 1}] * 3


async def test_a_replay_under_another_id_is_a_replay(crm: Crm, scene: Scene) -> None:
    bell = Bell()
    toolbox = Toolbox(crm.open_work, [bell.tool])

    for name in ("a", "b"):
        await toolbox.run(context_of(scene), wanted(calls("ring", id=name, words="satu")))

    assert bell.rung == ["satu"]


async def test_the_same_wish_a_second_time_is_done_a_second_time(crm: Crm, scene: Scene) -> None:
    bell = Bell()
    toolbox = Toolbox(crm.open_work, [bell.tool])

    for occurrence in range(2):
        call = calls("ring", id=f"c{occurrence}", words="satu")
        await toolbox.run(context_of(scene), wanted(call, occurrence=occurrence))

    assert bell.rung == ["satu", "satu"]


async def test_what_fails_has_had_no_effect(crm: Crm, scene: Scene) -> None:
    async def fail(_: ToolContext, work: Work, args: Words) -> ToolResult:
        customer = await work.customers.lock(scene.customer.id)
        customer.describe(NOON, name="Half done")
        await work.customers.save(customer)
        raise ZeroDivisionError

    tool = Tool(name="fail", description="", args=Words, handle=fail, is_effectful=True)

    with pytest.raises(ZeroDivisionError):
        await Toolbox(crm.open_work, [tool]).run(
            context_of(scene), wanted(calls("fail", words="x"))
        )

    async with crm.open_work(TENANT) as work:
        assert (await work.customers.get(scene.customer.id)).name == "Budi"
        turn = await work.turns.running(scene.conversation.id)
        assert turn is not None
        assert not turn.has_effects


@pytest.mark.parametrize("stance", [Stance.READ_ONLY, Stance.NONE])
async def test_a_turn_that_may_change_nothing_changes_nothing(
    crm: Crm, scene: Scene, stance: Stance
) -> None:
    bell = Bell()
    toolbox = Toolbox(crm.open_work, [bell.tool])

    result = await toolbox.run(context_of(scene), wanted(calls("ring", words="x"), stance=stance))

    assert result.told == {"error": "not_available_now"}
    assert bell.rung == []
    assert toolbox.offered(stance) == []


async def test_whoever_lost_the_conversation_changes_nothing(crm: Crm, scene: Scene) -> None:
    bell = Bell()
    toolbox = Toolbox(crm.open_work, [bell.tool])
    older = replace(claim_of(scene.conversation), epoch=scene.conversation.epoch - 1)

    for context in (context_of(scene, claim=older), context_of(scene, turn_id=TurnId(uuid7()))):
        with pytest.raises(TurnLost):
            await toolbox.run(context, wanted(calls("ring", words="x")))

    assert bell.rung == []


async def test_newer_words_come_before_the_first_effect_only(crm: Crm, scene: Scene) -> None:
    bell = Bell()
    toolbox = Toolbox(crm.open_work, [bell.tool])
    await toolbox.run(context_of(scene), wanted(calls("ring", words="satu")))
    await hear_more(crm, scene)

    await toolbox.run(context_of(scene), wanted(calls("ring", id="2", words="dua")))

    assert bell.rung == ["satu", "dua"]


async def test_before_it_they_end_the_turn(crm: Crm, scene: Scene) -> None:
    bell = Bell()
    await hear_more(crm, scene)

    with pytest.raises(NewerWords):
        await Toolbox(crm.open_work, [bell.tool]).run(
            context_of(scene), wanted(calls("ring", words="satu"))
        )

    assert bell.rung == []


async def hear_more(crm: Crm, scene: Scene) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await work.conversations.lock(scene.conversation.id)
        await work.messages.add([a_message(conversation, text="eh")])
        await work.conversations.save(conversation)


async def test_a_profile_is_changed_as_the_customer_says(crm: Crm, scene: Scene) -> None:
    toolbox = Toolbox(crm.open_work, TOOLS)
    call = calls("update_customer_profile", name="Siti", address="Jl. Contoh 1", language="en")

    result = await toolbox.run(context_of(scene), wanted(call))

    assert result.told["updated"] == ["address", "language", "name"]
    async with crm.open_work(TENANT) as work:
        found = await work.customers.get(scene.customer.id)
    assert (found.name, found.address, found.language, found.email) == (
        "Siti",
        "Jl. Contoh 1",
        Language.ENGLISH,
        None,
    )
    assert found.phone == scene.customer.phone


async def test_tools_act_for_the_customer_of_the_chat_alone(crm: Crm, scene: Scene) -> None:
    """Neither another customer of the shop nor another shop is touched, whatever is asked."""
    async with crm.open_work(TENANT) as work:
        neighbour = await another_chat(work, Identity(IdentityKind.PHONE, "6281299999999"))
    toolbox = Toolbox(crm.open_work, TOOLS)

    await toolbox.run(context_of(scene), wanted(calls("update_customer_profile", name="Siti")))
    asked = calls("get_customer_profile", customer_id=str(neighbour.customer_id))
    refused = await toolbox.run(context_of(scene), wanted(asked))

    async with crm.open_work(TENANT) as work:
        assert (await work.customers.get(neighbour.customer_id)).name is None
    assert refused.told["error"] == "unknown_argument"


async def test_another_tenants_customer_is_not_there(crm: Crm, scene: Scene) -> None:
    await a_scene(crm, tenant=a_tenant(OTHER_TENANT))
    toolbox = Toolbox(crm.open_work, TOOLS)
    foreign = context_of(scene, tenant_id=OTHER_TENANT)

    result = await toolbox.run(foreign, wanted(calls("get_customer_profile")))

    assert result.told["error"] == "customer_not_found"


def test_calls_are_the_same_whatever_the_order_of_their_arguments() -> None:
    one = ToolCall("1", "t", {"a": 1, "b": [2]}, '{"a":1,"b":[2]}')
    other = ToolCall("2", "t", {"b": [2], "a": 1}, "")
    different = ToolCall("1", "t", {"a": 1, "b": [3]}, "")

    assert fingerprint(one) == fingerprint(other) != fingerprint(different)
    assert arguments_hash(ToolCall("1", "t", None, "x")) != arguments_hash(
        ToolCall("1", "t", None, "y")
    )


async def test_a_turn_that_is_over_runs_nothing(crm: Crm, scene: Scene) -> None:
    scene.turn.end(TurnStatus.COMMITTED, NOON)
    async with crm.open_work(TENANT) as work:
        await work.turns.save(scene.turn)

    with pytest.raises(TurnLost):
        await Toolbox(crm.open_work, TOOLS).run(
            context_of(scene), wanted(calls("update_customer_profile", name="Siti"))
        )

"""What the bot may do with labels: choose from the shop's own, and never make one."""

from typing import Any

import pytest

from crm_chatbot.application.turns.tools.labels import MOST_TOLD
from tests.crm_chatbot.buying import Purchase, a_purchase
from tests.crm_chatbot.labels import a_label
from tests.crm_chatbot.stores import Crm


@pytest.fixture
async def chat(crm: Crm) -> Purchase:
    """A shop with two labels, and one that was deleted."""
    purchase = await a_purchase(crm)
    async with crm.open_work(purchase.scene.tenant.id) as work:
        await work.labels.add(a_label("Komplain", description="Ada yang salah"))
        await work.labels.add(a_label("Grosir"))
        await work.labels.add(a_label("Lama", is_active=False))
    return purchase


async def on(chat: Purchase) -> list[tuple[str, str]]:
    """What is on the conversation, and who put it there."""
    async with chat.crm.open_work(chat.scene.tenant.id) as work:
        found = await work.labels.on(chat.scene.conversation.id)
    return [(one.label.name, one.applied_by) for one in found]


async def noted(chat: Purchase) -> list[str]:
    steps = await chat.crm.timeline(chat.scene.tenant.id, chat.scene.conversation.id)
    return [step.what for step in steps if "label" in step.what]


async def test_what_there_is_to_choose_from_is_told(chat: Purchase) -> None:
    await chat.call("label_conversation", label="Grosir")

    assert await chat.call("get_available_labels") == {
        "labels": [
            {"name": "Grosir", "description": ""},
            {"name": "Komplain", "description": "Ada yang salah"},
        ],
        "on_this_conversation": ["Grosir"],
    }


async def test_no_model_is_told_more_labels_than_it_can_choose_from(chat: Purchase) -> None:
    async with chat.crm.open_work(chat.scene.tenant.id) as work:
        for number in range(MOST_TOLD):
            await work.labels.add(a_label(f"Label {number}"))

    assert len((await chat.call("get_available_labels"))["labels"]) == MOST_TOLD


async def test_a_conversation_is_labelled_by_name_and_once(chat: Purchase) -> None:
    told = [await chat.call("label_conversation", label=name) for name in ("kOMPLAIN", "Komplain")]

    assert told == [{"on_this_conversation": ["Komplain"]}] * 2
    assert await on(chat) == [("Komplain", "bot")]
    assert await noted(chat) == ["conversation.labelled"]


@pytest.mark.parametrize("tool", ["label_conversation", "remove_label"])
async def test_row_129_a_label_that_the_shop_has_not_is_never_made(
    chat: Purchase, tool: str
) -> None:
    told = await chat.call(tool, label="VIP")

    assert told == {"error": "label_not_found", "available": ["Grosir", "Komplain"]}
    assert await on(chat) == []
    async with chat.crm.open_work(chat.scene.tenant.id) as work:
        assert [one.name for one in await work.labels.all()] == ["Grosir", "Komplain", "Lama"]


async def test_a_deleted_label_is_as_good_as_none(chat: Purchase) -> None:
    told = await chat.call("label_conversation", label="Lama")

    assert told == {"error": "label_not_found", "available": ["Grosir", "Komplain"]}
    assert await on(chat) == []


async def test_a_label_is_taken_off(chat: Purchase) -> None:
    for name in ("Grosir", "Komplain"):
        await chat.call("label_conversation", label=name)

    told = [await chat.call("remove_label", label="grosir") for _ in range(2)]

    assert told == [{"on_this_conversation": ["Komplain"]}] * 2
    assert await on(chat) == [("Komplain", "bot")]
    assert await noted(chat) == ["conversation.labelled"] * 2 + ["conversation.unlabelled"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "invalid_arguments"),
        ({"label": ""}, "invalid_arguments"),
        ({"label": "x" * 101}, "invalid_arguments"),
        ({"label": ["Komplain"]}, "invalid_arguments"),
        ({"label": "Komplain", "color": "#ffffff"}, "unknown_argument"),
        ({"label": "Komplain", "conversation_id": "x"}, "unknown_argument"),
    ],
)
async def test_a_call_that_makes_no_sense_labels_nothing(
    chat: Purchase, arguments: dict[str, Any], code: str
) -> None:
    for tool in ("label_conversation", "remove_label"):
        assert (await chat.call(tool, **arguments))["error"] == code
    assert await on(chat) == []

"""Labels over HTTP: what there are, what is on a conversation, and who put it there."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application import labels
from crm_chatbot.domain.conversations.conversation import Conversation
from crm_chatbot.interface.labels.views import LabelNamed
from tests.crm_chatbot.builders import OTHER_TENANT, TENANT
from tests.crm_chatbot.chats import LID, PHONE, another_chat
from tests.crm_chatbot.labels import a_label
from tests.crm_chatbot.running import SHOP, Running
from tests.served import said

LABELS = f"{SHOP}/labels"
INVALID = "422 validation_failed"


@pytest.fixture
async def chat(api: Running) -> Conversation:
    async with api.menu.open_work(TENANT) as work:
        return await another_chat(work, PHONE)


async def a_stored_label(api: Running, name: str = "Komplain", **facts: Any) -> str:
    """Its id."""
    label = a_label(name, **facts)
    async with api.menu.open_work(label.tenant_id) as work:
        assert await work.labels.add(label)
    return str(label.id)


async def test_a_shop_has_at_most_so_many_labels(
    api: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "MOST_LABELS", 2)
    async with api.client() as client:
        added = [await client.post(LABELS, json={"name": f"L{nth}"}) for nth in range(3)]
        await client.delete(added[0].headers["location"])
        instead = await client.post(LABELS, json={"name": "L3"})

    assert [answer.status_code for answer in added] == [201, 201, 409]
    assert said(added[2]).startswith("409 too_many_labels")
    assert instead.status_code == 201


async def test_a_label_is_added_looked_at_replaced_and_deleted(api: Running) -> None:
    body = {"name": " Komplain ", "color": "#E74C3C", "description": "Ada yang salah"}
    async with api.client() as client:
        added = await client.post(LABELS, json=body)
        path = added.headers["location"]
        seen = await client.get(path)
        changed = await client.put(path, json={"name": "Keluhan"}, headers={"If-Match": '"1"'})
        listed = (await client.get(LABELS)).json()["labels"]
        gone = [await client.delete(path), await client.delete(path)]
        left = (await client.get(path)).json()

    assert (added.status_code, added.headers["etag"]) == (201, '"1"')
    assert (added.json()["name"], added.json()["color"]) == ("Komplain", "#e74c3c")
    assert seen.json() == added.json()
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (changed.json()["name"], changed.json()["color"]) == ("Keluhan", "#3498db")
    assert changed.json()["description"] == ""
    assert listed == [changed.json()]
    assert [one.status_code for one in gone] == [204, 204]
    assert (left["is_active"], left["version"]) == (False, 3)


async def test_row_52_what_was_changed_since_is_left_alone(api: Running) -> None:
    path = f"{LABELS}/{await a_stored_label(api)}"
    async with api.client() as client:
        await client.put(path, json={"name": "Keluhan"})
        late = await client.put(path, json={"name": "Lain"}, headers={"If-Match": '"1"'})
        left = (await client.get(path)).json()

    assert said(late) == "412 conflict"
    assert left["name"] == "Keluhan"


async def test_row_44_a_name_is_taken_however_it_is_written(api: Running) -> None:
    await a_stored_label(api, "Komplain")
    other = await a_stored_label(api, "Grosir")
    async with api.client() as client:
        again = await client.post(LABELS, json={"name": "KOMPLAIN"})
        renamed = await client.put(f"{LABELS}/{other}", json={"name": "komplain"})
    async with api.client("other") as client:
        elsewhere = await client.post(
            f"/v1/crm/tenants/{OTHER_TENANT}/labels", json={"name": "Komplain"}
        )

    assert said(again) == said(renamed) == "409 label_name_taken #/name"
    assert elsewhere.status_code == 201


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"name": "x", "color": "red"}, f"{INVALID} #/color"),
        ({"name": "x", "color": "#GGGGGG"}, f"{INVALID} #/color"),
        ({"name": "x", "color": "#fff"}, f"{INVALID} #/color"),
        ({"name": "x", "color": None}, f"{INVALID} #/color"),
        ({"name": "x", "color": "#ffffff\n"}, f"{INVALID} #/color"),
        ({"color": "#ffffff"}, f"{INVALID} #/name"),
        ({"name": "  "}, f"{INVALID} #/name"),
        ({"name": "\u200b"}, "422 label_rejected #/name"),
        ({"name": "x" * 101}, f"{INVALID} #/name"),
        ({"name": "x", "description": "x" * 501}, f"{INVALID} #/description"),
        ({"name": "x", "is_active": True}, f"{INVALID} #/is_active"),
        ({"name": "x", "tenant_id": str(OTHER_TENANT)}, f"{INVALID} #/tenant_id"),
    ],
)
async def test_rows_44_and_55_a_label_that_makes_no_sense_is_refused(
    api: Running, body: dict[str, Any], refusal: str
) -> None:
    path = f"{LABELS}/{await a_stored_label(api)}"
    async with api.client() as client:
        answers = [await client.post(LABELS, json=body), await client.put(path, json=body)]
        listed = (await client.get(LABELS)).json()["labels"]

    assert [said(answer) for answer in answers] == [refusal] * 2
    assert [(one["name"], one["version"]) for one in listed] == [("Komplain", 1)]


async def test_a_deleted_label_comes_back_with_its_name(api: Running) -> None:
    label_id = await a_stored_label(api, is_active=False, color="#000000", description="Old")
    async with api.client() as client:
        gone = (await client.get(f"{LABELS}?active=false")).json()["labels"]
        back = await client.post(LABELS, json={"name": "KOMPLAIN", "color": "#ffffff"})
        there = (await client.get(f"{LABELS}?active=true")).json()["labels"]

    assert [one["id"] for one in gone] == [label_id]
    assert (back.status_code, back.headers["location"]) == (201, f"{LABELS}/{label_id}")
    assert (back.json()["name"], back.json()["color"]) == ("KOMPLAIN", "#ffffff")
    assert (back.json()["description"], back.json()["version"]) == ("", 2)
    assert there == [back.json()]


@pytest.mark.parametrize("by", ["label_id", "name"])
async def test_row_46_a_conversation_is_labelled_once_and_it_shows_who_did_it(
    api: Running, chat: Conversation, by: str
) -> None:
    label_id = await a_stored_label(api)
    path, body = f"/v1/crm/conversations/{chat.id}", {"label_id": label_id, "name": "kOMPLAIN"}
    async with api.client() as client:
        first = await client.post(f"{path}/labels", json={by: body[by]})
    async with api.client("platform") as client:
        again = await client.post(f"{path}/labels", json={by: body[by]})
        listed = (await client.get(f"{path}/labels")).json()["labels"]
        steps = (await client.get(f"{path}/timeline")).json()["steps"]

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert listed == [first.json()]
    assert (first.json()["id"], first.json()["name"]) == (label_id, "Komplain")
    assert first.json()["applied_by"].startswith("key ")
    assert [(one["what"], one["says"]) for one in steps] == [
        ("conversation.labelled", "The label Komplain was applied by a person.")
    ]
    assert steps[0]["facts"] == {
        "label_id": label_id,
        "label": "Komplain",
        "by": first.json()["applied_by"],
    }


async def test_row_46_a_label_is_taken_off_and_a_second_time_is_no_mistake(
    api: Running, chat: Conversation
) -> None:
    label_id = await a_stored_label(api)
    path = f"/v1/crm/conversations/{chat.id}"
    async with api.client() as client:
        await client.post(f"{path}/labels", json={"label_id": label_id})
        off = [await client.delete(f"{path}/labels/{label_id}") for _ in range(2)]
        never = await client.delete(f"{path}/labels/{uuid7()}")
        listed = (await client.get(f"{path}/labels")).json()
        steps = (await client.get(f"{path}/timeline")).json()["steps"]

    assert [one.status_code for one in off] == [204, 204]
    assert said(never) == "404 label_not_found"
    assert listed == {"labels": []}
    assert [one["says"] for one in steps][1:] == ["The label Komplain was taken off by a person."]


async def test_row_45_another_shops_label_is_as_absent_as_one_that_never_was(
    api: Running, chat: Conversation
) -> None:
    theirs = await a_stored_label(api, "Rahasia", tenant_id=OTHER_TENANT)
    path = f"/v1/crm/conversations/{chat.id}/labels"
    bodies = ({"label_id": theirs}, {"name": "Rahasia"}, {"label_id": str(uuid7())})
    for who in ("tenant", "platform"):
        async with api.client(who) as client:
            answers = [await client.post(path, json=body) for body in bodies]
            answers.append(await client.delete(f"{path}/{theirs}"))
            listed = (await client.get(path)).json()

        assert [said(answer) for answer in answers] == ["404 label_not_found"] * 4
        assert listed == {"labels": []}


async def test_a_deleted_label_stays_where_it_is_and_goes_nowhere_else(
    api: Running, chat: Conversation
) -> None:
    label_id, other = await a_stored_label(api), await a_stored_label(api, "Grosir")
    path = f"/v1/crm/conversations/{chat.id}/labels"
    async with api.client() as client:
        await client.post(path, json={"label_id": label_id})
        for one in (label_id, other):
            await client.delete(f"{LABELS}/{one}")
        refused = [
            await client.post(path, json=body)
            for body in ({"label_id": label_id}, {"name": "grosir"})
        ]
        left = (await client.get(path)).json()["labels"]
        off = await client.delete(f"{path}/{label_id}")

    assert [said(answer) for answer in refused] == ["409 label_inactive"] * 2
    assert [(one["id"], one["is_active"]) for one in left] == [(label_id, False)]
    assert off.status_code == 204


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, f"{INVALID} #"),
        ({"label_id": str(uuid7()), "name": "x"}, f"{INVALID} #"),
        ({"label_id": "x"}, f"{INVALID} #/label_id"),
        ({"label_id": None}, f"{INVALID} #/label_id"),
        ({"name": ""}, f"{INVALID} #/name"),
        ({"name": "x", "applied_by": "bot"}, f"{INVALID} #/applied_by"),
    ],
)
async def test_a_label_that_is_not_named_is_refused(
    api: Running, chat: Conversation, body: dict[str, Any], refusal: str
) -> None:
    async with api.client() as client:
        answer = await client.post(f"/v1/crm/conversations/{chat.id}/labels", json=body)

    assert said(answer) == refusal


async def test_a_conversation_that_is_not_there_has_no_labels(api: Running) -> None:
    label_id = await a_stored_label(api)
    path = f"/v1/crm/conversations/{uuid7()}/labels"
    async with api.client() as client:
        answers = [
            await client.get(path),
            await client.post(path, json={"label_id": label_id}),
            await client.delete(f"{path}/{label_id}"),
        ]

    assert [said(answer) for answer in answers] == ["404 conversation_not_found"] * 3


async def test_conversations_are_listed_by_a_label_and_show_theirs(
    api: Running, chat: Conversation
) -> None:
    label_id, chats = await a_stored_label(api, color="#e74c3c"), "/v1/crm/conversations"
    async with api.menu.open_work(TENANT) as work:
        await another_chat(work, LID)
    async with api.client() as client:
        await client.post(f"{chats}/{chat.id}/labels", json={"label_id": label_id})
        found = (await client.get(chats, params={"label": label_id})).json()["conversations"]
        every = (await client.get(chats)).json()["conversations"]
        nothing = (await client.get(chats, params={"label": str(uuid7())})).json()
        bad = await client.get(chats, params={"label": "Komplain"})
    async with api.client("platform") as client:
        whose = await client.get(chats, params={"label": label_id})
        ours = await client.get(chats, params={"label": label_id, "tenant_id": str(TENANT)})

    shown = [{"id": label_id, "name": "Komplain", "color": "#e74c3c"}]
    assert [(one["id"], one["labels"]) for one in found] == [(str(chat.id), shown)]
    assert sorted(len(one["labels"]) for one in every) == [0, 1]
    assert nothing == {"conversations": [], "next_cursor": None}
    assert said(bad) == f"{INVALID} #/query/label"
    assert said(whose) == f"{INVALID} #/query/tenant_id"
    assert ours.json()["conversations"] == found


async def test_every_body_and_every_answer_shows_examples(api: Running) -> None:
    schemas: dict[str, Any] = api.app.openapi()["components"]["schemas"]

    for name in ("LabelTerms", "LabelNamed", "LabelView", "AppliedView"):
        assert "examples" in str(schemas[name]), name
    for example in schemas["LabelNamed"]["examples"]:
        LabelNamed.model_validate(example)

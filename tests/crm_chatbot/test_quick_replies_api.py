"""`.../quick-replies` over HTTP: written, found, looked at beforehand, and said."""

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.conversations.conversation import Conversation
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.chats import PHONE, another_chat
from tests.crm_chatbot.running import SHOP, Running
from tests.served import said

REPLIES = f"{SHOP}/quick-replies"
CHATS = "/v1/crm/conversations"


@pytest.fixture
async def chat(api: Running) -> Conversation:
    async with api.menu.open_work(TENANT) as work:
        return await another_chat(work, PHONE)


async def test_a_quick_reply_is_written_changed_deleted_and_brought_back(api: Running) -> None:
    body = {"shortcut": "Dikirim", "content": "Halo, sudah {{dikirim}}."}
    async with api.client() as client:
        added = await client.post(REPLIES, json=body)
        one = added.headers["location"]
        again = await client.post(REPLIES, json=body)
        changed = await client.put(
            one, json={**body, "content": "Sudah."}, headers={"If-Match": added.headers["etag"]}
        )
        late = await client.put(one, json=body, headers={"If-Match": added.headers["etag"]})
        looked = await client.get(one)
        deleted = [(await client.delete(one)).status_code for _ in range(2)]
        gone = (await client.get(REPLIES)).json()
        kept = (await client.get(REPLIES, params={"active": "false"})).json()
        back = await client.post(REPLIES, json=body)

    assert added.status_code == 201
    assert (added.json()["shortcut"], added.json()["category"]) == ("dikirim", "general")
    assert said(again) == "409 shortcut_taken #/shortcut"
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert said(late) == "412 conflict"
    assert looked.json() == changed.json()
    assert (deleted, gone["quick_replies"]) == ([204, 204], [])
    assert [one["is_active"] for one in kept["quick_replies"]] == [False]
    assert (back.status_code, back.json()["id"]) == (201, added.json()["id"])
    assert (back.json()["is_active"], back.json()["version"]) == (True, 4)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"shortcut": "two words", "content": "x"}, "422 validation_failed #/shortcut"),
        ({"shortcut": "/halo", "content": "x"}, "422 validation_failed #/shortcut"),
        ({"shortcut": "/", "content": "x"}, "422 validation_failed #/shortcut"),
        ({"shortcut": "x" * 51, "content": "x"}, "422 validation_failed #/shortcut"),
        ({"shortcut": "halo\n", "content": "x"}, "422 validation_failed #/shortcut"),
        ({"shortcut": "", "content": "x"}, "422 validation_failed #/shortcut"),
        ({"shortcut": "x"}, "422 validation_failed #/content"),
        ({"shortcut": "x", "content": " "}, "422 quick_reply_rejected #/content"),
        ({"shortcut": "x", "content": "x" * 4_001}, "422 validation_failed #/content"),
        ({"shortcut": "x", "content": "{nama}"}, "422 variable_unknown #/content"),
        ({"shortcut": "x", "content": "{"}, "422 brace_alone #/content"),
        ({"shortcut": "x", "content": "x", "category": " "}, "422 quick_reply_rejected #/category"),
        ({"shortcut": "x", "content": "x", "uses": 7}, "422 validation_failed #/uses"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    api: Running, body: dict[str, object], refusal: str
) -> None:
    async with api.client() as client:
        answer = await client.post(REPLIES, json=body)
        kept = (await client.get(REPLIES)).json()

    assert said(answer) == refusal
    assert kept["quick_replies"] == []


async def test_who_names_an_unknown_variable_is_told_those_that_there_are(api: Running) -> None:
    async with api.client() as client:
        answer = await client.post(REPLIES, json={"shortcut": "x", "content": "{nama}"})

    assert answer.json()["detail"] == (
        "There is no variable 'nama'. Known are: business_hours, customer_name, order_number, "
        "order_status, order_total, payment_link, shop_name, today."
    )


async def test_they_are_found_by_how_their_shortcuts_begin_page_by_page(api: Running) -> None:
    async with api.client() as client:
        for shortcut in ("bayar", "bayar-2", "bayar_3", "halo"):
            category = "uang" if "bayar" in shortcut else "salam"
            body = {"shortcut": shortcut, "content": "x", "category": category}
            assert (await client.post(REPLIES, json=body)).status_code == 201
        first = (await client.get(REPLIES, params={"q": "BAY", "limit": 2})).json()
        more = {"q": "BAY", "limit": 2, "cursor": first["next_cursor"]}
        second = (await client.get(REPLIES, params=more)).json()
        other = await client.get(REPLIES, params={**more, "q": "ha"})
        by_category = (await client.get(REPLIES, params={"category": "salam"})).json()
        odd = await client.get(REPLIES, params={"q": "%"})

    assert [one["shortcut"] for one in first["quick_replies"]] == ["bayar", "bayar-2"]
    assert [one["shortcut"] for one in second["quick_replies"]] == ["bayar_3"]
    assert second["next_cursor"] is None
    assert said(other) == "400 invalid_cursor"
    assert [one["shortcut"] for one in by_category["quick_replies"]] == ["halo"]
    assert said(odd) == "422 validation_failed #/query/q"


async def test_one_is_looked_at_beforehand_and_then_said_once(
    api: Running, chat: Conversation
) -> None:
    content = "Halo dari {shop_name}"
    key = {"Idempotency-Key": "one"}
    async with api.client() as client:
        reply = (await client.post(REPLIES, json={"shortcut": "halo", "content": content})).json()
        path = f"{CHATS}/{chat.id}/quick-replies"
        seen = await client.post(
            f"{REPLIES}/{reply['id']}/preview", json={"conversation_id": str(chat.id)}
        )
        first = await client.post(path, json={"shortcut": "HALO"}, headers=key)
        second = await client.post(path, json={"shortcut": "halo"}, headers=key)
        other = await client.post(path, json={"quick_reply_id": reply["id"]}, headers=key)
        now = (await client.get(f"{CHATS}/{chat.id}")).json()
        history = (await client.get(f"{CHATS}/{chat.id}/messages")).json()["messages"]
        told = (await client.get(f"{CHATS}/{chat.id}/timeline")).json()["steps"]
        counted = (await client.get(f"{REPLIES}/{reply['id']}")).json()

    assert seen.json() == {"text": "Halo dari Kopi Ani", "missing": []}
    assert (
        (first.status_code, first.json())
        == (second.status_code, second.json())
        == (
            202,
            {"message_id": history[-1]["id"], "status": "queued"},
        )
    )
    assert second.headers["idempotent-replayed"] == "true"
    assert said(other) == "422 idempotency_key_reused"
    assert (now["mode"], now["mode_reason"]) == ("human", "api")
    assert (history[-1]["author"], history[-1]["text"]) == ("person", "Halo dari Kopi Ani")
    assert told[0]["says"] == "The quick reply /halo was used."
    assert (counted["uses"], counted["version"]) == (1, 1)
    assert counted["used_at"] is not None


async def test_what_the_chat_has_nothing_for_is_named_and_not_sent(
    api: Running, chat: Conversation
) -> None:
    content = "Halo {customer_name}, {order_number}"
    async with api.client() as client:
        reply = (await client.post(REPLIES, json={"shortcut": "x", "content": content})).json()
        seen = await client.post(
            f"{REPLIES}/{reply['id']}/preview", json={"conversation_id": str(chat.id)}
        )
        refused = await client.post(
            f"{CHATS}/{chat.id}/quick-replies", json={"quick_reply_id": reply["id"]}
        )
        history = (await client.get(f"{CHATS}/{chat.id}/messages")).json()["messages"]
        now = (await client.get(f"{CHATS}/{chat.id}")).json()

    assert seen.json() == {"text": content, "missing": ["customer_name", "order_number"]}
    assert said(refused) == "422 variables_missing"
    assert refused.json()["detail"].endswith(": customer_name, order_number.")
    assert (history, now["mode"]) == ([], "bot")


async def test_what_is_not_there_cannot_be_said_nor_looked_at(
    api: Running, chat: Conversation
) -> None:
    path = f"{CHATS}/{chat.id}/quick-replies"
    async with api.client() as client:
        await client.post(REPLIES, json={"shortcut": "x", "content": "x"})
        absent = await client.post(path, json={"shortcut": "halo"})
        nobody = await client.post(path, json={"quick_reply_id": str(uuid7())})
        both = await client.post(path, json={"shortcut": "x", "quick_reply_id": str(uuid7())})
        neither = await client.post(path, json={})
        slashed = await client.post(path, json={"shortcut": "/x"})
        elsewhere = await client.post(f"{CHATS}/{uuid7()}/quick-replies", json={"shortcut": "x"})

    assert said(absent) == said(nobody) == "404 quick_reply_not_found"
    assert said(both) == said(neither) == "422 validation_failed #"
    assert said(slashed) == "422 validation_failed #/shortcut"
    assert said(elsewhere) == "404 conversation_not_found"


async def test_another_shop_neither_sees_nor_says_them(api: Running, chat: Conversation) -> None:
    async with api.client() as client:
        reply = (await client.post(REPLIES, json={"shortcut": "x", "content": "x"})).json()
    async with api.client("other") as client:
        seen = await client.get(f"{REPLIES}/{reply['id']}")
        words = await client.post(f"{CHATS}/{chat.id}/quick-replies", json={"shortcut": "x"})

    assert said(seen) == "404 tenant_not_found"
    assert said(words) == "404 conversation_not_found"

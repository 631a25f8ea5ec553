"""`/v1/crm/conversations` over HTTP: who may see and change what, and what comes of it."""

from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.conversation import Conversation
from crm_chatbot.domain.message import MessageState
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.chats import PHONE, SESSION, a_message, an_answer, another_chat
from tests.crm_chatbot.running import Running
from tests.served import said

CHATS = "/v1/crm/conversations"


@pytest.fixture
async def chat(api: Running) -> Conversation:
    """The customer said hello, and the bot's answer waits to leave."""
    async with api.menu.open_work(TENANT) as work:
        conversation = await another_chat(work, PHONE)
        heard = a_message(conversation, state=MessageState.COVERED)
        await work.messages.add([heard, an_answer(conversation, created_at=NOON)])
        await work.conversations.save(conversation)
        await work.timeline.note(conversation.id, "message.received", kind="text")
        await work.timeline.note(conversation.id, "turn.committed", outcome="answered")
    return conversation


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Any:  # noqa: ANN401 - whatever JSON it is
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_conversation_shows_whose_it_is_and_what_is_new(
    api: Running, chat: Conversation
) -> None:
    async with api.client() as client:
        page = await get(client, CHATS)
        alone = await get(client, f"{CHATS}/{chat.id}")

    assert page == {"conversations": [alone], "next_cursor": None}
    assert alone["customer"] == {
        "id": str(chat.customer_id),
        "name": None,
        "phone": PHONE.value,
    }
    assert (alone["tenant_id"], alone["mode"], alone["state"]) == (str(TENANT), "bot", "GREETING")
    assert (alone["chat_id"], alone["session"], alone["unread"]) == (chat.chat_id, SESSION, 1)
    assert alone["last_message"]["text"] == "Siap kak"


async def test_both_sides_are_read_oldest_first(api: Running, chat: Conversation) -> None:
    async with api.client() as client:
        page = await get(client, f"{CHATS}/{chat.id}/messages")

    heard, answer = page["messages"]
    assert (heard["direction"], heard["state"], heard["status"]) == ("in", "covered", None)
    assert (answer["direction"], answer["author"], answer["status"]) == ("out", "bot", "queued")
    assert page["next_cursor"] is None


async def test_the_bot_falls_silent_and_may_speak_again(api: Running, chat: Conversation) -> None:
    async with api.client() as client:
        taken = (await client.post(f"{CHATS}/{chat.id}/takeover")).json()
        history = await get(client, f"{CHATS}/{chat.id}/messages")
        told = await get(client, f"{CHATS}/{chat.id}/timeline")
        back = (await client.post(f"{CHATS}/{chat.id}/handback")).json()
        again = await client.post(f"{CHATS}/{chat.id}/handback")

    assert (taken["mode"], taken["mode_reason"]) == ("human", "api")
    assert taken["handback_at"] is not None
    assert [m["status"] for m in history["messages"]] == [None, "withdrawn", None]
    assert told["verdict"].startswith("A person has taken over (somebody asked for it")
    assert (back["mode"], back["handback_at"]) == ("bot", None)
    assert said(again) == "409 already_in_mode"


async def test_who_writes_as_a_person_takes_over(api: Running, chat: Conversation) -> None:
    async with api.client() as client:
        answer = await client.post(f"{CHATS}/{chat.id}/messages", json={"text": "Ini Sari"})
        now = await get(client, f"{CHATS}/{chat.id}")
        page = await get(client, f"{CHATS}/{chat.id}/messages")

    written = page["messages"][-1]
    assert answer.status_code == 202
    assert answer.json() == {"message_id": written["id"], "status": "queued"}
    assert now["mode"] == "human"
    assert (written["author"], written["text"], written["state"]) == (
        "person",
        "Ini Sari",
        "handed",
    )


async def test_the_same_request_twice_is_sent_once(api: Running, chat: Conversation) -> None:
    path, key = f"{CHATS}/{chat.id}/messages", {"Idempotency-Key": "one"}
    async with api.client() as client:
        first = await client.post(path, json={"text": "Halo"}, headers=key)
        second = await client.post(path, json={"text": "Halo"}, headers=key)
        other = await client.post(path, json={"text": "Hai"}, headers=key)
        page = await get(client, path)

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert said(other) == "422 idempotency_key_reused"
    assert [m["text"] for m in page["messages"]].count("Halo") == 1


async def test_the_timeline_tells_each_step_in_words(api: Running, chat: Conversation) -> None:
    async with api.client() as client:
        told = await get(client, f"{CHATS}/{chat.id}/timeline")

    assert [step["what"] for step in told["steps"]] == ["message.received", "turn.committed"]
    assert told["steps"][1]["says"] == "It was decided: the bot answers."


async def test_the_platform_sees_everybodys(api: Running, chat: Conversation) -> None:
    async with api.menu.open_work(OTHER_TENANT) as work:
        theirs = await another_chat(work, PHONE, tenant_id=OTHER_TENANT)
    async with api.neighbour() as client:
        every = await get(client, CHATS, limit=100, mode="bot")
        named = await get(client, CHATS, tenant_id=OTHER_TENANT)
        none = await get(client, CHATS, mode="human")

    assert {one["id"] for one in every["conversations"]} == {str(chat.id), str(theirs.id)}
    assert [one["id"] for one in named["conversations"]] == [str(theirs.id)]
    assert none["conversations"] == []


async def test_another_shops_conversation_looks_absent(api: Running, chat: Conversation) -> None:
    async with api.client("other") as client:
        theirs = await client.get(f"{CHATS}/{chat.id}")
        absent = await client.get(f"{CHATS}/{uuid7()}")

    assert said(theirs) == said(absent) == "404 conversation_not_found"

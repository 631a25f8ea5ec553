"""`/v1/crm/conversations` over HTTP: who may see and change what, and what comes of it."""

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.conversations.conversation import Conversation, Mode
from crm_chatbot.domain.conversations.message import Kind, MessageState
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.chats import LID, PHONE, SESSION, a_message, an_answer, another_chat
from tests.crm_chatbot.running import SHOP, Running
from tests.served import said

CHATS = "/v1/crm/conversations"
NUMBERS = [Identity(IdentityKind.PHONE, f"62812000001{number}") for number in range(5)]


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


async def pages(client: httpx.AsyncClient, path: str, *, by: str, **params: Any) -> list[Any]:
    """Every page, one after the other."""
    found = [await get(client, path, **params)]
    while cursor := found[-1]["next_cursor"]:
        found.append(await get(client, path, **params, **{by: cursor}))
    return found


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


# -- lists


async def test_everything_is_listed_once_page_by_page(api: Running) -> None:
    async with api.menu.open_work(TENANT) as work:
        ids = [
            str((await another_chat(work, number, last_message_at=at)).id)
            for number, at in zip(NUMBERS, (NOON, LATER, NOON, LATER, LATER), strict=True)
        ]
    async with api.client() as client:
        found = await pages(client, CHATS, by="cursor", limit=2)

    listed = [[one["id"] for one in page["conversations"]] for page in found]
    assert listed == [[ids[4], ids[3]], [ids[1], ids[2]], [ids[0]]]


async def test_a_list_holds_what_is_asked_for(api: Running, chat: Conversation) -> None:
    async with api.menu.open_work(TENANT) as work:
        other = await another_chat(work, LID, mode=Mode.HUMAN, last_message_at=LATER)
    async with api.client() as client:

        async def listed(**params: Any) -> list[str]:
            page = await get(client, CHATS, **params)
            return [one["id"] for one in page["conversations"]]

        assert await listed(mode="human") == [str(other.id)]
        assert await listed(state="GREETING") == [str(other.id), str(chat.id)]
        assert await listed(state="PAYMENT") == []
        assert await listed(unread="true") == [str(chat.id)]
        assert await listed(updated_since=LATER.isoformat()) == [str(other.id)]
        assert await listed(customer_id=chat.customer_id, mode="bot") == [str(chat.id)]
        assert await listed(tenant_id=TENANT, unread="false") == [str(other.id)]


async def test_nobody_lists_another_shops(api: Running, chat: Conversation) -> None:
    async with api.client("other") as client:
        own = await get(client, CHATS)
        theirs = await client.get(CHATS, params={"tenant_id": str(TENANT)})
        absent = await client.get(CHATS, params={"tenant_id": str(uuid7())})
    async with api.client("platform") as client:
        unknown = await client.get(CHATS, params={"tenant_id": str(uuid7())})

    assert own["conversations"] == []
    assert {said(one) for one in (theirs, absent, unknown)} == {"404 tenant_not_found"}


async def test_a_cursor_is_good_for_the_list_that_it_is_of(
    api: Running, chat: Conversation
) -> None:
    async with api.menu.open_work(TENANT) as work:
        await another_chat(work, LID)
    paths = [f"{CHATS}/{chat.id}/messages", f"{CHATS}/{chat.id}/timeline"]
    async with api.client() as client:
        cursor = (await get(client, CHATS, limit=1))["next_cursor"]
        before = [(await get(client, path, limit=1))["next_cursor"] for path in paths]
        wrong = [
            await client.get(CHATS, params={"cursor": before[0]}),
            await client.get(CHATS, params={"cursor": "garbage"}),
            await client.get(paths[0], params={"before": cursor}),
            await client.get(paths[0], params={"before": before[1]}),
            await client.get(paths[1], params={"before": before[0]}),
            await client.get(paths[1], params={"before": f"{before[1]}x"}),
        ]
    async with api.client("platform") as client:
        wrong.append(await client.get(CHATS, params={"cursor": cursor}))

    assert {said(answer) for answer in wrong} == {"400 invalid_cursor"}


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("mode=robot", "mode"),
        ("state=greeting", "state"),
        ("unread=perhaps", "unread"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=2026-05-04T12:00:00", "updated_since"),
        ("customer_id=x", "customer_id"),
        ("tenant_id=x", "tenant_id"),
        ("sort=name", "sort"),
    ],
)
async def test_what_no_list_can_hold_is_refused(api: Running, query: str, place: str) -> None:
    async with api.client() as client:
        answer = await client.get(f"{CHATS}?{query}")

    assert said(answer) == f"422 validation_failed #/query/{place}"


async def test_histories_are_read_page_by_page(api: Running, chat: Conversation) -> None:
    async with api.menu.open_work(TENANT) as work:
        conversation = await work.conversations.lock(chat.id)
        await work.messages.add([a_message(conversation, text=str(n)) for n in range(4)])
        await work.conversations.save(conversation)
    async with api.client() as client:
        messages = await pages(client, f"{CHATS}/{chat.id}/messages", by="before", limit=4)
        steps = await pages(client, f"{CHATS}/{chat.id}/timeline", by="before", limit=1)

    assert [[m["seq"] for m in page["messages"]] for page in messages] == [[3, 4, 5, 6], [1, 2]]
    assert [[s["what"] for s in page["steps"]] for page in steps] == [
        ["turn.committed"],
        ["message.received"],
    ]
    assert len({page["verdict"] for page in steps}) == 1


# -- messages


async def test_a_file_is_shown_without_where_it_lies(api: Running) -> None:
    media = {"path": "/api/files/x.jpg", "mimetype": "image/jpeg", "size": 9, "filename": "x.jpg"}
    sent = {"url": "https://shop.example/x?token=secret", "mimetype": "image/png", "caption": "Ini"}
    content = {"media": media, "filename": "x.jpg", "quoted": {"text": "Ada foto?"}}
    async with api.menu.open_work(TENANT) as work:
        conversation = await another_chat(work, PHONE)
        came = a_message(conversation, kind=Kind.IMAGE, content=content)
        left = an_answer(conversation, kind=Kind.IMAGE, content=sent)
        await work.messages.add([came, left])
    async with api.client() as client:
        answer = await client.get(f"{CHATS}/{conversation.id}/messages")

    heard, answered = answer.json()["messages"]
    assert heard["media"] == {"mimetype": "image/jpeg", "size": 9, "filename": "x.jpg"}
    assert heard["content"] == {"quoted": {"text": "Ada foto?"}}
    assert answered["media"] == {"mimetype": "image/png", "caption": "Ini"}
    assert "secret" not in answer.text
    assert "/api/files" not in answer.text


async def test_a_note_is_seen_by_colleagues(api: Running, chat: Conversation) -> None:
    async with api.client() as client:
        noted = await client.post(f"{CHATS}/{chat.id}/notes", json={"text": "Regular."})
        page = await get(client, f"{CHATS}/{chat.id}/messages")
        seen = await get(client, f"{CHATS}/{chat.id}")

    assert noted.status_code == 201
    assert noted.json() == {
        name: page["messages"][-1][name] for name in ("id", "seq", "text", "created_at")
    }
    assert (page["messages"][-1]["direction"], seen["mode"]) == ("note", "bot")
    assert seen["last_message"]["text"] == "Siap kak"


async def test_what_was_read_is_not_new_any_more(api: Running, chat: Conversation) -> None:
    async with api.client() as client:
        answer = await client.post(f"{CHATS}/{chat.id}/read")

    assert (answer.status_code, answer.json()["unread"]) == (200, 0)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, "422 validation_failed #/text"),
        ({"text": None}, "422 validation_failed #/text"),
        ({"text": 1}, "422 validation_failed #/text"),
        ({"text": ""}, "422 validation_failed #/text"),
        ({"text": " \u200b\n"}, "422 validation_failed #/text"),
        ({"text": "a\0b"}, "422 validation_failed #/text"),
        ({"text": "x" * 8_001}, "422 validation_failed #/text"),
        ({"text": "x", "author": "bot"}, "422 validation_failed #/author"),
    ],
)
@pytest.mark.parametrize("where", ["messages", "notes"])
async def test_what_nobody_can_send_is_refused(
    api: Running, chat: Conversation, where: str, body: dict[str, Any], refusal: str
) -> None:
    async with api.client() as client:
        answer = await client.post(f"{CHATS}/{chat.id}/{where}", json=body)
        page = await get(client, f"{CHATS}/{chat.id}/messages")

    assert said(answer) == refusal
    assert len(page["messages"]) == 2


@pytest.mark.parametrize("where", ["messages", "notes"])
async def test_the_longest_text_is_taken(api: Running, chat: Conversation, where: str) -> None:
    async with api.client() as client:
        answer = await client.post(f"{CHATS}/{chat.id}/{where}", json={"text": "x" * 8_000})

    assert answer.is_success


@pytest.mark.parametrize(
    ("body", "handback_after"),
    [(None, 3_600), ({}, 3_600), ({"handback_after_s": None}, 3_600), ({"handback_after_s": 5}, 5)],
)
async def test_a_person_says_how_long_they_answer(
    api: Running, chat: Conversation, body: object, handback_after: int
) -> None:
    async with api.client() as client:
        answer = await client.post(f"{CHATS}/{chat.id}/takeover", json=body)

    taken = answer.json()
    since, until = (datetime.fromisoformat(taken[n]) for n in ("mode_since", "handback_at"))
    assert round((until - since).total_seconds()) == handback_after


@pytest.mark.parametrize("seconds", [-1, 604_801, 1.5, "60", True])
async def test_nobody_answers_for_a_time_that_makes_no_sense(
    api: Running, chat: Conversation, seconds: object
) -> None:
    async with api.client() as client:
        body = {"handback_after_s": seconds}
        answer = await client.post(f"{CHATS}/{chat.id}/takeover", json=body)

    assert said(answer) == "422 validation_failed #/handback_after_s"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_key_that_is_none_is_refused(api: Running, chat: Conversation, key: str) -> None:
    async with api.client() as client:
        headers = {"Idempotency-Key": key}
        path = f"{CHATS}/{chat.id}/messages"
        answer = await client.post(path, json={"text": "Halo"}, headers=headers)

    assert said(answer) == "400 validation_failed #/header/idempotency-key"


async def test_the_platforms_keys_are_not_the_shops(api: Running, chat: Conversation) -> None:
    path, headers = f"{CHATS}/{chat.id}/messages", {"Idempotency-Key": "one"}
    async with api.client() as shop, api.client("platform") as platform:
        answers = [
            await client.post(path, json={"text": text}, headers=headers)
            for client, text in ((shop, "Halo"), (platform, "Hai"))
        ]

    assert [answer.status_code for answer in answers] == [202, 202]


async def test_nobody_writes_for_a_suspended_shop(api: Running, chat: Conversation) -> None:
    async with api.client("platform") as client:
        await client.post(f"{SHOP}/suspend")
        answer = await client.post(f"{CHATS}/{chat.id}/messages", json={"text": "Halo"})
        told = await get(client, f"{CHATS}/{chat.id}/timeline")

    assert said(answer) == "409 tenant_suspended"
    assert told["verdict"].startswith("The shop is suspended")


async def test_many_who_send_the_same_at_once_send_it_once(
    api: Running, chat: Conversation
) -> None:
    path, headers = f"{CHATS}/{chat.id}/messages", {"Idempotency-Key": "one"}
    async with api.client() as client:
        sent = [client.post(path, json={"text": "Halo"}, headers=headers) for _ in range(8)]
        answers = await asyncio.gather(*sent)
        page = await get(client, path)

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["message_id"] for answer in answers}) == 1
    assert [m["text"] for m in page["messages"]].count("Halo") == 1

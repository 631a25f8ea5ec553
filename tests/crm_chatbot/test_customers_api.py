"""`/v1/crm/customers` over HTTP: who they are, what may be changed of them, and that they go."""

from collections.abc import Mapping
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.conversations.conversation import Conversation
from crm_chatbot.domain.customers.customer import Customer
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.chats import CHAT, PHONE, a_conversation, a_full_customer, a_message
from tests.crm_chatbot.running import Running
from tests.served import said

CUSTOMERS = "/v1/crm/customers"
CHATS = "/v1/crm/conversations"
EVERYTHING: Mapping[str, str] = {
    "name": "Ani ☕",
    "language": "id",
    "email": "ani@example.com",
    "address": "Jl. Baru 2\nBandung",
    "notes": "Suka teh",
}


@pytest.fixture
async def chat(api: Running) -> Conversation:
    """What a customer said of whom everything is known."""
    customer = a_full_customer()
    conversation = a_conversation(customer)
    async with api.menu.open_work(TENANT) as work:
        assert await work.customers.add(customer)
        await work.conversations.add(conversation)
        await work.messages.add([a_message(conversation, text="a secret")])
        await work.conversations.save(conversation)
    return conversation


@pytest.fixture
def path(chat: Conversation) -> str:
    return f"{CUSTOMERS}/{chat.customer_id}"


@pytest.mark.parametrize("who", ["tenant", "reader", "platform"])
async def test_everything_known_of_a_customer_is_shown(
    api: Running, chat: Conversation, path: str, who: str
) -> None:
    known: Customer = a_full_customer()
    async with api.client(who) as client:
        answer = await client.get(path)

    shown = answer.json()
    names = ("name", "language", "email", "address", "notes", "phone", "version")
    assert {name: shown[name] for name in names} == {name: getattr(known, name) for name in names}
    assert (shown["id"], shown["tenant_id"]) == (str(chat.customer_id), str(TENANT))
    assert shown["opted_out_at"] is not None
    assert answer.headers["etag"] == '"7"'


@pytest.mark.parametrize("field", EVERYTHING)
async def test_what_is_changed_changes_and_nothing_else(
    api: Running, path: str, field: str
) -> None:
    async with api.client() as client:
        before = (await client.get(path)).json()
        answer = await client.patch(path, json={field: EVERYTHING[field]})
        after = (await client.get(path)).json()
        gone = (await client.patch(path, json={field: None})).json()

    assert answer.json() == after
    assert after[field] == EVERYTHING[field] != before[field]
    assert {name for name in before if before[name] != after[name]} == {
        *(field, "version", "updated_at")
    }
    assert gone[field] is None


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"phone": "6281200000009"}, "phone"),
        ({"id": "x"}, "id"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": 1}, "name"),
        ({"language": "fr"}, "language"),
        ({"email": "nowhere"}, "email"),
        ({"email": f"{'x' * 250}@example.com"}, "email"),
        ({"address": "x" * 501}, "address"),
        ({"notes": "x" * 2_001}, "notes"),
    ],
)
async def test_what_is_no_profile_is_refused(
    api: Running, path: str, body: dict[str, Any], place: str
) -> None:
    async with api.client() as client:
        before = (await client.get(path)).json()
        answer = await client.patch(path, json=body)
        after = (await client.get(path)).json()

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{place}"
    assert after == before


async def test_a_change_that_is_meant_for_an_older_version_is_left_alone(
    api: Running, path: str
) -> None:
    async with api.client() as client:
        seen = (await client.get(path)).headers["etag"]
        await client.patch(path, json={"name": "Somebody else's"}, headers={"If-Match": seen})
        late = await client.patch(path, json={"name": "Mine"}, headers={"If-Match": seen})

    assert said(late) == "412 conflict"


async def test_of_whoever_is_forgotten_nothing_is_shown_any_more(
    api: Running, chat: Conversation, path: str
) -> None:
    async with api.client() as client:
        answers = [await client.delete(path), await client.delete(path)]
        customer = await client.get(path)
        seen = await client.get(f"{CHATS}/{chat.id}")
        page = await client.get(f"{CHATS}/{chat.id}/messages")
        told = await client.get(f"{CHATS}/{chat.id}/timeline")
        writing = await client.post(f"{CHATS}/{chat.id}/messages", json={"text": "Halo?"})

    assert [answer.status_code for answer in answers] == [204, 204]
    shown = customer.json()
    assert {shown[name] for name in (*EVERYTHING, "phone")} == {None}
    texts = "".join(answer.text for answer in (customer, seen, page, told))
    assert not [word for word in ("secret", PHONE.value, CHAT, "Budi") if word in texts]
    assert page.json()["messages"][0]["state"] == "for_person"
    assert said(writing) == "409 customer_erased"


async def test_another_shops_customer_looks_absent(api: Running, path: str) -> None:
    async with api.client("other") as client:
        for one in (path, f"{CUSTOMERS}/{uuid7()}"):
            answers = [
                await client.get(one),
                await client.patch(one, json={"name": "Mine"}),
                await client.delete(one),
            ]
            assert {said(answer) for answer in answers} == {"404 customer_not_found"}

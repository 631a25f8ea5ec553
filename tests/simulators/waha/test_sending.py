"""What the shop sends through the API is on the customer's phone: once, whole, with its ticks."""

import base64
from typing import Any

import pytest

from simulators.waha.engines import EngineName
from simulators.waha.pictures import photo
from tests.simulators.waha.house import BUDI, BUDI_CHAT, BUDI_LID, House
from tests.waiting import until

PICTURE = base64.b64encode(photo("kopi")).decode()

takes_ids = pytest.mark.parametrize("engine", ["GOWS", "NOWEB"])


async def new_id(house: House) -> str:
    answer = await house.call("GET", "/api/toko-contoh/new-message-id")
    assert answer.status == 200
    return str((await answer.json())["id"])


@takes_ids
async def test_the_same_id_twice_is_one_message_and_two_calls(
    house: House, engine: EngineName
) -> None:
    house.session(engine)
    chosen = await new_id(house)

    answers = [await house.text("Siap kak", id=chosen) for _ in range(2)]

    assert [one.status for one in answers] == [201, 201]
    assert chosen in await answers[1].text()
    assert [one["plain_id"] for one in await house.chat()] == [chosen]
    entries = house.journal("sendText")
    assert [entry.facts["is_new"] for entry in entries] == [True, False]
    assert {entry.facts["message_id"] for entry in entries} == {f"true_{BUDI_CHAT}_{chosen}"}


async def test_an_engine_that_takes_no_ids_sends_twice(house: House) -> None:
    house.session("WEBJS")

    for _ in range(2):
        await house.text("Siap kak", id="3EB0CHOSEN")

    assert len({one["plain_id"] for one in await house.chat()} - {"3EB0CHOSEN"}) == 2


async def test_an_engine_that_takes_no_ids_offers_none(house: House) -> None:
    house.session("WEBJS")

    answer = await house.call("GET", "/api/toko-contoh/new-message-id")

    assert answer.status == 422
    assert "WEBJS" in (await answer.json())["message"]


async def test_offered_ids_are_all_different(house: House) -> None:
    house.session()

    assert len({await new_id(house) for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("path", "more", "kind"),
    [
        ("sendImage", {"file": {"mimetype": "image/png", "data": PICTURE}}, "image"),
        (
            "sendFile",
            {"file": {"mimetype": "image/png", "filename": "a.png", "data": PICTURE}},
            "file",
        ),
        (
            "sendVoice",
            {"file": {"mimetype": "audio/ogg", "data": PICTURE}, "convert": True},
            "voice",
        ),
        ("sendVideo", {"file": {"mimetype": "video/mp4", "data": PICTURE}}, "video"),
        ("sendLocation", {"latitude": -6.2, "longitude": 106.8, "title": "Toko"}, "location"),
    ],
)
async def test_everything_that_can_be_sent_arrives(
    house: House, path: str, more: dict[str, Any], kind: str
) -> None:
    house.session()

    body = {"session": "toko-contoh", "chatId": BUDI_CHAT, "caption": "Lihat kak", **more}
    answer = await house.call("POST", f"/api/{path}", body)

    assert answer.status == 201, await answer.text()
    (shown,) = await house.chat()
    assert (shown["type"], shown["from"], shown["source"]) == (kind, "shop", "api")
    if kind == "location":
        assert shown["location"] == {
            "latitude": -6.2,
            "longitude": 106.8,
            "name": "Toko",
            "address": None,
        }
        return
    assert shown["text"] == "Lihat kak"
    media = await house.ask("GET", f"/phone/api/toko-contoh/messages/{shown['plain_id']}/media")
    assert await media.read() == photo("kopi")


async def test_a_file_may_be_given_by_its_address(house: House) -> None:
    house.session()
    await house.customer()
    sent = await house.says("kopi", type="image")
    url = f"{house.url}/phone/api/toko-contoh/messages/{sent['plain_id']}/media"

    body = {
        "session": "toko-contoh",
        "chatId": BUDI_CHAT,
        "file": {"mimetype": "image/png", "url": url},
    }
    answer = await house.call("POST", "/api/sendImage", body)

    assert answer.status == 201
    assert [one["size"] for one in await house.chat()] == [len(photo("kopi"))] * 2


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/a.png", "{url}/nothing.png", "no address"])
async def test_a_file_that_is_not_to_be_had_is_an_error(house: House, address: str) -> None:
    house.session()

    file = {"mimetype": "image/png", "url": address.format(url=house.url)}
    body = {"session": "toko-contoh", "chatId": BUDI_CHAT, "file": file}
    answer = await house.call("POST", "/api/sendImage", body)

    assert answer.status == 500
    assert house.journal("sendImage")[-1].outcome == "status:500"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sendText", {"chatId": BUDI_CHAT}),
        ("sendText", {"text": "Halo"}),
        ("sendText", {"chatId": BUDI_CHAT, "text": 7}),
        ("sendImage", {"chatId": BUDI_CHAT, "file": {"data": "no base64!"}}),
        ("sendImage", {"chatId": BUDI_CHAT, "file": {}}),
        ("sendLocation", {"chatId": BUDI_CHAT, "latitude": "x", "longitude": 1, "title": "t"}),
        ("sendSeen", {}),
        ("startTyping", {}),
    ],
)
async def test_a_call_without_what_it_needs_is_refused(
    house: House, path: str, body: dict[str, Any]
) -> None:
    house.session()

    answer = await house.call("POST", f"/api/{path}", {"session": "toko-contoh", **body})

    said = await answer.json()
    assert (answer.status, said["statusCode"], said["error"]) == (400, 400, "Bad Request")
    assert isinstance(said["message"], list)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
async def test_a_body_that_cannot_be_read_is_refused(house: House, content: bytes) -> None:
    answer = await house.ask(
        "POST", "/api/sendText", data=content, headers={"X-Api-Key": house.waha.api_key}
    )

    assert answer.status == 400
    assert house.journal("sendText")[-1].outcome == "status:400"


async def test_the_key_may_stand_in_the_query(house: House) -> None:
    answer = await house.ask("GET", f"/api/sessions?x-api-key={house.waha.api_key}")

    assert answer.status == 200


async def test_a_call_with_a_wrong_key_has_no_effect(house: House) -> None:
    house.session()
    await house.customer()

    body = {"session": "toko-contoh", "chatId": BUDI_CHAT, "text": "Halo"}
    answer = await house.ask("POST", "/api/sendText", body, headers={"X-Api-Key": "wrong"})

    assert answer.status == 401
    assert await house.chat() == []
    assert [entry.outcome for entry in house.journal("sendText")] == ["status:401"]


async def test_what_waha_does_not_speak_is_not_found(house: House) -> None:
    answer = await house.call("POST", "/api/sendSmoke")

    assert answer.status == 404
    assert (await answer.json())["message"] == "Cannot POST /api/sendSmoke"


async def test_ticks_follow_the_customers_phone(house: House) -> None:
    house.session()
    await house.customer(is_online=False)

    await house.text("Siap kak")
    sent = (await house.chat())[0]["ticks"]
    await house.customer(is_online=True)
    delivered = (await house.chat())[0]["ticks"]
    await house.does("read")
    read = (await house.chat())[0]["ticks"]

    assert (sent, delivered, read) == ("sent", "delivered", "read")
    acks = await house.receiver.hears("message.ack", times=2)
    assert {one.payload["ackName"] for one in acks} == {"DEVICE", "READ"}


async def test_the_customer_sees_the_shop_reading_and_typing(house: House) -> None:
    house.session()
    await house.customer()
    await house.says("Halo")

    async with house.listening() as heard:
        for path in ("sendSeen", "startTyping", "stopTyping"):
            body = {"session": "toko-contoh", "chatId": BUDI_CHAT}
            assert (await house.call("POST", f"/api/{path}", body)).status == 201
        presence = {"chatId": BUDI_CHAT, "presence": "typing"}
        assert (await house.call("POST", "/api/toko-contoh/presence", presence)).status == 201
        await until(lambda: len(heard) == 4, "four events", within=5, every=0.01)

    assert [facts.get("ticks", facts.get("is_typing")) for _, facts in heard] == [
        "read", True, False, True,
    ]  # fmt: skip
    assert {facts.get("from") for event, facts in heard if event == "typing"} == {"shop"}


async def test_a_send_to_a_hidden_number_goes_to_the_same_customer(house: House) -> None:
    house.session()
    await house.customer(lid=BUDI_LID, writes_as="lid")
    await house.says("Halo")

    answer = await house.text("Hai", chat=f"{BUDI_LID}@lid")

    assert (await answer.json())["id"].startswith(f"true_{BUDI_LID}@lid_")
    assert [one["from"] for one in await house.chat()] == ["customer", "shop"]


async def test_a_number_without_whatsapp_gets_nothing(house: House) -> None:
    house.session()
    await house.customer(is_on_whatsapp=False)

    answer = await house.text("Halo")

    assert answer.status == 500
    assert "no LID found for" in (await answer.json())["exception"]["message"]
    assert await house.chat() == []


async def test_a_message_can_be_edited_deleted_and_reacted_to(house: House) -> None:
    house.session()
    await house.customer()
    question = await house.says("Ready kak?")
    sent = (await (await house.text("Ada")).json())["id"]
    one = f"/api/toko-contoh/chats/{BUDI_CHAT}/messages/{sent}"

    edited = await house.call("PUT", one, {"text": "Ada, 12 buah"})
    body = {"session": "toko-contoh", "messageId": question["id"], "reaction": "👍"}
    reacted = await house.call("PUT", "/api/reaction", body)
    after_edit = await house.chat()
    deleted = await house.call("DELETE", one)

    assert (edited.status, reacted.status, deleted.status) == (200, 200, 200)
    assert [one["text"] for one in after_edit] == ["Ready kak?", "Ada, 12 buah"]
    assert after_edit[0]["reactions"] == {"shop": "👍"}
    assert (await house.chat())[1]["is_revoked"]
    assert (await house.call("DELETE", one)).status == 404
    for event in ("message.edited", "message.reaction", "message.revoked"):
        assert await house.receiver.hears(event)


async def test_nobody_edits_what_a_customer_wrote(house: House) -> None:
    house.session()
    await house.customer()
    question = await house.says("Ready kak?")

    path = f"/api/toko-contoh/chats/{BUDI_CHAT}/messages/{question['id']}"
    answer = await house.call("PUT", path, {"text": "Tidak jadi"})

    assert answer.status == 422


async def test_a_reply_shows_what_it_replies_to(house: House) -> None:
    house.session()
    await house.customer()
    question = await house.says("Ready kak?")

    await house.text("Ready", reply_to=question["id"])

    shown = (await house.chat())[1]["reply_to"]
    assert shown == {
        "plain_id": question["plain_id"],
        "from": "customer",
        "type": "text",
        "text": "Ready kak?",
    }


async def test_the_journal_knows_what_a_test_asks_for(house: House) -> None:
    house.session()

    answer = await house.text("Siap kak", id="3EB0CHOSEN")

    (entry,) = house.journal("sendText")
    assert answer.status == 201
    assert (entry.provider, entry.text, entry.outcome) == ("waha", "Siap kak", "answered")
    assert entry.arrived_at <= (entry.finished_at or 0)
    assert entry.facts == {
        "call": "sendText",
        "session": "toko-contoh",
        "chat": BUDI_CHAT,
        "given_id": "3EB0CHOSEN",
        "message_id": f"true_{BUDI_CHAT}_3EB0CHOSEN",
        "is_new": True,
    }


async def test_two_shops_can_write_to_each_other(house: House) -> None:
    house.session()
    other = house.waha.add_session("toko-lain", phone=BUDI, shop="Toko Lain")

    await house.text("Halo, toko lain")
    body = {"session": "toko-lain", "chatId": "6281100000001@c.us", "text": "Halo juga"}
    await house.call("POST", "/api/sendText", body)
    seen = {"session": "toko-lain", "chatId": "6281100000001@c.us"}
    await house.call("POST", "/api/sendSeen", seen)

    mine = [(one["from"], one["text"], one["ticks"]) for one in await house.chat()]
    assert mine == [("shop", "Halo, toko lain", "read"), ("customer", "Halo juga", "delivered")]
    (theirs,) = other.chats.values()
    assert [(one.from_me, one.body) for one in theirs] == [
        (False, "Halo, toko lain"),
        (True, "Halo juga"),
    ]
    assert theirs.customer.name == "Toko Contoh"
    assert [one.payload["body"] for one in await house.receiver.hears("message")] == ["Halo juga"]


def test_the_phone_number_of_the_fixtures_is_budis() -> None:
    assert f"{BUDI}@c.us" == BUDI_CHAT

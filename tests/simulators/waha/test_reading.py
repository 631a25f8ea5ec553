"""What can be looked up: history, chats, numbers, hidden identities, files."""

import time
from typing import Any

import pytest

from simulators.waha.pictures import photo, silent_voice
from tests.simulators.waha.house import BUDI, BUDI_CHAT, BUDI_LID, House


async def history(house: House, query: str = "limit=100", chat: str = BUDI_CHAT) -> list[Any]:
    path = f"/api/toko-contoh/chats/{chat.replace('@', '%40')}/messages?{query}"
    answer = await house.call("GET", path)
    assert answer.status == 200, await answer.text()
    return [one["body"] for one in await answer.json()]


@pytest.fixture
async def shop(house: House) -> House:
    house.session()
    await house.customer(lid=BUDI_LID)
    return house


async def test_the_newest_stand_first_and_pages_do_not_overlap(shop: House) -> None:
    for n in range(5):
        await shop.says(str(n), age_s=100 - n)

    assert await history(shop) == ["4", "3", "2", "1", "0"]
    assert await history(shop, "limit=2") == ["4", "3"]
    assert await history(shop, "limit=2&offset=2") == ["2", "1"]


async def test_the_history_can_be_asked_for_a_time_and_a_side(shop: House) -> None:
    now = int(time.time())
    await shop.says("old", age_s=1000)
    await shop.says("new", age_s=10)
    await shop.text("ours")
    await shop.says("owner", writer="shop")

    since = f"filter.timestamp.gte={now - 100}"
    assert set(await history(shop, since)) == {"new", "ours", "owner"}
    assert set(await history(shop, f"{since}&filter.fromMe=true")) == {"ours", "owner"}
    assert await history(shop, f"{since}&filter.fromMe=false") == ["new"]
    assert await history(shop, f"filter.timestamp.lte={now - 100}") == ["old"]


async def test_one_customer_has_one_history_under_both_identities(shop: House) -> None:
    await shop.says("by phone", age_s=2)
    await shop.customer(writes_as="lid")
    await shop.says("hidden", age_s=1)

    assert await history(shop, chat=f"{BUDI_LID}@lid") == ["hidden", "by phone"]
    assert await history(shop) == ["hidden", "by phone"]


async def test_the_history_shows_what_the_webhook_showed(shop: House) -> None:
    await shop.says("Halo")
    (heard,) = await shop.receiver.hears("message")

    path = f"/api/toko-contoh/chats/{BUDI_CHAT}/messages"
    (shown,) = await (await shop.call("GET", path)).json()
    one = await (await shop.call("GET", f"{path}/{shown['id']}")).json()

    assert shown == heard.payload == one


@pytest.mark.parametrize("query", ["limit=x", "offset=-1", "filter.timestamp.gte=soon"])
async def test_a_page_that_makes_no_sense_is_refused(shop: House, query: str) -> None:
    answer = await shop.call("GET", f"/api/toko-contoh/chats/{BUDI_CHAT}/messages?{query}")

    assert answer.status == 400


async def test_the_overview_shows_the_last_of_each_chat(shop: House) -> None:
    await shop.customer("628111", "Sari")
    await shop.customer("628222", "Tono")
    await shop.says("first", phone="628111", age_s=20)
    await shop.says("second", age_s=10)

    shown = await (await shop.call("GET", "/api/toko-contoh/chats/overview?limit=5")).json()

    assert [(one["name"], one["lastMessage"]["body"]) for one in shown] == [
        ("Budi", "second"),
        ("Sari", "first"),
    ]


async def test_a_customer_who_hides_is_answered_for_with_the_hidden_identity(shop: House) -> None:
    await shop.customer(writes_as="lid")

    path = f"/api/contacts/check-exists?phone=%2B{BUDI}&session=toko-contoh"
    said = await (await shop.call("GET", path)).json()

    assert said == {"numberExists": True, "chatId": f"{BUDI_LID}@lid"}


async def test_identities_that_waha_does_not_know_are_not_listed(shop: House) -> None:
    await shop.customer("628111", "Sari", is_phone_hidden=True)

    listed = await (await shop.call("GET", "/api/toko-contoh/lids")).json()
    count = await (await shop.call("GET", "/api/toko-contoh/lids/count")).json()
    unknown = await (await shop.call("GET", "/api/toko-contoh/lids/pn/628111")).json()

    assert listed == [{"lid": f"{BUDI_LID}@lid", "pn": BUDI_CHAT}]
    assert count == {"count": 1}
    assert unknown == {"lid": None, "pn": "628111@c.us"}


async def test_a_contact_is_shown(shop: House) -> None:
    path = f"/api/contacts?contactId={BUDI_CHAT}&session=toko-contoh"

    said = await (await shop.call("GET", path)).json()

    assert (said["id"], said["number"], said["pushname"]) == (BUDI_CHAT, BUDI, "Budi")


async def path_of_file(house: House) -> str:
    """Where a client finds the file of the webhook: the host in it is WAHA's own idea."""
    (heard,) = await house.receiver.hears("message")
    url = str(heard.payload["media"]["url"])
    assert url.startswith("http://localhost:3000/api/files/toko-contoh/")
    return url.removeprefix("http://localhost:3000")


@pytest.mark.parametrize(
    ("kind", "content", "mimetype"),
    [
        ("image", photo("bukti"), "image/png"),
        ("voice", silent_voice(4), "audio/ogg; codecs=opus"),
    ],
)
async def test_a_file_is_fetched_with_the_key(
    shop: House, kind: str, content: bytes, mimetype: str
) -> None:
    await shop.says("bukti", type=kind)
    path = await path_of_file(shop)

    answer = await shop.call("GET", path)

    assert (answer.status, answer.headers["Content-Type"]) == (200, mimetype)
    assert await answer.read() == content
    assert (await shop.ask("GET", path)).status == 401


async def test_a_file_that_is_gone_is_not_found(shop: House) -> None:
    await shop.says("bukti", type="image", media="gone")

    answer = await shop.call("GET", await path_of_file(shop))

    assert answer.status == 404
    assert (await answer.json())["error"]["key"] == "FILE_NOT_FOUND"


async def test_files_do_not_stay_for_ever(shop: House) -> None:
    await shop.ask("PUT", "/waha/control/files", {"lifetime_s": 0.000001})
    await shop.says("bukti", type="image")
    path = await path_of_file(shop)
    gone = await shop.call("GET", path)

    await shop.ask("PUT", "/waha/control/files", {"lifetime_s": 0})

    assert gone.status == 404
    assert (await shop.call("GET", path)).status == 200


async def test_a_file_that_failed_has_no_address(shop: House) -> None:
    await shop.says("bukti", type="image", media="failed")

    (heard,) = await shop.receiver.hears("message")

    assert heard.payload["hasMedia"] is True
    assert heard.payload["media"]["url"] is None
    assert heard.payload["media"]["error"]


@pytest.mark.parametrize("name", ["nothing.png", "false_1@c.us_3EB0.png"])
async def test_a_file_that_never_was_is_not_found(shop: House, name: str) -> None:
    assert (await shop.call("GET", f"/api/files/toko-contoh/{name}")).status == 404

"""What the pretend WAHA says has the shapes of real captures and of the published pages."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from simulators.waha.engines import EngineName
from simulators.waha.rules import WahaRule
from simulators.waha.server import Waha
from simulators.waha.weather import Weather
from tests.simulators.waha.house import BUDI, BUDI_LID, House, fixture
from tests.waiting import until

Scene = Callable[[House], Awaitable[object]]
GROUP = "120363000000000001@g.us"

#: what engines fill with whatever they have
FREE = {"_data.Message", "_data.message"}


def shape(value: object, path: str = "") -> object:
    """The keys, all the way down; lists are shown by their first."""
    if isinstance(value, dict) and path not in FREE:
        names = cast("dict[str, object]", value)
        return {name: shape(names[name], f"{path}.{name}".lstrip(".")) for name in sorted(names)}
    if isinstance(value, list) and value:
        return [shape(cast("list[object]", value)[0], path)]
    return None


async def text(house: House) -> None:
    await house.says("Halo kak")


async def reply(house: House) -> None:
    offer = await house.says("Kopi Gayo 250 gr - Rp85.000", writer="shop")
    await house.says("yang ini 1 ya", reply_to=offer["plain_id"])


async def group(house: House) -> None:
    await house.says("min, ready?", chat_id=GROUP)


async def as_lid(house: House) -> None:
    await house.customer(lid=BUDI_LID, writes_as="lid")
    await house.says("checkout dong kak")


async def as_unknown_lid(house: House) -> None:
    await house.customer(lid="999888777666555", writes_as="lid", is_phone_hidden=True)
    await house.says("halo")


async def reaction(house: House) -> None:
    offer = await house.says("Kopi Gayo", writer="shop")
    await house.changes("PUT", offer, "/reaction", emoji="👍")


async def no_reaction(house: House) -> None:
    offer = await house.says("Kopi Gayo", writer="shop")
    await house.changes("PUT", offer, "/reaction", emoji="")


async def edit(house: House) -> None:
    await house.changes("PUT", await house.says("pesan 2 ya kak"), text="pesan 3 ya kak")


async def revoke(house: House) -> None:
    await house.changes("DELETE", await house.says("pesan 2 ya kak"))


async def read(house: House) -> None:
    await house.text("Siap kak")
    await house.does("read")


async def refused_ack(house: House) -> None:
    house.told(WahaRule(acks="refused"))
    await house.text("Siap kak")


async def pairing(house: House) -> None:
    await house.call("POST", "/api/sessions/toko-contoh/logout")
    await house.ask("POST", "/phone/api/toko-contoh/pair")


async def failing(house: House) -> None:
    await house.call("POST", "/api/sessions/toko-contoh/logout")
    body = {"status": "FAILED"}
    await house.ask("POST", "/waha/control/sessions/toko-contoh/status", body)


def state_of(envelope: dict[str, Any]) -> object:
    """Of a session or of a message from the shop."""
    is_move = envelope["event"] in {"session.status", "message.ack"}
    payload = envelope["payload"]
    return (payload.get("status") or payload.get("ackName")) if is_move else None


async def heard(house: House, event: str, state: object) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        envelopes = [one.envelope for one in house.receiver.of(event)]
        return [one for one in envelopes if state_of(one) == state]

    return (await until(found, f"{event} {state}", within=5, every=0.01))[-1]


def saying(text: str, **more: Any) -> Scene:
    async def scene(house: House) -> None:
        await house.says(text, **more)

    return scene


def doing(what: str, **more: Any) -> Scene:
    async def scene(house: House) -> None:
        await house.does(what, **more)

    return scene


#: the fixture, and how the same comes about here
SCENES: dict[str, Scene] = {
    "waha_message_text_webjs": text,
    "waha_message_text_noweb": text,
    "waha_message_image": saying("ini bukti transfernya kak", type="image", mimetype="image/jpeg"),
    "waha_message_image_not_downloaded": saying("", type="image", media="not_downloaded"),
    "waha_message_voice": saying("", type="voice"),
    "waha_message_location": saying("Rumah", type="location", address="Jl. Contoh No. 1"),
    "waha_message_reply": reply,
    "waha_message_group_gows": group,
    "waha_message_group_noweb": group,
    "waha_message_status_broadcast": saying("liburan!", chat_id="status@broadcast"),
    "waha_message_any_from_me_api_noweb": lambda house: house.text("Siap kak"),
    "waha_message_any_from_me_app_webjs": saying("Kak Budi, ini admin", writer="shop"),
    "waha_message_lid_gows": as_lid,
    "waha_message_lid_noweb": as_lid,
    "waha_message_lid_unresolved": as_unknown_lid,
    "waha_message_ack_device": lambda house: house.text("Siap kak"),
    "waha_message_ack_read": read,
    "waha_message_ack_error_463": refused_ack,
    "waha_message_reaction": reaction,
    "waha_message_reaction_removed": no_reaction,
    "waha_message_edited": edit,
    "waha_message_revoked": revoke,
    "waha_session_status_working": pairing,
    "waha_session_status_scan_qr": pairing,
    "waha_session_status_failed": failing,
    "waha_call_received": doing("call"),
    "waha_presence_update": doing("typing", is_typing=True),
    "waha_message_text_gows_no_top_engine": text,
}


def test_every_captured_webhook_has_a_scene() -> None:
    captured = {
        one["file"] for one in fixture("manifest.json")["fixtures"] if one["kind"] == "webhook"
    }

    assert {f"{name}.json" for name in SCENES} == captured


@pytest.mark.parametrize("name", SCENES)
async def test_a_webhook_has_the_shape_of_a_captured_one(house: House, name: str) -> None:
    captured = fixture(f"{name}.json")
    house.session(captured["environment"]["engine"])
    house.waha.sky.change(Weather(top_engine="engine" in captured))
    await house.customer()

    await SCENES[name](house)

    said = await heard(house, captured["event"], state_of(captured))
    assert shape(said["payload"]) == shape(captured["payload"])
    assert shape({**said, "payload": 0}) == shape({**captured, "payload": 0})
    assert said["environment"] == captured["environment"]
    assert said.get("me", {}).get("pushName") == captured.get("me", {}).get("pushName")


@pytest.mark.parametrize("name", ["text_webjs", "text_noweb", "lid_gows", "lid_noweb"])
async def test_what_was_said_stands_where_it_stands_in_a_captured_webhook(
    house: House, name: str
) -> None:
    captured = fixture(f"waha_message_{name}.json")
    house.session(captured["engine"])
    writes_as = "lid" if "lid" in name else "phone"
    await house.customer(lid=BUDI_LID, writes_as=writes_as)

    payload = captured["payload"]
    age_s = time.time() - payload["timestamp"] - 0.5
    await house.says(payload["body"], id=payload["id"].split("_")[-1], age_s=age_s)

    said = (await house.receiver.hears("message"))[0].payload
    assert said == payload


@pytest.mark.parametrize("engine", ["GOWS", "NOWEB", "WEBJS"])
async def test_a_send_answers_as_its_engine_does(house: House, engine: EngineName) -> None:
    house.session(engine)
    captured = fixture(f"waha_api_send_text_response_{engine.lower()}.json")

    answer = await house.text("Siap kak, stok masih ada 12.")

    said = await answer.json()
    assert answer.status == 201
    assert shape(said) == shape(captured)
    assert {name: type(value) for name, value in said.items()} == {
        name: type(value) for name, value in captured.items()
    }


async def test_a_session_is_shown_as_captured(house: House) -> None:
    house.session(policy="exponential", delaySeconds=2, attempts=10)

    said = await (await house.call("GET", "/api/sessions/toko-contoh")).json()

    captured = fixture("waha_api_session.json")
    captured["config"]["webhooks"][0].pop("customHeaders")
    captured["me"]["lid"] = said["me"]["lid"]
    captured["config"]["webhooks"][0] |= {"url": house.receiver.url}
    captured["config"]["webhooks"][0] |= {"events": said["config"]["webhooks"][0]["events"]}
    assert said == captured


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (f"/api/contacts/check-exists?phone={BUDI}&session=toko-contoh", "check_exists"),
        (
            "/api/contacts/check-exists?phone=628999&session=toko-contoh",
            "check_exists_missing",
        ),
        (f"/api/toko-contoh/lids/{BUDI_LID}", "lid_to_pn"),
        ("/api/toko-contoh/lids/999888777666555%40lid", "lid_to_pn_unknown"),
        (f"/api/toko-contoh/lids/pn/{BUDI}", "lid_to_pn"),
    ],
)
async def test_a_question_about_a_number_is_answered_as_captured(
    house: House, query: str, name: str
) -> None:
    house.session()
    await house.customer(lid=BUDI_LID)
    await house.customer("628999", is_on_whatsapp=False)

    answer = await house.call("GET", query)

    assert await answer.json() == fixture(f"waha_api_{name}.json")


async def test_a_wrong_key_is_refused_as_captured(house: House) -> None:
    for headers in ({"X-Api-Key": "wrong"}, {}):
        answer = await house.ask("GET", "/api/sessions", headers=headers)

        assert (answer.status, await answer.json()) == (401, fixture("waha_api_error_401.json"))


async def test_an_unknown_session_is_refused_as_captured(house: House) -> None:
    answer = await house.text("Halo")

    assert (answer.status, await answer.json()) == (404, fixture("waha_api_error_404_session.json"))


async def test_a_send_before_the_scan_is_refused_as_captured(house: House) -> None:
    house.session(is_paired=False)

    answer = await house.text("Halo")

    captured = fixture("waha_api_error_422_session_status.json")
    assert (answer.status, await answer.json()) == (422, captured)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (WahaRule(trouble="timelock"), "timelock_463"),
        (WahaRule(trouble="not_on_whatsapp"), "number_not_on_whatsapp"),
    ],
)
async def test_trouble_with_a_number_is_told_as_captured(
    house: House, rule: WahaRule, name: str
) -> None:
    house.session()
    house.told(rule)

    answer = await house.text("x")

    captured = fixture(f"waha_api_error_500_{name}.json")
    said = await answer.json()
    assert answer.status == 500
    assert said == captured | {"timestamp": said["timestamp"]}


def test_sessions_without_a_number_get_one_each() -> None:
    waha = Waha()

    phones = {waha.add_session(name).owner.phone for name in ("one", "two", "three")}

    assert len(phones) == 3

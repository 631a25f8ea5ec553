"""Sessions go through WAHA's states, and tell of each."""

import base64
from typing import Any

import orjson
import pytest

from simulators.waha.sessions import Status
from tests.simulators.waha.house import BUDI, House

PNG = b"\x89PNG\r\n\x1a\n"


def states(house: House) -> list[str]:
    return [one.payload["status"] for one in house.receiver.of("session.status")]


async def act(house: House, what: str, *, name: str = "toko-contoh") -> tuple[int, Any]:
    answer = await house.call("POST", f"/api/sessions/{name}/{what}")
    return answer.status, await answer.json()


async def create(house: House, **body: Any) -> tuple[int, Any]:
    webhook = {"url": house.receiver.url, "events": ["session.status"]}
    config = {"metadata": {"tenant_id": "t"}, "webhooks": [webhook]}
    answer = await house.call("POST", "/api/sessions", {"config": config, **body})
    return answer.status, await answer.json()


async def test_a_new_session_waits_for_a_scan_and_then_works(house: House) -> None:
    status, made = await create(house, name="baru")
    picture = await house.call("GET", "/api/baru/auth/qr")
    await house.ask("POST", "/phone/api/baru/pair")
    shown = await (await house.call("GET", "/api/sessions/baru")).json()

    assert (status, made["status"], made["me"]) == (201, "SCAN_QR_CODE", None)
    assert (picture.status, picture.content_type) == (200, "image/png")
    assert (shown["status"], shown["me"]["pushName"]) == ("WORKING", "baru")
    heard = await house.receiver.hears("session.status", times=3)
    assert {one.payload["status"] for one in heard} == {"STARTING", "SCAN_QR_CODE", "WORKING"}
    assert {one.envelope["metadata"]["tenant_id"] for one in heard} == {"t"}
    last = next(one.payload for one in heard if one.payload["status"] == "WORKING")
    assert [one["status"] for one in last["statuses"]] == ["STARTING", "SCAN_QR_CODE", "WORKING"]


async def test_a_session_may_be_made_without_starting(house: House) -> None:
    _, made = await create(house, name="baru", start=False)
    listed = await (await house.call("GET", "/api/sessions")).json()
    all_listed = await (await house.call("GET", "/api/sessions?all=true")).json()

    assert made["status"] == "STOPPED"
    assert listed == []
    assert [one["name"] for one in all_listed] == ["baru"]


async def test_a_session_without_a_name_gets_one(house: House) -> None:
    _, made = await create(house)

    assert (await house.call("GET", f"/api/sessions/{made['name']}")).status == 200


async def test_a_name_is_taken_once(house: House) -> None:
    await create(house, name="baru")

    status, said = await create(house, name="baru")

    assert (status, said["error"]) == (422, "Unprocessable Entity")


@pytest.mark.parametrize(
    ("name", "config"),
    [("a b", "{}"), ("a", '{"webhooks": "x"}'), ("a", '{"webhooks": [{}]}'), ("a", "7")],
)
async def test_a_session_that_makes_no_sense_is_refused(
    house: House, name: str, config: str
) -> None:
    status, said = await create(house, name=name, config=orjson.loads(config))

    assert (status, said["statusCode"]) == (400, 400)


async def test_start_and_stop_may_be_said_twice(house: House) -> None:
    house.session()

    said = [await act(house, what) for what in ("start", "stop", "stop", "start", "start")]

    assert [status for status, _ in said] == [201] * 5
    assert [one["status"] for _, one in said] == [
        "WORKING", "STOPPED", "STOPPED", "WORKING", "WORKING",
    ]  # fmt: skip
    await house.receiver.hears("session.status", times=3)
    assert sorted(states(house)) == ["STARTING", "STOPPED", "WORKING"]


async def test_an_update_replaces_the_config_and_restarts(house: House) -> None:
    house.session()

    body = {"config": {"metadata": {"tenant_id": "other"}}}
    answer = await house.call("PUT", "/api/sessions/toko-contoh", body)

    shown = await answer.json()
    assert (answer.status, shown["config"], shown["status"]) == (200, body["config"], "WORKING")


async def test_a_removed_session_is_unknown_and_may_be_removed_again(house: House) -> None:
    house.session()

    removed = [await house.call("DELETE", "/api/sessions/toko-contoh") for _ in range(2)]

    assert [one.status for one in removed] == [200, 200]
    assert (await house.call("GET", "/api/sessions/toko-contoh")).status == 404


async def test_logging_out_keeps_the_config_and_asks_for_a_scan(house: House) -> None:
    session = house.session()
    config = session.raw_config

    status, said = await act(house, "logout")

    assert (status, said["status"], said["me"]) == (201, "SCAN_QR_CODE", None)
    assert said["config"] == config
    me = await house.call("GET", "/api/sessions/toko-contoh/me")
    assert await me.json() is None


async def test_a_session_knows_who_it_is(house: House) -> None:
    house.session()

    me = await (await house.call("GET", "/api/sessions/toko-contoh/me")).json()

    assert (me["id"], me["pushName"]) == ("6281100000001@c.us", "Toko Contoh")


async def test_the_code_to_scan_comes_in_three_forms(house: House) -> None:
    house.session(is_paired=False)
    path = "/api/toko-contoh/auth/qr"

    picture = await (await house.call("GET", path)).read()
    accept = {"Accept": "application/json"}
    in_json = await (await house.call("GET", path, headers=accept)).json()
    raw = await (await house.call("GET", f"{path}?format=raw")).json()

    assert picture.startswith(PNG)
    assert in_json["mimetype"] == "image/png"
    assert base64.b64decode(in_json["data"]) == picture
    assert raw["value"]


async def test_another_scan_shows_another_code(house: House) -> None:
    house.session(is_paired=False)
    first = await (await house.call("GET", "/api/toko-contoh/auth/qr")).read()
    await house.ask("POST", "/phone/api/toko-contoh/pair")

    await act(house, "logout")

    assert await (await house.call("GET", "/api/toko-contoh/auth/qr")).read() != first


async def test_a_code_to_type_in_looks_like_one(house: House) -> None:
    house.session(is_paired=False)

    body = {"phoneNumber": "6281100000001"}
    answer = await house.call("POST", "/api/toko-contoh/auth/request-code", body)

    code = (await answer.json())["code"]
    assert (len(code), code[4]) == (9, "-")


async def test_a_session_that_works_shows_no_code(house: House) -> None:
    house.session()

    answer = await house.call("GET", "/api/toko-contoh/auth/qr")

    assert (answer.status, (await answer.json())["expected"]) == (422, ["SCAN_QR_CODE"])


@pytest.mark.parametrize("status", ["STOPPED", "STARTING", "SCAN_QR_CODE", "FAILED"])
async def test_only_a_session_that_works_sends(house: House, status: Status) -> None:
    house.session()
    body = {"status": status}
    await house.ask("POST", "/waha/control/sessions/toko-contoh/status", body)

    answer = await house.text("Halo")

    assert (answer.status, (await answer.json())["status"]) == (422, status)
    assert await house.receiver.hears("session.status")


async def test_what_is_said_meanwhile_arrives_when_the_session_works_again(house: House) -> None:
    house.session()
    await house.customer()
    await act(house, "stop")
    waiting = await house.says("Ada orang?", age_s=3600)
    ticks_meanwhile = (await house.chat())[0]["ticks"]

    await act(house, "start")

    (heard,) = await house.receiver.hears("message")
    assert ticks_meanwhile == "sent"
    assert heard.payload["id"] == waiting["id"]
    assert heard.envelope["timestamp"] / 1000 - heard.payload["timestamp"] > 3500
    assert (await house.chat())[0]["ticks"] == "delivered"


async def test_a_failed_session_starts_again(house: House) -> None:
    session = house.session()
    session.move("FAILED")

    _, said = await act(house, "restart")

    assert said["status"] == "WORKING"


async def test_a_session_with_any_engine_is_made_over_the_control_channel(house: House) -> None:
    body = {"name": "lain", "engine": "NOWEB", "phone": BUDI, "shop": "Toko Lain"}

    answer = await house.ask("POST", "/waha/control/sessions", body)

    assert answer.status == 201
    listed = await (await house.ask("GET", "/phone/api/sessions")).json()
    assert listed == [
        {"name": "lain", "status": "WORKING", "engine": "NOWEB", "shop": "Toko Lain", "phone": BUDI}
    ]


async def test_the_server_says_how_it_is_and_what(house: House) -> None:
    ping = await house.ask("GET", "/ping")
    health = await house.ask("GET", "/health")
    version = await house.call("GET", "/api/server/version")

    assert await ping.json() == {"message": "pong"}
    assert await health.json() == {"status": "ok", "info": {}, "error": {}, "details": {}}
    assert (await version.json())["version"] == "2026.7.1"

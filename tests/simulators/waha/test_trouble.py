"""Each way in which a send goes wrong: what the caller sees, and what is on the phone."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientError

from simulators.waha.rules import WahaRule
from tests.simulators.waha.house import BUDI_CHAT, House
from tests.waiting import until


async def on_the_phone(house: House) -> list[str]:
    return [one["text"] for one in await house.chat()]


async def outcome(house: House) -> str:
    def ended() -> str | None:
        return house.journal("sendText")[-1].outcome

    return str(await until(ended, "the call ended", within=5, every=0.01))


@pytest.fixture
async def shop(house: House) -> House:
    house.session()
    await house.customer()
    return house


@pytest.mark.parametrize(
    ("rule", "status", "texts"),
    [
        (WahaRule(status=500), 500, []),
        (WahaRule(status=500, in_effect=True), 500, ["Siap"]),
        (WahaRule(status=503), 503, []),
        (WahaRule(status=429, retry_after=3), 429, []),
        (WahaRule(status=422), 422, []),
        (WahaRule(trouble="not_working"), 422, []),
        (WahaRule(trouble="timelock"), 500, []),
        (WahaRule(trouble="not_on_whatsapp"), 500, []),
        (WahaRule(trouble="stuck"), 500, []),
        (WahaRule(trouble="stuck", in_effect=True), 500, ["Siap"]),
        (WahaRule(garbage="html"), 502, ["Siap"]),
        (WahaRule(garbage="text"), 201, ["Siap"]),
    ],
    ids=lambda one: repr(one) if isinstance(one, WahaRule) else None,
)
async def test_an_answer_that_is_no_answer(
    shop: House, rule: WahaRule, status: int, texts: list[str]
) -> None:
    shop.told(rule)

    answer = await shop.text("Siap")

    assert answer.status == status
    assert await on_the_phone(shop) == texts
    assert bool(shop.journal("sendText")[0].facts.get("message_id")) is bool(texts)


async def test_a_send_that_worked_may_answer_nothing(shop: House) -> None:
    shop.told(WahaRule(garbage="empty"))

    answer = await shop.text("Siap")

    assert (answer.status, await answer.read()) == (201, b"")
    assert await on_the_phone(shop) == ["Siap"]


@pytest.mark.parametrize(
    ("rule", "texts", "ending"),
    [
        (WahaRule(reset="before"), [], "reset:before"),
        (WahaRule(reset="midway"), ["Siap"], "reset:midway"),
        (WahaRule(reset="after"), ["Siap"], "reset:after"),
    ],
)
async def test_a_connection_that_breaks(
    shop: House, rule: WahaRule, texts: list[str], ending: str
) -> None:
    shop.told(rule)

    with pytest.raises(ClientError):
        await shop.text("Siap")

    assert await on_the_phone(shop) == texts
    assert await outcome(shop) == ending


@pytest.mark.parametrize(
    ("rule", "texts"), [(WahaRule(hang=True), []), (WahaRule(hang=True, in_effect=True), ["Siap"])]
)
async def test_a_send_that_hangs(shop: House, rule: WahaRule, texts: list[str]) -> None:
    shop.told(rule)

    asking = asyncio.create_task(shop.text("Siap"))
    await until(lambda: shop.journal("sendText"), "the call arrived", within=5, every=0.01)
    seen = await on_the_phone(shop)
    asking.cancel()

    assert seen == texts
    assert await outcome(shop) == "hang"


async def test_after_a_send_that_broke_the_same_id_is_no_second_message(shop: House) -> None:
    shop.told(WahaRule(reset="after", times=1))
    with pytest.raises(ClientError):
        await shop.text("Siap", id="3EB0CHOSEN")

    answer = await shop.text("Siap", id="3EB0CHOSEN")

    assert answer.status == 201
    assert await on_the_phone(shop) == ["Siap"]


async def test_after_a_send_that_broke_the_history_tells(shop: House) -> None:
    shop.told(WahaRule(call="sendText", status=500, in_effect=True, times=1))
    await shop.text("Siap")

    path = f"/api/toko-contoh/chats/{BUDI_CHAT}/messages?filter.fromMe=true&limit=5"
    history: list[dict[str, Any]] = await (await shop.call("GET", path)).json()

    assert [(one["body"], one["source"]) for one in history] == [("Siap", "api")]


async def test_ticks_may_never_come(shop: House) -> None:
    shop.told(WahaRule(acks="never"))

    await shop.text("Siap")

    assert [one["ticks"] for one in await shop.chat()] == ["sent"]


@pytest.mark.parametrize(
    "rule",
    [
        WahaRule(call="sendText", status=500),
        WahaRule(call="send*", status=500),
        WahaRule(session="toko-contoh", status=500),
        WahaRule(chat=BUDI_CHAT, status=500),
        WahaRule(when="iap", status=500),
    ],
    ids=repr,
)
async def test_a_rule_strikes_what_it_names(shop: House, rule: WahaRule) -> None:
    shop.told(rule)

    assert (await shop.text("Siap")).status == 500


@pytest.mark.parametrize(
    "rule",
    [
        WahaRule(call="sendImage", status=500),
        WahaRule(call="get*", status=500),
        WahaRule(session="other", status=500),
        WahaRule(chat="1@c.us", status=500),
        WahaRule(when="Tidak", status=500),
        WahaRule(nth=2, status=500),
    ],
    ids=repr,
)
async def test_a_rule_spares_what_it_does_not_name(shop: House, rule: WahaRule) -> None:
    shop.told(rule)

    assert (await shop.text("Siap")).status == 201


async def test_a_script_is_set_shown_and_cleared_over_http(shop: House) -> None:
    rules = [{"call": "sendText", "trouble": "timelock", "times": 1}]
    assert (await shop.ask("PUT", "/waha/control/script", rules)).status == 204

    statuses = [(await shop.text("Siap")).status for _ in range(2)]
    shown = await (await shop.ask("GET", "/waha/control/script")).json()
    await shop.ask("DELETE", "/waha/control/script")

    assert statuses == [500, 201]
    assert shown == [{"rule": rules[0], "used": 1}]
    assert shop.waha.script.lines == []


async def test_a_misspelt_rule_is_refused(shop: House) -> None:
    answer = await shop.ask("PUT", "/waha/control/script", [{"cal": "sendText"}])

    assert answer.status == 422

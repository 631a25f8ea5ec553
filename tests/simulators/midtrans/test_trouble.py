"""Calls of Midtrans fail as calls do, before and after they had their effect."""

from typing import Any

import pytest
from aiohttp import ClientError, ClientTimeout

from tests.simulators.midtrans.house import ORDER, House, asked

CREATE = "/snap/v1/transactions"


async def told(house: House, *rules: dict[str, Any]) -> None:
    await house.control("PUT", "/script", list(rules))


async def test_a_create_may_take_effect_although_nobody_hears_of_it(house: House) -> None:
    await told(house, {"call": "create", "reset": "after", "times": 1})

    with pytest.raises(ClientError):
        await house.call("POST", CREATE, asked())

    assert [one["order_id"] for one in await house.control("GET", "/orders")] == [ORDER]
    assert [one.outcome for one in house.journal("create")] == ["reset:after"]
    await house.create()


async def test_a_create_may_be_lost_before_anything_happens(house: House) -> None:
    await told(house, {"call": "create", "reset": "before", "times": 1})

    with pytest.raises(ClientError):
        await house.call("POST", CREATE, asked())

    assert await house.control("GET", "/orders") == []


async def test_a_server_may_be_down(house: House) -> None:
    await told(house, {"status": 503, "retry_after": 7, "times": 2})

    snap = await house.call("POST", CREATE, asked())
    core = await house.call("GET", f"/v2/{ORDER}/status")

    assert (snap.status, snap.headers["Retry-After"]) == (503, "7")
    assert list(await snap.json()) == ["error_messages"]
    assert core.status == 503
    assert (await core.json())["status_code"] == "503"


async def test_a_server_may_fail_after_the_work_is_done(house: House) -> None:
    await told(house, {"call": "create", "status": 500, "in_effect": True})

    answer = await house.call("POST", CREATE, asked())

    assert answer.status == 500
    assert len(await house.control("GET", "/orders")) == 1


async def test_a_server_may_say_nothing(house: House) -> None:
    await told(house, {"call": "status", "hang": True, "in_effect": True})

    with pytest.raises(TimeoutError):
        await house.call("GET", f"/v2/{ORDER}/status", timeout=ClientTimeout(total=0.1))


@pytest.mark.parametrize("garbage", ["html", "text", "truncated", "empty", "shape"])
async def test_an_answer_may_be_no_answer(house: House, garbage: str) -> None:
    await told(house, {"call": "create", "garbage": garbage})

    answer = await house.call("POST", CREATE, asked())

    assert b"redirect_url" not in await answer.read() or garbage == "truncated"


async def test_rules_are_for_a_call_an_order_or_a_merchant(house: House) -> None:
    await told(
        house,
        {"call": "cancel*", "status": 501},
        {"reference": "ORD-2", "status": 502},
        {"merchant": "G000000009", "status": 504},
    )
    await house.create()

    statuses = [
        (await house.call("POST", f"/v2/{ORDER}/cancel")).status,
        (await house.call("GET", "/v2/ORD-2/status")).status,
        (await house.call("GET", f"/v2/{ORDER}/status")).status,
    ]

    assert statuses == [501, 502, 200]
    shown = await house.control("GET", "/script")
    assert [line["used"] for line in shown] == [1, 1, 0]
    await house.control("DELETE", "/script")
    assert await house.control("GET", "/script") == []


async def test_a_refusal_of_the_status_api_stands_in_the_body(house: House) -> None:
    await told(house, {"call": "refund", "status": 414})
    await house.paid()

    refused = await house.core("POST", f"{ORDER}/refund", {"refund_key": "R"})

    assert refused["status_code"] == "414"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/orders/unknown/pay", {}, 404),
        (f"/orders/{ORDER}/pay", {"method": "cash"}, 422),
        (f"/orders/{ORDER}/move", {"to": "expire"}, 409),
        (f"/orders/{ORDER}/move", {"to": "nowhere"}, 422),
        (f"/orders/{ORDER}/refund", {"amount": -1}, 422),
    ],
)
async def test_the_control_channel_says_what_is_not_possible(
    house: House, path: str, body: dict[str, Any], status: int
) -> None:
    await house.create()

    assert (await house.refused_control("POST", path, body)).status == status


async def test_settings_clock_and_weather_are_shown(house: House) -> None:
    assert (await house.control("GET", "/settings"))["retry_scale"] == 0
    assert (await house.control("GET", "/weather"))["copies"] == 1
    assert (await house.control("GET", "/clock"))["pace"] == 1


async def test_an_order_is_shown_as_it_was_asked_for(house: House) -> None:
    await house.paid()

    shown = await house.control("GET", f"/orders/{ORDER}")

    assert shown["asked"]["customer_details"]["first_name"] == "Budi"
    assert [one["status"] for one in shown["transactions"]] == ["settlement"]

"""A shop makes invoices at Xendit, finds them again, and ends them."""

from typing import Any

import pytest

from tests.simulators.paying import fixture, shape
from tests.simulators.xendit.house import ORDER, House

ITEM = {"name": "Kopi", "price": 85_000, "quantity": 2}


async def test_an_invoice_has_the_shape_of_the_fixture(house: House) -> None:
    made = await house.create(payment_methods=["QRIS", "BCA", "ALFAMART", "OVO", "DANA"])

    expected = fixture("xendit", "xendit_api_invoice_create_response.json")
    assert shape(made) == shape(expected)
    assert (made["status"], made["amount"], made["currency"]) == ("PENDING", 170_000, "IDR")
    assert made["available_banks"] == expected["available_banks"]
    assert made["should_exclude_credit_card"] is True
    assert (await house.page(made["invoice_url"])).status == 200


async def test_without_methods_everything_that_there_is_may_be_used(house: House) -> None:
    made = await house.create(payment_methods=[])

    assert made["should_exclude_credit_card"] is False
    assert {one["ewallet_type"] for one in made["available_ewallets"]} >= {"OVO", "DANA"}


async def test_pages_are_where_people_find_them(house: House) -> None:
    await house.control("PUT", "/settings", {"public_url": "https://pay.example"})

    assert (await house.create())["invoice_url"].startswith("https://pay.example/xendit/web/")


async def test_parts_of_a_rupiah_are_cut_off(house: House) -> None:
    assert (await house.create(amount=4550.5))["amount"] == 4550


async def test_items_need_not_add_up(house: House) -> None:
    assert (await house.create(amount=1_000, items=[ITEM]))["amount"] == 1_000


async def test_an_invoice_lasts_as_long_as_asked(house: House) -> None:
    await house.control("PUT", "/clock", {"pace": 0, "now": "2026-01-27T08:10:00.123Z"})

    made = await house.create(invoice_duration=3_600)

    assert made["created"] == "2026-01-27T08:10:00.123Z"
    assert made["expiry_date"] == "2026-01-27T09:10:00.123Z"


async def test_a_stranger_is_turned_away_in_xendits_words(house: House) -> None:
    refused = await house.create(key="xnd_development_wrong", status=401)

    assert refused == fixture("xendit", "xendit_api_error_invalid_key.json")


async def test_every_key_is_let_in_where_the_simulator_is_told_so(house: House) -> None:
    await house.control("PUT", "/settings", {"any_key": True})

    made = await house.create(key="xnd_development_any+body/==")

    assert made["user_id"] != (await house.create())["user_id"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"external_id": ""}, "/body/external_id"),
        ({"external_id": "A" * 256}, "/body/external_id"),
        ({"external_id": None}, "/body/external_id"),
        ({"amount": "170000"}, "/body/amount"),
        ({"amount": True}, "/body/amount"),
        ({"amount": 0}, "/body/amount"),
        ({"amount": None}, "/body/amount"),
        ({"currency": "EUR"}, "/body/currency"),
        ({"invoice_duration": 0}, "/body/invoice_duration"),
        ({"invoice_duration": 366 * 86_400}, "/body/invoice_duration"),
        ({"items": [ITEM] * 76}, "/body/items"),
        ({"items": [{"name": "Kopi"}]}, "/body/items/0/price"),
        ({"fees": [{"type": "Admin", "value": 1}] * 11}, "/body/fees"),
        ({"metadata": {f"k{n}": n for n in range(51)}}, "/body/metadata"),
        ({"metadata": {"k" * 41: 1}}, f"/body/metadata/{'k' * 41}"),
        ({"metadata": {"k": "v" * 501}}, "/body/metadata/k"),
    ],
)
async def test_what_is_wrong_is_named(house: House, changes: dict[str, Any], path: str) -> None:
    refused = await house.create(status=400, **changes)

    assert shape(refused) == shape(fixture("xendit", "xendit_api_error_validation.json"))
    assert refused["error_code"] == "API_VALIDATION_ERROR"
    assert path in [one["path"] for one in refused["errors"]]
    assert house.xendit.invoices == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"payment_methods": ["BCA"], "amount": 9_999}, "MINIMAL_TRANSFER_AMOUNT_ERROR"),
        ({"payment_methods": ["INDOMARET"], "amount": 2_500_001}, "MAXIMUM_TRANSFER_AMOUNT_ERROR"),
        ({"payment_methods": ["CASH"]}, "UNAVAILABLE_PAYMENT_METHOD_ERROR"),
    ],
)
async def test_nothing_is_made_that_nobody_could_pay(
    house: House, changes: dict[str, Any], code: str
) -> None:
    refused = await house.create(status=400, **changes)

    assert shape(refused) == shape(fixture("xendit", "xendit_api_invoice_error_minimum.json"))
    assert refused["error_code"] == code


async def test_what_is_no_json_is_refused(house: House) -> None:
    for path in ("/v2/invoices", "/refunds"):
        answer = await house.call("POST", path, data=b"{")

        assert answer.status == 400
        assert (await answer.json())["error_code"] == "INVALID_JSON_FORMAT"


async def test_an_external_id_may_be_used_again_and_finds_all(house: House) -> None:
    first = await house.create()
    second = await house.create()
    await house.create(external_id="other")
    await house.does("pay", first["id"])

    found = await house.get(f"/v2/invoices?external_id={ORDER}")
    paid = await house.get(f'/v2/invoices?external_id={ORDER}&statuses=["PAID","SETTLED"]')
    page = await house.get(f"/v2/invoices?limit=1&last_invoice={second['id']}")

    assert [one["id"] for one in found] == [second["id"], first["id"]]
    assert [one["id"] for one in paid] == [first["id"]]
    assert [one["id"] for one in page] == [first["id"]]
    assert await house.get("/v2/invoices?external_id=unknown") == []


async def test_merchants_see_their_own_invoices_alone(house: House) -> None:
    await house.control("PUT", "/merchants", {"secret_key": "xnd_development_other"})
    made = await house.create()
    other = {"key": "xnd_development_other"}

    answers = [
        await house.call("GET", f"/v2/invoices/{made['id']}", **other),
        await house.call("POST", f"/invoices/{made['id']}/expire!", **other),
    ]

    assert [one.status for one in answers] == [404, 404]
    assert (await answers[0].json())["error_code"] == "INVOICE_NOT_FOUND_ERROR"
    assert await house.get("/v2/invoices", **other) == []
    known = await house.control("GET", "/merchants")
    assert len({one["callback_token"] for one in known}) == 2


async def test_an_invoice_is_ended_once_and_not_after_it_was_paid(house: House) -> None:
    made, paid = await house.create(), await house.create(external_id="B")
    await house.does("pay", "B")

    first = await house.call("POST", f"/invoices/{made['id']}/expire!")
    again = await house.call("POST", f"/invoices/{made['id']}/expire!")
    too_late = await house.call("POST", f"/invoices/{paid['id']}/expire!")

    assert [(await one.json())["status"] for one in (first, again)] == ["EXPIRED", "EXPIRED"]
    assert too_late.status == 400
    await house.quiet()
    assert [one["status"] for one in await house.told(2)] == ["PAID", "EXPIRED"]


async def test_an_invoice_expires_by_the_clock_and_paid_ones_do_not(house: House) -> None:
    late, paid = await house.create(), await house.create(external_id="B")
    await house.does("pay", "B")

    await house.control("PUT", "/clock", {"ahead_s": 86_400})

    assert (await house.get(f"/v2/invoices/{late['id']}"))["status"] == "EXPIRED"
    assert (await house.get(f"/v2/invoices/{paid['id']}"))["status"] == "PAID"


async def test_money_settles_and_nobody_is_told(house: House) -> None:
    made = await house.paid()

    await house.does("settle")

    assert (await house.get(f"/v2/invoices/{made['id']}"))["status"] == "SETTLED"
    assert len(await house.told()) == 1


async def test_calls_are_counted_for_each_endpoint(house: House) -> None:
    await house.control("PUT", "/settings", {"rate_limit_per_minute": 2})

    answers = [await house.call("GET", "/v2/invoices") for _ in range(3)]

    assert [one.status for one in answers] == [200, 200, 429]
    assert await answers[2].json() == fixture("xendit", "xendit_api_error_rate_limit.json")
    assert [one.headers["Rate-Limit-Remaining"] for one in answers] == ["1", "0", "0"]
    assert answers[0].headers["Rate-Limit-Limit"] == "2"
    assert 0 < float(answers[0].headers["Rate-Limit-Reset"]) <= 60
    assert (await house.call("GET", "/v2/invoices/unknown")).status == 404


@pytest.mark.parametrize(
    ("key", "limit"), [("xnd_development_a", "60"), ("xnd_production_a", "600")]
)
async def test_live_keys_may_call_more_often(house: House, key: str, limit: str) -> None:
    await house.control("PUT", "/settings", {"any_key": True})

    answer = await house.call("GET", "/v2/invoices", key=key)

    assert answer.headers["Rate-Limit-Limit"] == limit
    assert answer.headers["Request-ID"]

"""Midtrans tells shops what happened: signed, in the fixtures' shapes, again and again."""

from typing import Any

import pytest

from simulators.midtrans.payloads import sign
from tests.simulators.midtrans.house import KEY, ORDER, House
from tests.simulators.paying import fixture, shape, silent

MANIFEST = fixture("midtrans", "manifest.json")["fixtures"]
WEBHOOKS = {one["file"]: one for one in MANIFEST if one["kind"] == "webhook"}
#: somebody's work on the way, not Midtrans's own
FORGED = {
    "midtrans_bank_transfer_amount_mismatch.json",
    "midtrans_bank_transfer_bad_signature.json",
    "midtrans_qris_status_tampered_valid_signature.json",
}
FEE: dict[str, Any] = {"customer_imposed_payment_fee": {"enable": True}}

Step = tuple[str, dict[str, Any]]
PAY: Step = ("pay", {})


def move(to: str) -> Step:
    return ("move", {"to": to})


#: what happens until each fixture is sent: the method, and what comes after it
SCENES: dict[str, tuple[str, list[Step]]] = {
    "bank_transfer_bca_pending": ("bca_va", []),
    "bank_transfer_bca_settlement": ("bca_va", [PAY]),
    "bank_transfer_bni_settlement": ("bni_va", [PAY]),
    "bank_transfer_permata_settlement": ("permata_va", [PAY]),
    "bank_transfer_permata_deny_after_settlement": ("permata_va", [PAY, move("deny")]),
    "bank_transfer_expire": ("bca_va", [move("expire")]),
    "bank_transfer_cancel": ("bca_va", [move("cancel")]),
    "echannel_settlement": ("echannel", [PAY]),
    "cstore_indomaret_settlement": ("indomaret", [PAY]),
    "qris_pending": ("other_qris", []),
    "qris_settlement": ("other_qris", [PAY]),
    "qris_expire": ("other_qris", [move("expire")]),
    "qris_settlement_customer_fee": ("other_qris", [PAY]),
    "gopay_settlement": ("gopay", [PAY]),
    "gopay_partial_refund": ("gopay", [PAY, ("refund", {"amount": 50_000})]),
    "gopay_partial_refund_confirmed": ("gopay", [PAY, ("refund", {"amount": 50_000})]),
    "shopeepay_settlement": ("shopeepay", [PAY]),
    "credit_card_capture_accept": ("credit_card", [PAY]),
    "credit_card_settlement": ("credit_card", [PAY, move("settlement")]),
    "credit_card_refund": ("credit_card", [PAY, move("settlement"), ("refund", {})]),
    "credit_card_capture_challenge": ("credit_card", [("pay", {"is_challenged": True})]),
    "credit_card_deny": ("credit_card", [move("deny")]),
    "credit_card_cancel_after_capture": ("credit_card", [PAY, move("cancel")]),
    "credit_card_chargeback": ("credit_card", [PAY, move("settlement"), move("chargeback")]),
}


def test_the_signature_is_the_published_one() -> None:
    assert sign("1111", "200", "100000.00", "askvnoibnosifnboseofinbofinfgbiufglnbfg") == (
        "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e2375d308a2bc94f3265"
        "ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231"
    )


@pytest.mark.parametrize("name", sorted(WEBHOOKS))
def test_the_fixtures_are_signed_as_we_sign(name: str) -> None:
    one = fixture("midtrans", name)
    ours = sign(one["order_id"], one["status_code"], one["gross_amount"], KEY)

    assert (one["signature_key"] == ours) is WEBHOOKS[name]["signature_valid"]


def test_every_fixture_has_a_scene() -> None:
    assert {f"midtrans_{name}.json" for name in SCENES} == set(WEBHOOKS) - FORGED


@pytest.mark.parametrize("name", sorted(SCENES))
async def test_notifications_have_the_shape_of_the_fixture(house: House, name: str) -> None:
    method, steps = SCENES[name]
    # The second notification of a refund, with the bank's word, comes when its time has come.
    confirmed_after_s = 0 if name.endswith(("confirmed", "card_refund")) else 600
    settings = {"retry_scale": 0, "refund_confirmed_after_s": confirmed_after_s}
    await house.control("PUT", "/settings", settings)
    await house.create(**(FEE if name.endswith("fee") else {}))

    for what, body in [("choose", {"method": method}), *steps]:
        await house.does(what, **body)

    expected = fixture("midtrans", f"midtrans_{name}.json")
    if name.endswith("fee"):
        expected["merchant_cross_reference_id"] = ""  # an optional one, which ours always has
    told = [one for one in await house.told() if shape(one) == shape(expected)]
    assert told, (shape(expected), [shape(one) for one in await house.told()])
    for field in ("transaction_status", "status_code", "payment_type", "gross_amount"):
        assert told[-1][field] == expected[field]
    assert told[-1].get("fraud_status") == expected.get("fraud_status")


async def test_a_notification_is_signed_and_has_midtranss_headers(house: House) -> None:
    await house.create()
    await house.does("choose")

    (heard,) = await house.hears()
    one = heard.envelope
    assert one["signature_key"] == sign(ORDER, "201", "170000.00", KEY)
    assert heard.headers["User-Agent"] == "Veritrans"
    assert heard.headers["Content-Type"] == "application/json"
    assert "Authorization" not in heard.headers


async def test_what_the_shop_wrote_into_custom_fields_comes_back(house: House) -> None:
    await house.create(custom_field1="tenant:1", custom_field3="C")
    await house.does("choose")

    (one,) = await house.told()
    assert (one["custom_field1"], one["custom_field3"]) == ("tenant:1", "C")
    assert "custom_field2" not in one


async def test_who_pays_for_paying_pays_more(house: House) -> None:
    await house.paid("other_qris", **FEE)

    (_, one) = await house.told(2)
    assert one["gross_amount"] == "171190.00"
    assert one["extra_info"]["gross_amount_info"] == {
        "original_amount": "170000.00",
        "gross_amount": "171190.00",
        "customer_imposed_payment_fee": "1190.00",
    }


# -- tries


@pytest.mark.parametrize(
    ("status", "tries"),
    [(500, 2), (503, 5), (400, 3), (404, 3), (301, 1), (302, 1), (303, 1), (401, 6), (429, 6)],
)
async def test_how_often_it_is_tried_depends_on_the_answer(
    house: House, status: int, tries: int
) -> None:
    house.receiver.answers += [(status, {})] * 9
    await house.create()

    await house.does("choose")

    (delivery,) = house.midtrans.deliveries.recent
    assert (delivery.tries, delivery.status, delivery.outcome) == (tries, status, "gave up")
    assert len({one.body for one in house.receiver.heard}) == 1


async def test_pauses_are_midtranss_own_unless_scaled(house: House) -> None:
    house.midtrans.settings = house.midtrans.settings.model_copy(update={"retry_scale": 1.0})
    house.receiver.answers.append((503, {}))
    await house.create()

    await house.control("POST", f"/orders/{ORDER}/choose")
    await house.hears()

    assert house.midtrans.deliveries.on_the_way == 1
    await house.control("DELETE", "/deliveries")
    await house.quiet()
    (shown,) = await house.control("GET", f"/deliveries?reference={ORDER}")
    assert (shown["outcome"], shown["tries"], shown["status"]) == ("lost", 1, 503)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_repeats_the_request_is_followed(house: House, status: int) -> None:
    house.receiver.answers.append((status, {"Location": f"{house.receiver.url}?moved=1"}))
    await house.create()

    await house.does("choose")

    first, second = house.receiver.heard
    assert first.body == second.body
    assert [one.outcome for one in house.midtrans.deliveries.recent] == ["delivered"]


async def test_a_receiver_that_says_nothing_is_tried_again(house: House) -> None:
    async with silent() as (url, got):
        settings = {"retry_scale": 0, "answer_within_s": 0.05}
        await house.control("PUT", "/settings", settings)
        await house.control("PUT", "/merchants", {"server_key": KEY, "notification_url": url})
        await house.create()

        await house.does("choose")

    assert len(got) == 6
    assert [one.outcome for one in house.midtrans.deliveries.recent] == ["gave up"]


# -- weather


async def weather(house: House, **facts: Any) -> None:
    await house.control("PUT", "/weather", {"seed": 7, **facts})


async def test_notifications_may_come_twice(house: House) -> None:
    await weather(house, copies=2, events=["settlement"])

    await house.paid()

    told = [one["transaction_status"] for one in await house.told(3)]
    assert told == ["pending", "settlement", "settlement"]


async def test_notifications_may_come_in_another_order(house: House) -> None:
    await weather(house, shuffle=4, gather_s=600, seed=3)

    await house.paid()
    await house.does("refund", amount=1_000)

    assert {one["transaction_status"] for one in await house.told(4)} == {
        "pending",
        "settlement",
        "partial_refund",
    }
    sent = [one.event for one in house.midtrans.deliveries.recent]
    assert sent[0] != "pending"


async def test_notifications_may_be_late_or_lost(house: House) -> None:
    await weather(house, loss=1.0, events=["pending"])
    await house.create()
    await house.does("choose")
    await weather(house, delay_s=0.2, events=["settlement"])

    await house.control("POST", f"/orders/{ORDER}/pay")

    assert house.receiver.heard == []
    assert [one["transaction_status"] for one in await house.told()] == ["settlement"]
    outcomes = [one["outcome"] for one in await house.control("GET", "/deliveries")]
    assert outcomes[0] == "lost"


async def test_a_status_may_be_written_over_while_the_signature_holds(house: House) -> None:
    tampered = {"transaction_status": "settlement"}
    await weather(house, edit=tampered, events=["pending"])
    await house.create()

    await house.does("choose")

    (one,) = await house.told()
    expected = fixture("midtrans", "midtrans_qris_status_tampered_valid_signature.json")
    assert shape(one) == shape(expected)
    assert (one["transaction_status"], one["status_code"]) == ("settlement", "201")
    assert one["signature_key"] == sign(ORDER, "201", "170000.00", KEY)
    assert (await house.status())["transaction_status"] == "pending"


@pytest.mark.parametrize("sign_again", [True, False])
async def test_an_amount_may_be_written_over_and_signed_again(
    house: House, sign_again: bool
) -> None:
    await weather(house, edit={"gross_amount": "17000.00"}, sign_again=sign_again)
    await house.create()

    await house.does("choose")

    (one,) = await house.told()
    right = sign(ORDER, "201", "17000.00", KEY)
    assert (one["signature_key"] == right) is sign_again


async def test_a_notification_may_be_sent_again_or_forged(house: House) -> None:
    await house.paid()

    await house.does("notify")
    await house.does("notify", edit={"signature_key": "0" * 128})

    _, settled, again, forged = await house.told(4)
    assert settled == again
    assert forged == {**settled, "signature_key": "0" * 128}


async def test_the_journal_knows_what_was_asked_and_what_was_sent(house: House) -> None:
    house.receiver.answers.append((500, {}))
    await house.paid()
    await house.status()

    (asked,) = house.journal("create")
    assert (asked.text, asked.outcome) == (ORDER, "answered")
    assert asked.facts["asked"]["transaction_details"]["gross_amount"] == 170_000
    first, second = house.journal("notice")
    assert (first.text, first.facts["event"], first.outcome) == (ORDER, "pending", "delivered:200")
    assert second.facts["content"]["transaction_status"] == "settlement"
    assert [one.text for one in house.journal("status")] == [ORDER]
    shown = await (await house.page(f"{house.url}/control/journal")).json()
    assert {one["provider"] for one in shown} == {"midtrans"}


async def test_a_merchant_without_an_address_is_told_nothing(house: House) -> None:
    house.midtrans.register("SB-Mid-server-mute")
    await house.create(key="SB-Mid-server-mute")

    await house.does("choose")

    assert list(house.midtrans.deliveries.recent) == []

"""What Midtrans and Xendit send: told from a forgery, each comes to what its manifest expects.

A callback is no fact: here the provider, asked for its status, says the same as the callback did,
or, where the manifest expects a refusal, does not.
"""

from dataclasses import replace
from typing import Any

import pytest

from crm_chatbot.application.payments.gateways import (
    Account,
    CallbackReader,
    CallbackUnreadable,
    GatewayUncertain,
)
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.standing import Fact, FactKind, PaymentStatus
from crm_chatbot.infrastructure.payments import midtrans, xendit
from crm_chatbot.infrastructure.payments.callbacks import MidtransNotices, XenditWebhooks
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.paying import (
    MIDTRANS_KEY,
    XENDIT_TOKEN,
    a_payment,
    body_of,
    headers_of,
    manifest,
)

CONTRACT_OF = CallbackReader

S = PaymentStatus
MIDTRANS = Account(provider=Provider.MIDTRANS, secret=MIDTRANS_KEY)
XENDIT = Account(provider=Provider.XENDIT, secret="xnd_x", callback_token=XENDIT_TOKEN)  # noqa: S106 - no secret of anybody's

#: The manifest's words, and what a payment that waited has become.
ENDS: dict[str, PaymentStatus] = {
    "pending": S.PENDING,
    "paid": S.PAID,
    "paid (already)": S.PAID,
    "expired": S.EXPIRED,
    "cancelled": S.CANCELLED,
    "cancelled (void)": S.REVERSED,
    "partially refunded": S.PARTLY_REFUNDED,
    "refunded": S.REFUNDED,
    "on hold for review; not paid": S.HELD,
    "attempt failed": S.PENDING,
    "charged back": S.CHARGED_BACK,
    "unpaid again (reversal after settlement)": S.REVERSED,
    "authorized (not paid)": S.PENDING,
    "reject: valid signature but gross_amount differs from the order (170000)": S.ATTENTION,
    "reject or hold: amount differs from the order (170000)": S.ATTENTION,
    # Its status, read, is still what the genuine notification had said.
    "reject: signature verifies because transaction_status is not signed, but status_code 201 "
    "does not go with settlement; confirm by GET status": S.PENDING,
}
#: What had been told before of the same transaction.
BEFORE = {
    "midtrans_bank_transfer_permata_deny_after_settlement.json": (
        "midtrans_bank_transfer_permata_settlement.json"
    ),
    "midtrans_credit_card_settlement.json": "midtrans_credit_card_capture_accept.json",
    "midtrans_credit_card_refund.json": "midtrans_credit_card_settlement.json",
    "midtrans_gopay_partial_refund.json": "midtrans_gopay_settlement.json",
    "midtrans_gopay_partial_refund_confirmed.json": "midtrans_gopay_partial_refund.json",
}
#: Read, and not as it was told.
READ = {"midtrans_qris_status_tampered_valid_signature.json": "midtrans_qris_pending.json"}


def webhooks(provider: str) -> dict[str, Any]:
    return {name: one for name, one in manifest(provider).items() if one["kind"] == "webhook"}


def midtrans_facts(file: str) -> list[Fact]:
    before = midtrans_facts(BEFORE[file]) if file in BEFORE else []
    told = body_of("midtrans", READ.get(file, file))
    fact = midtrans.fact_of(told, "IDR")
    if file == "midtrans_credit_card_cancel_after_capture.json":
        before = [replace(fact, kind=FactKind.CAPTURED)]
    return [*before, fact]


@pytest.mark.parametrize("file", webhooks("midtrans"))
def test_midtrans_tells(file: str) -> None:
    entry, body = manifest("midtrans")[file], body_of("midtrans", file)
    notices = MidtransNotices()

    assert notices.is_authentic(MIDTRANS, (), body) == entry["signature_valid"]
    assert not notices.is_authentic(Account(provider=Provider.MIDTRANS, secret="x"), (), body)  # noqa: S106 - as above
    assert not notices.is_authentic(Account(provider=Provider.MIDTRANS), (), body)
    if not entry["signature_valid"]:
        return
    heard = notices.heard((), body)
    payment = a_payment(status=S.PENDING, reference=str(body["order_id"]))
    payment.learn(midtrans_facts(file), NOON)

    assert heard.names == (payment.reference,)
    assert payment.status is ENDS[entry["expect"]["status"]]
    if "amount" in entry["expect"] and payment.status is S.PAID:
        assert payment.paid_amount == entry["expect"]["amount"]
    assert payment.refunded_amount == entry["expect"].get("refunded", 0)


def read_by_invoice(entry: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """What the invoice says once this event was told: an event is of what was paid with it."""
    if "external_id" in body:
        return body
    told = {"paid": "PAID", "expired": "EXPIRED", "refunded": "PAID"}
    status = told.get(entry["expect"]["status"], "PENDING")
    return {"id": "a" * 24, "status": status, "amount": "170000", "currency": "IDR"}


@pytest.mark.parametrize("file", webhooks("xendit"))
def test_xendit_tells(file: str) -> None:
    entry, body = manifest("xendit")[file], body_of("xendit", file)
    headers, webhooks_ = headers_of(entry), XenditWebhooks()
    expected = entry["expect"]

    assert webhooks_.is_authentic(XENDIT, headers, body) == entry["token_valid"]
    assert not webhooks_.is_authentic(Account(provider=Provider.XENDIT), headers, body)
    if not entry["token_valid"]:
        return
    heard = webhooks_.heard(headers, body)

    assert heard.event_key == dict(headers)[b"webhook-id"].decode()
    assert heard.is_test == (expected["status"] == "accept without error")
    if heard.is_test:
        return
    named = expected.get("external_id") or expected.get("reference_id")
    assert named in {None, heard.names[0]}
    payment = a_payment(Provider.XENDIT, status=S.PENDING)
    fact = xendit.fact_of(read_by_invoice(dict(entry), body), "IDR")
    payment.learn([fact], NOON)
    if expected["status"] == "refunded":
        payment.learn([replace(fact, kind=FactKind.REFUNDED, refunded=170_000)], NOON)
    if expected["status"] == "refund failed":
        assert heard.names[0] == "REF-FIX-2001-1"
        return

    assert payment.status is ENDS[expected["status"]]


def test_one_payment_that_two_products_tell_of_is_one() -> None:
    files = ("xendit_v3_session_completed.json", "xendit_v3_payment_capture_of_session_3001.json")
    payment = a_payment(Provider.XENDIT, status=S.PENDING)

    for file in files:
        entry, body = manifest("xendit")[file], body_of("xendit", file)
        heard = XenditWebhooks().heard(headers_of(entry), body)
        assert "ORD-FIX-3001-A1" in heard.names
        payment.learn([xendit.fact_of(read_by_invoice(dict(entry), body), "IDR")], NOON)

    assert (payment.status, payment.paid_amount) == (S.PAID, 170_000)


READERS: dict[str, tuple[CallbackReader, Account, str]] = {
    "midtrans": (MidtransNotices(), MIDTRANS, "midtrans_qris_settlement.json"),
    "xendit": (XenditWebhooks(), XENDIT, "xendit_invoice_paid_qris.json"),
}


@pytest.mark.parametrize("provider", READERS)
def test_what_is_kept_of_a_callback_names_nobody(provider: str) -> None:
    reader, _, file = READERS[provider]
    body = body_of(provider, file) | {
        "customer_details": {"full_name": "Budi", "phone": "+62812"},
        "payer_email": "budi@example.com",
        "masked_card": "48111111-1114",
        "description": "Budi's coffee",
    }

    kept = reader.heard((), body).kept

    assert "Budi" not in str(kept)
    assert "48111111" not in str(kept)
    assert "budi@" not in str(kept)
    assert not {"signature_key", "payer_email"} & kept.keys()


@pytest.mark.parametrize("missing", ["order_id", "status_code", "gross_amount", "signature_key"])
def test_a_notification_with_a_hole_is_unreadable(missing: str) -> None:
    body = body_of("midtrans", "midtrans_qris_settlement.json")
    holes: list[object] = [None, [], True, {}, ""]
    for hole in holes:
        with pytest.raises(CallbackUnreadable):
            MidtransNotices().heard((), body | {missing: hole})
    del body[missing]
    with pytest.raises(CallbackUnreadable):
        MidtransNotices().heard((), body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status_code", "201"),
        ("gross_amount", "169999.00"),
        ("gross_amount", "170000"),
        ("order_id", "ORD-FIX-0002-A1"),
        ("signature_key", ""),
        ("signature_key", "é" * 128),
    ],
)
def test_what_is_signed_cannot_be_edited(name: str, value: str) -> None:
    body = body_of("midtrans", "midtrans_qris_settlement.json") | {name: value}

    assert not MidtransNotices().is_authentic(MIDTRANS, (), body)


@pytest.mark.parametrize("given", [[], [b""], [b"wrong"], [XENDIT_TOKEN.encode()] * 2])
def test_a_token_is_given_once_and_is_the_right_one(given: list[bytes]) -> None:
    headers = [(b"x-callback-token", one) for one in given]

    assert not XenditWebhooks().is_authentic(XENDIT, headers, {})


@pytest.mark.parametrize("amount", ["170000.00", "170000", 170_000, 170_000.0, "1.7E5", " 170000 "])
def test_amounts_are_read_however_they_are_spelt(amount: object) -> None:
    body = body_of("midtrans", "midtrans_qris_settlement.json") | {"gross_amount": amount}

    assert midtrans.fact_of(body, "IDR").amount == 170_000


@pytest.mark.parametrize("amount", ["170000.50", "", None, "NaN", "1e400", True, [], "sedikit"])
def test_amounts_are_never_rounded_or_guessed(amount: object) -> None:
    body = body_of("midtrans", "midtrans_qris_settlement.json") | {"gross_amount": amount}

    with pytest.raises(GatewayUncertain):
        midtrans.fact_of(body, "IDR")


def test_words_are_read_in_any_case_and_unknown_ones_are_kept_for_a_person() -> None:
    body = body_of("midtrans", "midtrans_qris_settlement.json")

    def read(**changed: str) -> FactKind:
        return midtrans.fact_of(body | changed, "idr").kind

    assert read(transaction_status="PENDING") is FactKind.PENDING
    assert read(transaction_status="Settlement", fraud_status="ACCEPT") is FactKind.SETTLED
    assert read(transaction_status="settlement", fraud_status="deny") is FactKind.FAILED
    assert read(transaction_status="settled_maybe") is FactKind.UNKNOWN
    assert read(fraud_status="whatever") is FactKind.UNKNOWN


def test_the_payment_that_the_provider_explains_may_be_larger_by_its_fee() -> None:
    body = body_of("midtrans", "midtrans_qris_settlement_customer_fee.json")
    body["extra_info"]["gross_amount_info"]["original_amount"] = "160000.00"
    payment: Payment = a_payment(status=S.PENDING)

    payment.learn([midtrans.fact_of(body, "IDR")], NOON)

    assert payment.status is S.ATTENTION

"""Transactions as Midtrans writes them down: in notifications, and for whoever asks."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from simulators.midtrans.transactions import PAID, SETTLED, Refund, Transaction

JAKARTA = timezone(timedelta(hours=7))
#: states in which a notification names the time when it is too late
_LIVE = {"pending", "settlement"}
_FOUND = "Success, transaction is found"


def time_of(moment: datetime) -> str:
    """Midtrans's clock hangs in Jakarta, and its times do not say so."""
    return moment.astimezone(JAKARTA).strftime("%Y-%m-%d %H:%M:%S")


def rupiah(amount: int) -> str:
    return f"{amount}.00"


def sign(order_id: str, status_code: str, gross_amount: str, server_key: str) -> str:
    """What `signature_key` holds."""
    said = f"{order_id}{status_code}{gross_amount}{server_key}"
    return hashlib.sha512(said.encode()).hexdigest()


def signed(body: Mapping[str, Any], server_key: str) -> dict[str, Any]:
    """The same body with the signature that belongs to it."""
    order_id, code, gross = (str(body[n]) for n in ("order_id", "status_code", "gross_amount"))
    return {**body, "signature_key": sign(order_id, code, gross, server_key)}


def notification(one: Transaction) -> dict[str, Any]:
    """As it is posted."""
    expiry = one.method.tells_expiry and one.status in _LIVE
    return _body(one, one.status_code, "midtrans payment notification", tells_expiry=expiry)


def found(one: Transaction) -> dict[str, Any]:
    """For who asks for the status: of an expired one with Midtrans's own code for that."""
    code = "407" if one.status == "expire" else one.status_code
    return _body(one, code, _FOUND, tells_expiry=one.status in _LIVE)


def changed(one: Transaction, message: str, *, code: str = "200") -> dict[str, Any]:
    """For who cancelled, expired, approved, denied or refunded it."""
    shown = {
        "status_code": code,
        "status_message": message,
        "transaction_id": one.id,
        "order_id": one.order_id,
        "merchant_id": one.merchant.id,
        "gross_amount": rupiah(one.gross),
        "currency": "IDR",
        "payment_type": one.method.payment_type,
        "transaction_time": time_of(one.made_at),
        "transaction_status": one.status,
    }
    return shown | ({"fraud_status": one.fraud} if one.method.name == "credit_card" else {})


def refunded(one: Transaction, refund: Refund) -> dict[str, Any]:
    """For who asked for a refund."""
    return {
        **changed(one, "Success, refund request is approved"),
        "refund_chargeback_id": refund.number,
        "refund_amount": rupiah(refund.amount),
        "refund_key": refund.key,
    }


def _body(one: Transaction, code: str, message: str, *, tells_expiry: bool) -> dict[str, Any]:
    body = {
        "transaction_time": time_of(one.made_at),
        "transaction_status": one.status,
        "transaction_id": one.id,
        "status_message": message,
        "status_code": code,
        "payment_type": one.method.payment_type,
        "order_id": one.order_id,
        "merchant_id": one.merchant.id,
        "gross_amount": rupiah(one.gross),
        "currency": "IDR",
        **({} if one.method.payment_type == "cstore" else {"fraud_status": one.fraud}),
        **_FACTS[one.method.payment_type](one),
        **one.custom,
    }
    if one.status in SETTLED and one.paid_at:
        body["settlement_time"] = time_of(one.paid_at)
    if tells_expiry:
        body["expiry_time"] = time_of(one.expires_at)
    if one.refunds:
        body["refund_amount"] = rupiah(one.refunded)
        body["refunds"] = [_refund(refund) for refund in one.refunds]
    if one.fee:
        body["extra_info"] = {"gross_amount_info": _fees(one)}
    return signed(body, one.merchant.server_key)


def _refund(one: Refund) -> dict[str, Any]:
    confirmed = {"bank_confirmed_at": time_of(one.confirmed_at)} if one.confirmed_at else {}
    return {
        "refund_chargeback_id": one.number,
        "refund_amount": rupiah(one.amount),
        "created_at": time_of(one.created_at),
        "reason": one.reason,
        "refund_key": one.key,
        "refund_method": "online",
        **confirmed,
    }


def _fees(one: Transaction) -> dict[str, str]:
    return {
        "original_amount": rupiah(one.amount),
        "gross_amount": rupiah(one.gross),
        "customer_imposed_payment_fee": rupiah(one.fee),
    }


def _bank_transfer(one: Transaction) -> dict[str, Any]:
    if one.method.bank == "permata":
        return {"permata_va_number": f"8562{one.number:012d}"}
    # BCA lists no payments, the others do.
    paid = one.status in PAID and one.paid_at and one.method.bank != "bca"
    payment = {"paid_at": time_of(one.paid_at or one.made_at), "amount": rupiah(one.gross)}
    return {
        "va_numbers": [{"va_number": f"1{one.number:013d}", "bank": one.method.bank}],
        "payment_amounts": [payment] if paid else [],
    }


def _echannel(one: Transaction) -> dict[str, Any]:
    return {"biller_code": "70012", "bill_key": f"99{one.number:010d}"}


def _cstore(one: Transaction) -> dict[str, Any]:
    code = {"store": one.method.bank, "payment_code": f"3000{one.number:014d}"}
    return code | ({"approval_code": f"SIM{one.number:04d}"} if one.status in PAID else {})


def _qris(one: Transaction) -> dict[str, Any]:
    if one.status not in PAID:
        return {"acquirer": "gopay"}
    reference = f"00000000-0000-7000-8000-{one.number:012d}"
    who = {"issuer": "dana", "acquirer": "gopay", "transaction_type": "off-us"}
    return {**who, "merchant_cross_reference_id": reference}


def _shopeepay(one: Transaction) -> dict[str, Any]:
    if one.status not in PAID:
        return {}
    reference = {"shopeepay_reference_number": f"1{one.number:017d}"}
    return {**reference, "reference_id": f"SIM-SPAY-{one.number:04d}"}


def _credit_card(one: Transaction) -> dict[str, Any]:
    card = {"card_type": "credit", "bank": one.method.bank, "three_ds_version": "2"}
    if one.paid_at is None and one.status not in {"deny", "failure"}:
        return {**card, "masked_card": "48111111-1114"}
    if one.paid_at is None:
        said = {"channel_response_code": "05", "channel_response_message": "Do not honour"}
        return {**card, **said, "masked_card": "49111111-1113", "eci": "05"}
    said = {"channel_response_code": "00", "channel_response_message": "Approved"}
    approval = {"approval_code": f"1{one.number:012d}"}
    return {**card, **said, **approval, "masked_card": "48111111-1114", "eci": "05"}


_FACTS: Mapping[str, Callable[[Transaction], dict[str, Any]]] = {
    "bank_transfer": _bank_transfer,
    "echannel": _echannel,
    "cstore": _cstore,
    "qris": _qris,
    "gopay": lambda _one: {},
    "shopeepay": _shopeepay,
    "credit_card": _credit_card,
}

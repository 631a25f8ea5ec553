"""Invoices and refunds as Xendit writes them down: for whoever asks, and in webhooks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulators.xendit.channels import Channel
from simulators.xendit.invoices import Invoice, Merchant, Payment, Refund

_PICTURE = "https://example.com/logo.png"
#: what an invoice repeats of what was asked
_REPEATED = (
    "description",
    "payer_email",
    "success_redirect_url",
    "failure_redirect_url",
    "items",
    "fees",
    "customer",
    "customer_notification_preference",
    "metadata",
)
#: what a webhook does
_TOLD = ("description", "payer_email", "items")
_TOLD_WHEN_PAID = ("fees", "success_redirect_url", "failure_redirect_url")


def time_of(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def invoice(one: Invoice) -> dict[str, Any]:
    """For who made it, or asks for it."""
    return {
        "id": one.id,
        "external_id": one.external_id,
        "user_id": one.merchant.user_id,
        "status": one.status,
        "merchant_name": one.merchant.name,
        "merchant_profile_picture_url": _PICTURE,
        "amount": one.amount,
        "expiry_date": time_of(one.expires_at),
        "invoice_url": one.url,
        **_available(one),
        "should_exclude_credit_card": all(channel.kind != "card" for channel in one.channels),
        "should_send_email": bool(one.body.get("should_send_email", False)),
        "created": time_of(one.created),
        "updated": time_of(one.updated),
        "currency": "IDR",
        **{name: one.body[name] for name in _REPEATED if one.body.get(name)},
        **(_paid(one.payment) if one.payment else {}),
    }


def webhook(one: Invoice) -> dict[str, Any]:
    """What is posted when an invoice is paid, or too late."""
    is_paid = one.payment is not None and one.status != "EXPIRED"
    told = (*_TOLD, *_TOLD_WHEN_PAID) if is_paid else _TOLD
    return {
        "id": one.id,
        "external_id": one.external_id,
        "user_id": one.merchant.user_id,
        "is_high": False,
        "status": "PAID" if is_paid else "EXPIRED",
        "merchant_name": one.merchant.name,
        "amount": one.amount,
        "created": time_of(one.created),
        "updated": time_of(one.updated),
        "currency": "IDR",
        **{name: one.body[name] for name in told if one.body.get(name) is not None},
        **(_paid(one.payment) if one.payment and is_paid else {}),
    }


def refund(one: Refund, of: Invoice) -> dict[str, Any]:
    """For who asked for it; and the data of its webhooks."""
    payment = of.payment
    channel = payment.channel if payment else None
    return {
        "id": one.id,
        "payment_request_id": payment.request_id if payment else None,
        "payment_id": f"py-{payment.uuid}" if payment else None,
        "invoice_id": of.id if one.by_invoice else None,
        "payment_method_type": _type(channel) if channel else None,
        "reference_id": one.reference_id,
        "channel_code": "CARDS" if channel and channel.kind == "card" else channel and channel.code,
        "country": "ID",
        "currency": "IDR",
        "amount": one.amount,
        "status": one.status,
        "reason": one.reason,
        "failure_code": one.failure_code,
        "refund_fee_amount": None,
        "metadata": one.metadata,
        "created": time_of(one.created),
        "updated": time_of(one.updated),
    }


def envelope(
    event: str, merchant: Merchant, data: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """How everything but invoices is posted."""
    return {
        "event": event,
        "business_id": merchant.user_id,
        "created": time_of(now),
        "data": data,
    }


def _type(channel: Channel) -> str:
    return {"card": "CARD", "qr": "QR_CODE"}.get(channel.kind, channel.method)


def _available(one: Invoice) -> dict[str, Any]:
    def codes(kind: str, name: str) -> list[dict[str, str]]:
        return [{name: channel.code} for channel in one.channels if channel.kind == kind]

    return {
        "available_banks": [_bank(one, channel) for channel in one.channels if _is_bank(channel)],
        "available_retail_outlets": codes("outlet", "retail_outlet_name"),
        "available_ewallets": codes("ewallet", "ewallet_type"),
        "available_qr_codes": codes("qr", "qr_code_type"),
        "available_direct_debits": codes("direct_debit", "direct_debit_type"),
        "available_paylaters": codes("paylater", "paylater_type"),
    }


def _is_bank(channel: Channel) -> bool:
    return channel.kind == "bank"


def _bank(one: Invoice, channel: Channel) -> dict[str, Any]:
    return {
        "bank_code": channel.code,
        "collection_type": "POOL",
        "transfer_amount": one.amount,
        "bank_branch": "Virtual Account",
        "account_holder_name": one.merchant.name.upper(),
        "identity_amount": 0,
    }


def _paid(one: Payment) -> dict[str, Any]:
    return {
        "payment_method": one.channel.method,
        "payment_channel": one.channel.code,
        "paid_amount": one.amount,
        "paid_at": time_of(one.at),
        **_facts(one),
    }


def _facts(one: Payment) -> dict[str, Any]:
    token = {"payment_method_id": f"pm-{one.uuid}"}
    match one.channel.kind:
        case "qr":
            details = {"receipt_id": f"SIM{one.number:04d}", "source": "DANA"}
            return {"payment_id": f"qrpy_{one.uuid}", **token, "payment_details": details}
        case "bank":
            destination = f"381650{one.number:010d}"
            bank = {"bank_code": one.channel.code, "payment_destination": destination}
            return {"payment_id": one.uuid, **bank}
        case "outlet":
            return {"payment_id": one.uuid, "payment_destination": f"TEST{one.number:06d}"}
        case "ewallet":
            return {"payment_id": f"ewc_{one.uuid}", **token, "ewallet_type": one.channel.code}
        case "card":
            return {"payment_id": one.uuid, "credit_card_charge_id": f"{one.number:024x}"}
        case _:
            return {"payment_id": one.uuid, **token}

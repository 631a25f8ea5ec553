"""Callbacks of Midtrans and Xendit: whose they may be, whether they are genuine, what is kept."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from crm_chatbot.application.payments.gateways import (
    Account,
    Body,
    CallbackUnreadable,
    Headers,
    Heard,
)
from crm_chatbot.infrastructure.payments.provider_http import described, listed, text_of

_NAME = re.compile(r"[!-~]{1,255}")
_TRANSACTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_EVENT_KEY = re.compile(r"[A-Za-z0-9_.:\-]{1,100}")
_LONGEST_KEPT = 200


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: All of a body that is kept: nobody's name, phone, mail, card or account.
_KEPT = _set_of("""
    amount business_id capture_method channel_code country created currency event external_id
    failure_code fraud_status gross_amount id invoice_id order_id paid_amount paid_at
    payment_channel payment_id payment_method payment_request_id payment_session_id payment_type
    reason reference_id refund_amount request_amount settlement_time status status_code
    status_message transaction_id transaction_status transaction_time type updated
""")


class MidtransNotices:
    """Honours crm_chatbot.application.payments.gateways.CallbackReader."""

    def heard(self, _headers: Headers, body: Body, /) -> Heard:
        reference, code = _spelt(body, "order_id"), _spelt(body, "status_code")
        amount, status = _spelt(body, "gross_amount"), _spelt(body, "transaction_status")
        if not (reference and code and amount and status and _spelt(body, "signature_key")):
            raise CallbackUnreadable
        transaction = _spelt(body, "transaction_id")
        confirmed = sum("bank_confirmed_at" in one for one in listed(body.get("refunds")))
        refunded = _spelt(body, "refund_amount")
        fraud = _spelt(body, "fraud_status")
        told = (reference, transaction, status, code, amount, fraud, refunded, str(confirmed))
        return Heard(
            names=_names(reference),
            event_key=hashlib.sha256("\n".join(told).encode(errors="replace")).hexdigest(),
            status=status.lower()[:50],
            transaction=transaction if _TRANSACTION.fullmatch(transaction) else None,
            kept=_kept(body),
        )

    def is_authentic(self, account: Account, _headers: Headers, body: Body, /) -> bool:
        signed = "".join(_spelt(body, name) for name in ("order_id", "status_code", "gross_amount"))
        made = hashlib.sha512((signed + account.secret).encode(errors="replace")).hexdigest()
        given = _spelt(body, "signature_key").lower().encode(errors="replace")
        return hmac.compare_digest(made.encode(), given) and bool(account.secret)


class XenditWebhooks:
    """Honours crm_chatbot.application.payments.gateways.CallbackReader.

    Invoices' bodies are flat; everything newer is an event around its data, and refunds have been
    seen as an event around an event.
    """

    def heard(self, headers: Headers, body: Body, /) -> Heard:
        event, data = _unwrapped(body)
        status = text_of(data.get("status")).upper()
        names = _names(*(_spelt(data, name) for name in _XENDIT_NAMES), *_ids(event, data))
        if not names or not status:
            raise CallbackUnreadable
        is_test = event.startswith("payment_session.") and "payment_session_id" not in data
        is_invoice = "external_id" in data
        claims_money = is_invoice and status in {"PAID", "SETTLED"}
        return Heard(
            names=names,
            event_key=_event_key(headers, event, data, status),
            status=f"{event}:{status}".strip(":").lower()[:50],
            money_by=(_spelt(data, "payment_id")[:100] or None) if claims_money else None,
            is_test=is_test,
            kept=_kept({"event": event, **data}),
        )

    def is_authentic(self, account: Account, headers: Headers, _body: Body, /) -> bool:
        given = [value for name, value in headers if name == b"x-callback-token"]
        presented = given[0] if len(given) == 1 else b""
        wanted = account.callback_token.encode()
        return hmac.compare_digest(presented, wanted) and bool(wanted)


#: Our own names first.
_XENDIT_NAMES = ("external_id", "reference_id")


def _ids(event: str, data: Mapping[str, Any]) -> Sequence[str]:
    """The provider's names of what we may know: an invoice, one of its payments, a refund."""
    found = [_spelt(data, name) for name in ("invoice_id", "payment_request_id", "payment_id")]
    return [*found, _spelt(data, "id")] if not event or event.startswith("refund.") else found


def _unwrapped(body: Body) -> tuple[str, Mapping[str, Any]]:
    event, data = text_of(body.get("event")), body
    for _ in range(2):
        if "event" in data and isinstance(data.get("data"), dict):
            event = text_of(data.get("event")) or event
            data = described(data.get("data"))
    return event[:50], data


def _event_key(headers: Headers, event: str, data: Mapping[str, Any], status: str) -> str:
    given = [value.decode("latin-1") for name, value in headers if name == b"webhook-id"]
    if len(given) == 1 and _EVENT_KEY.fullmatch(given[0]):
        return given[0]
    # Not by `created`: that is when it was delivered, each time anew.
    names = ("id", "payment_id", "payment_session_id", "payment_request_id", "updated")
    told = (event, status, *(_spelt(data, name) for name in names))
    return hashlib.sha256("\n".join(told).encode(errors="replace")).hexdigest()


def _spelt(body: Mapping[str, Any], name: str) -> str:
    """A word, or a number as it was spelt."""
    value = body.get(name)
    return str(value) if isinstance(value, str | int | float) and value is not True else ""


def _names(*found: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in found if _NAME.fullmatch(name)))


def _kept(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value)[:_LONGEST_KEPT]
        for name, value in body.items()
        if name in _KEPT and isinstance(value, str | int | float)
    }

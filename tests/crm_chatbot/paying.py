"""Payments as tests speak of them, and the providers' fixtures."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.payments.payment import Payment, PaymentId, Provider
from crm_chatbot.domain.payments.standing import Fact, FactKind
from crm_chatbot.domain.tenants.tenant import TenantId
from tests.crm_chatbot.builders import NOON, TENANT

FIXTURES = Path(__file__).parent.parent / "fixtures"
MIDTRANS_KEY = "SB-Mid-server-FIXTURE-not-a-real-key"
XENDIT_TOKEN = "fixture-xendit-callback-token"  # noqa: S105 - the fixtures' own
#: What everything in the fixtures costs.
PRICE = 170_000


def a_payment(
    provider: Provider = Provider.MIDTRANS,
    *,
    reference: str = "ORD-FIX-0001-A1",
    now: datetime = NOON,
    tenant_id: TenantId = TENANT,
    order_id: OrderId | None = None,
    **facts: Any,
) -> Payment:
    """An attempt at 170,000 rupiah that nobody has told the provider of yet."""
    given: dict[str, Any] = {
        "id": PaymentId(uuid7()),
        "amount": PRICE,
        "currency": "IDR",
        "attempt": 1,
        "created_at": now,
        "changed_at": now,
        "expires_at": now + timedelta(hours=24),
        "check_at": now,
        **facts,
    }
    return Payment(
        tenant_id=tenant_id,
        order_id=order_id or OrderId(uuid7()),
        provider=provider,
        reference=reference,
        **given,
    )


def a_fact(kind: FactKind, transaction: str = "t1", amount: int = PRICE, **more: Any) -> Fact:
    facts: dict[str, Any] = {"currency": "IDR", **more}
    return Fact(transaction=transaction, kind=kind, amount=amount, **facts)


def manifest(provider: str) -> dict[str, Mapping[str, Any]]:
    """By file: headers, whether it is genuine, and what is expected of it."""
    told = json.loads((FIXTURES / provider / "manifest.json").read_text(encoding="utf-8"))
    return {one["file"]: one for one in told["fixtures"]}


def body_of(provider: str, file: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(raw_of(provider, file), parse_int=str, parse_float=str)
    return body


def raw_of(provider: str, file: str) -> bytes:
    return (FIXTURES / provider / file).read_bytes()


def headers_of(entry: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in entry["headers"].items()]


def a_notification(reference: str, key: str, **changed: str) -> dict[str, str]:
    """Midtrans's, signed with `key`; what is `changed` is so before it is signed."""
    body = {
        "transaction_id": "00000000-0000-4000-8000-000000000001",
        "transaction_status": "settlement",
        "status_code": "200",
        "order_id": reference,
        "gross_amount": f"{PRICE}.00",
        "currency": "IDR",
        "fraud_status": "accept",
        **changed,
    }
    signed = body["order_id"] + body["status_code"] + body["gross_amount"] + key
    return {**body, "signature_key": hashlib.sha512(signed.encode()).hexdigest()}

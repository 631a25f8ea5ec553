"""Midtrans: Snap pages, the status that is read after every notification, and refunds."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from typing import Any, cast
from urllib.parse import quote

from crm_chatbot.application.payments.gateways import (
    Account,
    Asked,
    AskedLine,
    GatewayUncertain,
    Page,
    Reading,
    RefundAnswer,
)
from crm_chatbot.domain.payments.payment import Payment
from crm_chatbot.domain.payments.refund import Refund, RefundStatus
from crm_chatbot.domain.payments.standing import Fact, FactKind
from crm_chatbot.infrastructure.payments.provider_http import (
    Described,
    ask,
    content_of,
    described,
    failure_of,
    listed,
    major_units,
    minor_units,
    provider_client,
    refund_failure_of,
    text_of,
)
from shared.infrastructure.guarded_http import Answer

#: (Snap, Core), by whether it is about real money.
SERVERS = {
    True: ("https://app.midtrans.com/snap/v1", "https://api.midtrans.com/v2"),
    False: ("https://app.sandbox.midtrans.com/snap/v1", "https://api.sandbox.midtrans.com/v2"),
}
_JAKARTA = timezone(timedelta(hours=7))
_LONGEST_NAME = 50
_MINUTE = timedelta(minutes=1)
#: What Snap takes at least, and at most.
_SHORTEST, _LONGEST = 5, 7 * 24 * 60

_KINDS: Mapping[str, FactKind] = {
    "pending": FactKind.PENDING,
    "authorize": FactKind.AUTHORIZED,
    "capture": FactKind.CAPTURED,
    "settlement": FactKind.SETTLED,
    "deny": FactKind.FAILED,
    "failure": FactKind.FAILED,
    "cancel": FactKind.CANCELLED,
    "expire": FactKind.EXPIRED,
    "refund": FactKind.REFUNDED,
    "partial_refund": FactKind.REFUNDED,
    "chargeback": FactKind.CHARGED_BACK,
    "partial_chargeback": FactKind.CHARGED_BACK,
}
#: What a fraud check says of money that seems to have come.
_SUSPECTED = {"challenge": FactKind.REVIEW, "deny": FactKind.FAILED}
_TRANSACTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Midtrans:
    """Honours crm_chatbot.application.payments.gateways.PaymentGateway."""

    def __init__(self, base_url: str | None = None) -> None:
        """`base_url`: a stand-in's, for both of Midtrans's servers."""
        base = base_url and base_url.rstrip("/")
        self._servers = (
            dict.fromkeys(SERVERS, (f"{base}/snap/v1", f"{base}/v2")) if base else SERVERS
        )
        self._client = provider_client(*(url for pair in self._servers.values() for url in pair))

    async def create(self, account: Account, asked: Asked, /) -> Page:
        # Asked again with the same order_id, Snap gives a new token and revokes the one before.
        url = f"{self._snap(account)}/transactions"
        told = {} if asked.callback_url is None else {"X_Append_Notification": asked.callback_url}
        answer = await ask(self._client, account, "POST", url, _body_of(asked), **told)
        if not 200 <= answer.status < 300:
            raise failure_of(answer.status, _messages(_read(answer)))
        content = described(content_of(answer))
        token, page = text_of(content.get("token")), text_of(content.get("redirect_url"))
        if not token or not page.startswith(("https://", "http://")):
            raise GatewayUncertain("answer_unreadable", "neither a token nor a page")
        return Page(token, page)

    async def read(
        self, account: Account, payment: Payment, refunds: Sequence[Refund], /
    ) -> Reading:
        found = await self._status(account, payment.reference)
        if found is None and payment.transaction and _TRANSACTION.fullmatch(payment.transaction):
            # DANA and the banks' own interfaces know their transactions by nothing else.
            found = await self._status(account, payment.transaction)
        if found is None:
            return Reading()
        if text_of(found.get("order_id")) != payment.reference:
            raise GatewayUncertain("answer_not_ours")
        done = {text_of(one.get("refund_key")) for one in listed(found.get("refunds"))}
        decided = {one.key: RefundStatus.SUCCEEDED for one in refunds if one.key in done}
        return Reading([fact_of(found, payment.currency)], decided)

    async def close(self, account: Account, payment: Payment, /) -> None:
        if payment.provider_id:
            token = quote(payment.provider_id, safe="")
            await self._end(account, f"{self._snap(account)}/transactions/{token}/cancel")
        await self._end(account, f"{self._core(account, payment.reference)}/expire")

    async def refund(self, account: Account, payment: Payment, refund: Refund, /) -> RefundAnswer:
        url = f"{self._core(account, payment.reference)}/refund"
        body = {"refund_key": refund.key, "amount": refund.amount, "reason": refund.reason}
        answer = await ask(self._client, account, "POST", url, body)
        content = described(content_of(answer))
        status = _status_code(answer.status, content)
        if status == 406:  # known by its key
            return RefundAnswer(RefundStatus.PENDING)
        if not 200 <= status < 300:
            raise refund_failure_of(status, text_of(content.get("status_message")))
        return RefundAnswer(RefundStatus.SUCCEEDED, text_of(content.get("refund_key")) or None)

    async def hang_up(self) -> None:
        await self._client.close()

    async def _status(self, account: Account, name: str) -> Described | None:
        answer = await ask(self._client, account, "GET", f"{self._core(account, name)}/status")
        content = described(content_of(answer))
        status = _status_code(answer.status, content)
        if status == 404:
            return None  # nobody has chosen how to pay yet
        if text_of(content.get("transaction_status")):
            return content
        raise failure_of(status, text_of(content.get("status_message")))

    async def _end(self, account: Account, url: str) -> None:
        answer = await ask(self._client, account, "POST", url, {})
        content = described(content_of(answer) if answer.body.strip() else None)
        status = _status_code(answer.status, content)
        # Ended already, never begun, or past ending: reading it tells.
        is_over = 200 <= status < 300 or status in {400, 404, 407, 412}
        if not is_over:
            raise failure_of(status, text_of(content.get("status_message")))

    def _snap(self, account: Account) -> str:
        return self._servers[account.is_production][0]

    def _core(self, account: Account, name: str) -> str:
        """Where one of our own references is asked for."""
        return f"{self._servers[account.is_production][1]}/{quote(name, safe='')}"


def fact_of(told: Described, currency: str) -> Fact:
    """A status as a fact. Raises GatewayUncertain where its amounts make no sense."""
    currency = (text_of(told.get("currency")) or currency).upper()
    try:
        amount = minor_units(told.get("gross_amount"), currency)
        is_whole = text_of(told.get("transaction_status")).lower() == "refund"
        back = told.get("refund_amount") or (told.get("gross_amount") if is_whole else 0)
        refunded = minor_units(back, currency)
    except ValueError:
        raise GatewayUncertain("answer_unreadable", "its amount") from None
    return Fact(
        transaction=text_of(told.get("transaction_id")) or "-",
        kind=_kind_of(told),
        amount=amount,
        currency=currency,
        fee=_fee(told, amount, currency),
        refunded=refunded,
    )


def _kind_of(told: Described) -> FactKind:
    kind = _KINDS.get(text_of(told.get("transaction_status")).lower(), FactKind.UNKNOWN)
    if kind in {FactKind.CAPTURED, FactKind.SETTLED}:
        fraud = text_of(told.get("fraud_status")).lower()
        return kind if fraud in {"", "accept"} else _SUSPECTED.get(fraud, FactKind.UNKNOWN)
    return kind


def _fee(told: Described, amount: int, currency: str) -> int:
    """What the customer paid on top, if Midtrans itself explains the whole of it."""
    explained = described(described(told.get("extra_info")).get("gross_amount_info"))
    try:
        original = minor_units(explained.get("original_amount"), currency)
        fee = minor_units(explained.get("customer_imposed_payment_fee"), currency)
    except ValueError:
        return 0
    return fee if fee > 0 and original + fee == amount else 0


def _body_of(asked: Asked) -> dict[str, Any]:
    body: dict[str, Any] = {
        "transaction_details": {
            "order_id": asked.reference,
            "gross_amount": major_units(asked.amount, asked.currency),
        },
        "item_details": [_item(line, asked) for line in asked.lines],
        "expiry": _expiry(asked),
        "page_expiry": {"duration": _minutes(asked), "unit": "minutes"},
    }
    who = {"first_name": asked.customer_name, "phone": asked.customer_phone}
    if known := {name: value[:255] for name, value in who.items() if value}:
        body["customer_details"] = known
    return body


def _item(line: AskedLine, asked: Asked) -> dict[str, Any]:
    return {
        "id": line.id[:_LONGEST_NAME],
        "price": major_units(line.price, asked.currency),
        "quantity": line.quantity,
        # Alfamart cannot print it.
        "name": line.name.replace("|", "/")[:_LONGEST_NAME] or "-",
    }


def _expiry(asked: Asked) -> dict[str, Any]:
    start = asked.now.astimezone(_JAKARTA).strftime("%Y-%m-%d %H:%M:%S +0700")
    return {"start_time": start, "unit": "minute", "duration": _minutes(asked)}


def _minutes(asked: Asked) -> int:
    left = -((asked.now - asked.expires_at) // _MINUTE)
    return max(_SHORTEST, min(left, _LONGEST))


def _status_code(http_status: int, content: Described) -> int:
    """The body's own, where it has one: HTTP says 200 to much that failed."""
    told = str(content.get("status_code") or "").strip()
    return int(told) if told.isdecimal() and len(told) == 3 else http_status


def _read(answer: Answer) -> Described:
    try:
        return described(content_of(answer))
    except GatewayUncertain:
        return {}


def _messages(content: Described) -> str:
    told = content.get("error_messages")
    lines = cast("list[object]", told) if isinstance(told, list) else []
    return "; ".join(map(str, lines))

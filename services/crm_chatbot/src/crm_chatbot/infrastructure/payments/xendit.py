"""Xendit: invoices, their state that is read after every webhook, and refunds."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from crm_chatbot.application.payments.gateways import (
    Account,
    Asked,
    GatewayRefused,
    GatewayUncertain,
    Page,
    Reading,
    RefundAnswer,
)
from crm_chatbot.domain.money import Currency
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

SERVER = "https://api.xendit.co"
_SECOND = timedelta(seconds=1)
_MOST_LINES = 75

_KINDS: Mapping[str, FactKind] = {
    "PENDING": FactKind.PENDING,
    "PAID": FactKind.SETTLED,
    "SETTLED": FactKind.SETTLED,
    "EXPIRED": FactKind.EXPIRED,
}
_REFUNDS: Mapping[str, RefundStatus] = {
    "PENDING": RefundStatus.PENDING,
    "SUCCEEDED": RefundStatus.SUCCEEDED,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.FAILED,
}
#: It says no, and may say yes later.
_NOT_YET = frozenset({"REFUND_IN_PROGRESS", "TEMPORARILY_UNAVAILABLE", "INSUFFICIENT_BALANCE"})
_INVOICE = re.compile(r"[0-9a-f]{8,64}", re.IGNORECASE)
_REFUND = re.compile(r"rfd-[0-9a-f-]{8,60}", re.IGNORECASE)
_LONGEST_PHONE = re.compile(r"\+[0-9]{6,15}")


class Xendit:
    """Honours crm_chatbot.application.payments.gateways.PaymentGateway."""

    def __init__(self, base_url: str | None = None) -> None:
        """`base_url`: a stand-in's. Whether money is real, the account's key decides."""
        self._base = (base_url or SERVER).rstrip("/")
        self._client = provider_client(self._base)

    async def create(self, account: Account, asked: Asked, /) -> Page:
        # Xendit would make a second invoice for the same external_id.
        if asked.is_retry and (known := await self._usable(account, asked)) is not None:
            return _page(known)
        answer = await ask(
            self._client, account, "POST", f"{self._base}/v2/invoices", _body_of(asked)
        )
        return _page(_content(answer))

    async def read(
        self, account: Account, payment: Payment, refunds: Sequence[Refund], /
    ) -> Reading:
        invoice = await self._invoice(account, payment)
        if invoice is None:
            return Reading()
        if text_of(invoice.get("external_id")) != payment.reference:
            raise GatewayUncertain("answer_not_ours")
        fact, back = fact_of(invoice, payment.currency), 0
        seen: dict[str, RefundStatus] = {}
        for one in refunds:
            if one.provider_id and _REFUND.fullmatch(one.provider_id):
                seen[one.key], amount = await self._refund(account, payment, one)
                back += amount
        facts = [fact] if not back else [fact, _went_back(fact, back)]
        return Reading(facts, seen)

    async def close(self, account: Account, payment: Payment, /) -> None:
        if payment.provider_id is not None:
            await self._expire(account, payment.provider_id)
            return
        # An answer that never arrived may have been about one of these.
        for invoice in await self._named(account, payment.reference):
            if text_of(invoice.get("status")).upper() == "PENDING":
                await self._expire(account, text_of(invoice.get("id")))

    async def refund(self, account: Account, payment: Payment, refund: Refund, /) -> RefundAnswer:
        body: dict[str, Any] = {
            "invoice_id": payment.provider_id,
            "reference_id": refund.key,
            "amount": major_units(refund.amount, Currency(payment.currency)),
            "currency": payment.currency,
            "reason": "REQUESTED_BY_CUSTOMER",
        }
        answer = await ask(
            self._client,
            account,
            "POST",
            f"{self._base}/refunds",
            body,
            idempotency_key=refund.key,
        )
        content = _content(answer)
        name = text_of(content.get("id"))
        if not _REFUND.fullmatch(name):
            raise GatewayUncertain("answer_unreadable", "no id of a refund")
        return RefundAnswer(_refund_status(content), name)

    async def hang_up(self) -> None:
        await self._client.close()

    async def _expire(self, account: Account, name: str) -> None:
        url = f"{self._base}/invoices/{quote(name, safe='')}/expire!"
        answer = await ask(self._client, account, "POST", url)
        # 400 and 404: it is paid, or over, already; reading it tells.
        if answer.status not in {400, 404}:
            _content(answer)

    async def _usable(self, account: Account, asked: Asked) -> Described | None:
        """An invoice that an earlier try made: one to be paid, or one that is paid."""
        amount = major_units(asked.amount, asked.currency)
        for invoice in await self._named(account, asked.reference):
            is_over = text_of(invoice.get("status")).upper() == "EXPIRED"
            if not is_over and invoice.get("amount") == amount:
                return invoice
        return None

    async def _invoice(self, account: Account, payment: Payment) -> Described | None:
        if payment.provider_id and _INVOICE.fullmatch(payment.provider_id):
            answer = await ask(
                self._client, account, "GET", f"{self._base}/v2/invoices/{payment.provider_id}"
            )
            if answer.status == 404:  # there was one: the account is another's
                raise GatewayUncertain("page_unknown")
            return _content(answer)
        return next(iter(await self._named(account, payment.reference)), None)

    async def _named(self, account: Account, reference: str) -> list[Described]:
        query = urlencode({"external_id": reference})
        answer = await ask(self._client, account, "GET", f"{self._base}/v2/invoices?{query}")
        if answer.status == 404:
            return []
        if not 200 <= answer.status < 300:
            raise failure_of(answer.status, _told(answer))
        found = listed(content_of(answer))
        return [one for one in found if text_of(one.get("external_id")) == reference]

    async def _refund(
        self, account: Account, payment: Payment, refund: Refund
    ) -> tuple[RefundStatus, int]:
        """How far it is, and how much went back by it."""
        name = quote(refund.provider_id or "", safe="")
        answer = await ask(self._client, account, "GET", f"{self._base}/refunds/{name}")
        content = _content(answer)
        is_named = text_of(content.get("reference_id")) in {"", refund.key}
        if not is_named and text_of(content.get("invoice_id")) != payment.provider_id:
            raise GatewayUncertain("answer_not_ours")
        status = _refund_status(content)
        try:
            amount = minor_units(content.get("amount"), payment.currency)
        except ValueError:
            amount = refund.amount
        return status, amount if status is RefundStatus.SUCCEEDED else 0


def fact_of(invoice: Described, currency: str) -> Fact:
    """An invoice as a fact. Raises GatewayUncertain where its amounts make no sense.

    The transaction is always the invoice: which of its payments it names, and whether it does,
    differs from answer to answer.
    """
    currency = (text_of(invoice.get("currency")) or currency).upper()
    kind = _KINDS.get(text_of(invoice.get("status")).upper(), FactKind.UNKNOWN)
    paid = invoice.get("paid_amount") if kind is FactKind.SETTLED else None
    try:
        amount = minor_units(invoice.get("amount") if paid is None else paid, currency)
    except ValueError:
        raise GatewayUncertain("answer_unreadable", "its amount") from None
    name = text_of(invoice.get("id")) or "-"
    return Fact(transaction=name, kind=kind, amount=amount, currency=currency)


def _went_back(fact: Fact, back: int) -> Fact:
    return Fact(
        transaction=fact.transaction,
        kind=FactKind.REFUNDED,
        amount=fact.amount,
        currency=fact.currency,
        refunded=back,
    )


def _refund_status(content: Described) -> RefundStatus:
    return _REFUNDS.get(text_of(content.get("status")).upper(), RefundStatus.PENDING)


def _page(invoice: Described) -> Page:
    name, url = text_of(invoice.get("id")), text_of(invoice.get("invoice_url"))
    if not _INVOICE.fullmatch(name) or not url.startswith(("https://", "http://")):
        raise GatewayUncertain("answer_unreadable", "neither an invoice nor a page")
    return Page(name, url)


def _content(answer: Answer) -> Described:
    if not 200 <= answer.status < 300:
        told = _told(answer)
        code, _, _ = told.partition(":")
        if code.endswith("_NOT_SUPPORTED"):
            raise GatewayRefused("refund_not_supported", told)
        if code in _NOT_YET:
            raise GatewayUncertain("provider_undecided", told)
        raise refund_failure_of(answer.status, told)
    return described(content_of(answer))


def _told(answer: Answer) -> str:
    try:
        content = described(content_of(answer))
    except GatewayUncertain:
        return ""
    words = (text_of(content.get(name)) for name in ("error_code", "message"))
    return ": ".join(filter(None, words))


def _body_of(asked: Asked) -> dict[str, Any]:
    lines = [line for line in asked.lines if line.price >= 0][:_MOST_LINES]
    body: dict[str, Any] = {
        "external_id": asked.reference,
        "amount": major_units(asked.amount, asked.currency),
        "currency": asked.currency.code,
        "description": asked.number,
        "invoice_duration": max(60, (asked.expires_at - asked.now) // _SECOND),
        "should_send_email": False,
        "locale": "id",
        "items": [
            {
                "name": line.name[:255] or "-",
                "price": major_units(line.price, asked.currency),
                "quantity": line.quantity,
                "reference_id": line.id[:255],
            }
            for line in lines
        ],
        # What is taken off: with it, what is listed adds up to what is asked for.
        "fees": [
            {"type": line.name[:255] or "-", "value": major_units(line.price, asked.currency)}
            for line in asked.lines
            if line.price < 0
        ],
    }
    who: dict[str, str] = {}
    if asked.customer_name:
        who["given_names"] = asked.customer_name[:255]
    if asked.customer_phone and _LONGEST_PHONE.fullmatch(asked.customer_phone):
        who["mobile_number"] = asked.customer_phone
    return body | ({"customer": who} if who else {})

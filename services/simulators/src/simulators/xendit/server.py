"""One pretend Xendit: its merchants, their invoices, and whom it tells of what."""

import itertools
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from pydantic import Field

from simulators.exchange import Header
from simulators.faults import Failure
from simulators.journal import Journal
from simulators.payments.calls import Call, Operation, Refused
from simulators.payments.notices import Notice
from simulators.payments.provider import Provider, Settings
from simulators.posting import Refusal
from simulators.weather import Weather
from simulators.xendit import limits, payloads, refusals
from simulators.xendit.channels import Channel
from simulators.xendit.invoices import Invoice, Merchant, Payment, Refund

MINUTE_S, HOUR_S = 60, 3_600
#: before each new try; a receiver that does not answer in time gets none
_PAUSES_S = (15 * MINUTE_S, 45 * MINUTE_S, *(h * HOUR_S for h in (2, 3, 6, 12)))
_WITHIN_S = 30.0


class News(NamedTuple):
    """Something that a shop is told."""

    event: str
    reference: str
    body: Mapping[str, Any]


class XenditSettings(Settings):
    """How this Xendit behaves where the real one leaves it open."""

    #: calls of one endpoint; by default 60 with a test key, and 600 with a live one
    rate_limit_per_minute: int | None = Field(default=None, ge=1)
    #: refunds end with this code, and no money moves
    refunds_fail_with: str | None = None


class XenditWeather(Weather):
    """How webhooks fare from now on; by default well."""

    #: fields of the body that are written over on the way
    edit: dict[str, Any] = Field(default_factory=dict[str, Any])
    #: in the place of the merchant's own
    token: str | None = None


class Xendit(Provider[XenditSettings, XenditWeather]):
    """Everything that stands behind the API, the pay page and the control channel."""

    name = "xendit"

    def __init__(self, *, journal: Journal | None = None) -> None:
        super().__init__(XenditSettings(), XenditWeather(), journal)
        self.merchants: dict[str, Merchant] = {}
        self.invoices: dict[str, Invoice] = {}
        self.refunds: dict[str, tuple[Invoice, Refund]] = {}
        #: by key and idempotency key: what was asked, and what came of it
        self.asked: dict[tuple[str, str], tuple[bytes, Refund]] = {}
        self.limits = limits.Limits()
        self._numbers = itertools.count(1)

    def register(self, secret_key: str, **said: str) -> Merchant:
        """A shop's account, with what its dashboard says; one of this key is changed."""
        known = self.merchants.get(secret_key) or Merchant(
            secret_key=secret_key,
            callback_token=secrets.token_hex(20),
            user_id=f"6{len(self.merchants) + 1:023x}",
            name="Toko Contoh",
        )
        merchant = replace(known, **{name: value for name, value in said.items() if value})
        self.merchants[secret_key] = merchant
        return merchant

    def merchant_id(self, key: str) -> str:
        known = self.merchants.get(key)
        return known.user_id if known else ""

    def admit(self, call: Call, operation: Operation) -> None:
        if call.key not in self.merchants:
            if not call.key or not self.settings.any_key:
                raise refusals.stranger()
            self.register(call.key)
        if self.limits.count((call.key, operation.name)) > self._limit(call.key):
            raise refusals.too_many()

    def headers(self, call: Call, operation: Operation) -> Sequence[Header]:
        counted = self.limits.headers((call.key, operation.name), self._limit(call.key))
        return [(b"request-id", uuid.uuid4().hex.encode()), *counted]

    def refuse(self, operation: Operation, failure: Failure) -> Refused:  # noqa: ARG002 - the same for all
        return refusals.usual(failure.status, failure.code, failure.message)

    def open(self, invoice: Invoice) -> None:
        self.invoices[invoice.id] = invoice
        self.clock.at(invoice.expires_at, lambda: self._lapse(invoice))

    def pay(
        self, invoice: Invoice, channel: Channel, *, amount: int | None = None, force: bool = False
    ) -> None:
        """Raises NotAllowed."""
        payment = Payment(
            channel=channel,
            number=next(self._numbers),
            amount=invoice.amount if amount is None else amount,
            at=self.clock.now(),
        )
        invoice.pay(payment, force=force)
        self.notify(invoice)

    def expire(self, invoice: Invoice) -> None:
        """Raises NotAllowed."""
        invoice.expire(self.clock.now())
        self.notify(invoice)

    def give_back(self, invoice: Invoice, refund: Refund) -> None:
        """The money is with the customer after a while, if it goes at all."""
        invoice.refunds.append(refund)
        self.refunds[refund.id] = (invoice, refund)

        def finish() -> None:
            refund.failure_code = self.settings.refunds_fail_with
            refund.status = "FAILED" if refund.failure_code else "SUCCEEDED"
            refund.updated = self.clock.now()
            self.notify_refund(invoice, refund)

        # Never at once: who asked hears PENDING first.
        takes = timedelta(seconds=self.settings.refund_confirmed_after_s)
        self.clock.at(self.clock.now() + takes, finish)

    def notify(
        self, invoice: Invoice, *, edit: Mapping[str, Any] | None = None, token: str | None = None
    ) -> None:
        """Tell the shop that it was paid or is too late, or what somebody made of that."""
        body = payloads.webhook(invoice)
        event = f"invoice.{body['status'].lower()}"
        news = News(event, invoice.external_id, {**body, **(edit or {})})
        self._post(invoice.merchant, invoice.merchant.webhook_url, news, token)

    def notify_refund(self, invoice: Invoice, refund: Refund) -> None:
        event = f"refund.{refund.status.lower()}"
        merchant, data = invoice.merchant, payloads.refund(refund, invoice)
        body = payloads.envelope(event, merchant, data, self.clock.now())
        url = merchant.refund_webhook_url or merchant.webhook_url
        self._post(merchant, url, News(event, invoice.external_id, body))

    def _post(self, merchant: Merchant, url: str, news: News, token: str | None = None) -> None:
        if not url:
            return
        weather = self.sky.weather
        is_touched = weather.touches(news.event)
        shown = token or (is_touched and weather.token) or merchant.callback_token

        def headers() -> dict[str, str]:
            numbered = {"webhook-id": uuid.uuid4().hex}
            return {"Content-Type": "application/json", "x-callback-token": shown, **numbered}

        notice = Notice(
            provider=self.name,
            merchant=merchant.user_id,
            reference=news.reference,
            event=news.event,
            url=url,
            content={**news.body, **(weather.edit if is_touched else {})},
            sent_headers=headers(),
            renewed=headers,
            within_s=self.settings.answer_within_s or _WITHIN_S,
            retries=self._pause_s,
            journal=self.journal,
        )
        self.sky.send(notice)

    def _pause_s(self, tries: int, refusal: Refusal) -> float | None:
        if refusal.timed_out or tries > len(_PAUSES_S):
            return None
        return _PAUSES_S[tries - 1] * self.settings.retry_scale

    def _limit(self, key: str) -> int:
        return self.settings.rate_limit_per_minute or limits.usual(key)

    def _lapse(self, invoice: Invoice) -> None:
        if invoice.status == "PENDING":
            self.expire(invoice)

"""One pretend Midtrans: its merchants, what they sell, and whom it tells of what."""

import itertools
import random
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from simulators.faults import Failure
from simulators.journal import Journal
from simulators.midtrans import payloads, refusals
from simulators.midtrans.methods import Method
from simulators.midtrans.transactions import Merchant, Refund, Session, Transaction
from simulators.payments.calls import Call, Operation, Refused
from simulators.payments.notices import Notice
from simulators.payments.provider import Provider, Settings
from simulators.posting import Refusal
from simulators.weather import Weather

#: how often a notification is tried again, by the answer that it got; by default 5 times
_AGAIN = {500: 1, 503: 4, 400: 2, 404: 2, 301: 0, 302: 0, 303: 0}
_PAUSES_S = (120, 600, 1_800, 5_400, 12_600)
_WITHIN_S = 15.0
_HEADERS = {
    "User-Agent": "Veritrans",
    "Accept": "application/json",
    "Content-Type": "application/json",
}
#: card payments are settled on the next day at this hour, in Jakarta
_SETTLES_AT = 16


class MidtransSettings(Settings):
    """How this Midtrans behaves where the real one leaves it open."""

    #: errors of the status API have HTTP status 200 and say more only in their body
    errors_in_body_only: bool = True
    #: direct refunds are answered with 202, and no money moves
    bank_refuses_refunds: bool = False


class MidtransWeather(Weather):
    """How notifications fare from now on; by default well."""

    #: fields of the body that are written over on the way
    edit: dict[str, Any] = Field(default_factory=dict[str, Any])
    #: and then signed with the right key, as only Midtrans could
    sign_again: bool = False


class Midtrans(Provider[MidtransSettings, MidtransWeather]):
    """Everything that stands behind the APIs, the pay page and the control channel."""

    name = "midtrans"

    def __init__(self, *, journal: Journal | None = None) -> None:
        super().__init__(MidtransSettings(), MidtransWeather(), journal)
        self.merchants: dict[str, Merchant] = {}
        self.sessions: dict[str, Session] = {}
        #: the last session of each order
        self.orders: dict[tuple[str, str], Session] = {}
        self.transactions: dict[str, Transaction] = {}
        self._numbers = itertools.count(1)

    def register(self, server_key: str, **said: str) -> Merchant:
        """A shop's account, with what its dashboard says; one of this key is changed."""
        known = self.merchants.get(server_key) or Merchant(
            server_key=server_key, id=f"G{len(self.merchants) + 1:09d}", name="Toko Contoh"
        )
        merchant = replace(known, **{name: value for name, value in said.items() if value})
        self.merchants[server_key] = merchant
        return merchant

    def merchant(self, call: Call) -> Merchant:
        """Who calls, once admitted."""
        return self.merchants[call.key]

    def merchant_id(self, key: str) -> str:
        known = self.merchants.get(key)
        return known.id if known else ""

    def admit(self, call: Call, operation: Operation) -> None:
        if call.key not in self.merchants:
            if not call.key or not self.settings.any_key:
                raise refusals.stranger(operation)
            self.register(call.key)

    def refuse(self, operation: Operation, failure: Failure) -> Refused:
        if refusals.is_snap(operation):
            return refusals.snap(failure.status, failure.message)
        return self.core_refusal(failure.status, failure.message)

    def core_refusal(self, code: int, message: str, **more: str) -> Refused:
        """As the status API says no: often only in the body."""
        is_quiet = self.settings.errors_in_body_only and code < 500
        body = {"status_code": str(code), "status_message": message, **more}
        return Refused(200 if is_quiet else code, body)

    def open(self, session: Session) -> None:
        """It revokes the one that the order had before."""
        order = (session.merchant.server_key, session.order_id)
        if before := self.orders.get(order):
            before.is_void = True
        self.orders[order] = self.sessions[session.token] = session

    def choose(self, session: Session, method: Method) -> Transaction:
        """The customer picks a method: from now on there is something to ask the status of."""
        now = self.clock.now()
        life_s = session.life_s or method.life_s
        one = Transaction(
            id=str(uuid.uuid4()),
            merchant=session.merchant,
            order_id=session.order_id,
            method=method,
            amount=session.amount,
            fee=method.fee_of(session.amount) if session.has_fee else 0,
            number=next(self._numbers),
            made_at=now,
            expires_at=session.expires_at or now + timedelta(seconds=life_s),
            urls=session.urls,
            custom=_custom(session.body),
        )
        session.transactions.append(one)
        self.transactions[one.id] = one
        self.clock.at(one.expires_at, lambda: self._lapse(one))
        self.notify(one)
        return one

    def pay(self, one: Transaction, *, is_challenged: bool = False, force: bool = False) -> None:
        """Raises NotAllowed."""
        is_card = one.method.payment_type == "credit_card"
        one.fraud = "challenge" if is_card and is_challenged else "accept"
        self.move(one, "capture" if is_card else "settlement", force=force)
        if is_card:
            self.clock.at(_next_settlement(self.clock.now()), lambda: self._settle(one))

    def approve(self, one: Transaction) -> None:
        """The shop trusts a card that was held."""
        one.fraud = "accept"
        self.notify(one)

    def move(self, one: Transaction, status: str, *, force: bool = False) -> None:
        """Raises NotAllowed."""
        one.move(status, now=self.clock.now(), force=force)
        self.notify(one)

    def refund(self, one: Transaction, amount: int, *, key: str, reason: str) -> Refund:
        """Raises NotAllowed. A second notification tells when the bank has confirmed it."""
        number = len(one.refunds) + 1
        now = self.clock.now()
        refund = Refund(number=number, amount=amount, key=key, reason=reason, created_at=now)
        whole = one.refunded + amount >= one.gross
        one.move("refund" if whole else "partial_refund", now=now)
        one.refunds.append(refund)
        self.notify(one)

        def confirm() -> None:
            refund.confirmed_at = self.clock.now()
            self.notify(one)

        self.clock.after(self.settings.refund_confirmed_after_s, confirm)
        return refund

    def notify(
        self, one: Transaction, *, edit: Mapping[str, Any] | None = None, sign_again: bool = False
    ) -> None:
        """Tell the shop how it stands, or what somebody made of that."""
        body: Mapping[str, Any] = payloads.notification(one)
        weather, key = self.sky.weather, one.merchant.server_key
        if weather.touches(one.status):
            body = _edited(body, weather.edit, sign_with=key if weather.sign_again else None)
        body = _edited(body, edit or {}, sign_with=key if sign_again else None)
        for url in one.urls:
            self.sky.send(self._notice(one, url, body))

    def _notice(self, one: Transaction, url: str, body: Mapping[str, Any]) -> Notice:
        return Notice(
            provider=self.name,
            merchant=one.merchant.id,
            reference=one.order_id,
            event=one.status,
            url=url,
            content=body,
            sent_headers=_HEADERS,
            within_s=self.settings.answer_within_s or _WITHIN_S,
            retries=self._pause_s,
            journal=self.journal,
        )

    def _pause_s(self, tries: int, refusal: Refusal) -> float | None:
        if tries > _AGAIN.get(refusal.status or 0, 5):
            return None
        shift = random.uniform(1.0, 1.1)  # noqa: S311 - spreads retries, keeps no secret
        return _PAUSES_S[tries - 1] * shift * self.settings.retry_scale

    def _lapse(self, one: Transaction) -> None:
        if one.status == "pending":
            self.move(one, "expire")

    def _settle(self, one: Transaction) -> None:
        if one.status == "capture" and not one.is_held:
            self.move(one, "settlement")


def _custom(body: Mapping[str, Any]) -> dict[str, Any]:
    names = ("custom_field1", "custom_field2", "custom_field3", "metadata")
    return {name: body[name] for name in names if body.get(name) is not None}


def _edited(
    body: Mapping[str, Any], edit: Mapping[str, Any], *, sign_with: str | None
) -> Mapping[str, Any]:
    edited = {**body, **edit}
    return payloads.signed(edited, sign_with) if sign_with else edited


def _next_settlement(now: datetime) -> datetime:
    tomorrow = now.astimezone(payloads.JAKARTA) + timedelta(days=1)
    return tomorrow.replace(hour=_SETTLES_AT, minute=0, second=0, microsecond=0)

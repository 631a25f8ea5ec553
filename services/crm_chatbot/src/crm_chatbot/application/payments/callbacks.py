"""What payment providers tell us unasked: believed for its signature, and only that we should look.

Nothing is asked of a provider here, and no money moves: the event is stored, and the payment is
due to be looked at. So an answer takes no longer than a row does.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crm_chatbot.application.payments.accounts import NoPaymentAccount, PaymentAccounts
from crm_chatbot.application.payments.gateways import (
    Account,
    Body,
    CallbackReader,
    CallbackUnreadable,
    Headers,
    Heard,
)
from crm_chatbot.application.payments.worker import PaymentDirectory
from crm_chatbot.application.ports import OpenWork
from crm_chatbot.domain.payments.events import PaymentEvent
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.domain.tenants.tenant import TenantId
from shared import metrics
from shared.crash_points import crash_point
from shared.domain import Clock, NotFound

#: With whose secret a callback about nobody is checked: it takes as long as any other.
_NOBODY = "a-secret-that-nobody-has-0000000000"


class CallbackOutcome(StrEnum):
    """What became of a callback."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"  #: somebody tried a button in the provider's dashboard


class CallbackForged(Exception):
    """Whoever sent it does not know the shop's secret."""


class CallbackUnknown(NotFound, code="not_found"):
    message = "There is no such payment."


class ProviderUnknown(NotFound, code="not_found"):
    message = "There is no such payment provider."


@dataclass(frozen=True, kw_only=True)
class CallbackService:
    """Takes what a provider tells, however often and in whatever order."""

    open_work: OpenWork
    accounts: PaymentAccounts
    directory: PaymentDirectory
    readers: Mapping[Provider, CallbackReader]
    now: Clock
    #: rung when something is due
    bell: asyncio.Event

    async def receive(self, provider: str, headers: Headers, body: Body) -> CallbackOutcome:
        """Raises ProviderUnknown, CallbackUnreadable, CallbackUnknown, CallbackForged."""
        known = next((one for one in self.readers if one.value == provider), None)
        if known is None:
            raise ProviderUnknown
        try:
            outcome = await self._receive(known, headers, body)
        except (CallbackUnreadable, CallbackUnknown, CallbackForged) as refusal:
            metrics.payment_callbacks.labels(known, type(refusal).__name__).inc()
            raise
        metrics.payment_callbacks.labels(known, outcome).inc()
        return outcome

    async def _receive(self, provider: Provider, headers: Headers, body: Body) -> CallbackOutcome:
        reader = self.readers[provider]
        heard = reader.heard(headers, body)
        if heard.is_test:
            return CallbackOutcome.IGNORED
        tenant_id = await self.directory.tenant_of_callback(provider, heard.names)
        account = await self._account(tenant_id, provider)
        # Each is tried, whichever it was: who measures the time learns nothing.
        tried = [reader.is_authentic(one, headers, body) for one in account.versions]
        is_genuine = any(tried)
        if tenant_id is None:
            raise CallbackUnknown
        if not is_genuine:
            raise CallbackForged
        return await self._store(tenant_id, provider, heard)

    async def _account(self, tenant_id: TenantId | None, provider: Provider) -> Account:
        """Nobody's, where there is none: what is signed for that is signed by nobody."""
        if tenant_id is not None:
            try:
                return await self.accounts.find(tenant_id, provider)
            except NoPaymentAccount:
                pass
        return Account(provider=provider, secret=_NOBODY, callback_token=_NOBODY)

    async def _store(
        self, tenant_id: TenantId, provider: Provider, heard: Heard
    ) -> CallbackOutcome:
        async with self.open_work(tenant_id) as work:
            payment_id = await work.payments.known_as(provider, heard.names)
            if payment_id is None:
                raise CallbackUnknown
            event = PaymentEvent(
                provider=provider,
                key=heard.event_key,
                payment_id=payment_id,
                status=heard.status,
                received_at=self.now(),
                money_by=heard.money_by,
                body=heard.kept,
            )
            if not await work.payment_events.record(event):
                return CallbackOutcome.DUPLICATE
            # Nothing else is locked: who holds an order waits for its payment, never the other way.
            await work.payments.wake(payment_id, event.received_at, transaction=heard.transaction)
        crash_point("payment.heard")
        self.bell.set()
        return CallbackOutcome.TAKEN

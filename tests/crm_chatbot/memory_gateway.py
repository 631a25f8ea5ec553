"""A payment provider in memory: what contract tests hold against the real adapters."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from crm_chatbot.application.payments.gateways import (
    Account,
    Asked,
    GatewayRefused,
    GatewayUncertain,
    Page,
    Reading,
    RefundAnswer,
)
from crm_chatbot.domain.payments.payment import Payment
from crm_chatbot.domain.payments.refund import Refund, RefundStatus
from crm_chatbot.domain.payments.standing import Fact, FactKind


@dataclass
class Sheet:
    """One page, and what it has come to."""

    page: Page
    amount: int
    is_open: bool = True
    facts: list[Fact] = field(default_factory=list[Fact])
    refunds: dict[str, int] = field(default_factory=dict[str, int])


@dataclass
class MemoryGateway:
    """Honours crm_chatbot.application.payments.gateways.PaymentGateway."""

    key: str = "secret"
    #: by our reference
    sheets: dict[str, Sheet] = field(default_factory=dict[str, Sheet])
    #: by their names, how often calls arrived
    calls: list[str] = field(default_factory=list[str])
    #: the next call is done, or not (`lost`), and nobody hears of it
    drops: int = 0
    loses: int = 0
    can_refund: bool = True
    #: what it says to a refund instead of doing it
    refusal: GatewayRefused | GatewayUncertain | None = None
    answers_to_refunds: RefundStatus = RefundStatus.SUCCEEDED
    #: it tells of a refund only if asked by the name that it gave to it, as Xendit does
    tells_refunds_by_name: bool = False

    async def create(self, account: Account, asked: Asked, /) -> Page:
        self._arrive("create", account)
        known = self.sheets.get(asked.reference)
        if known is None:
            if sum(line.price * line.quantity for line in asked.lines) != asked.amount:
                raise GatewayRefused("provider_refused", "the sum")
            number = len(self.sheets) + 1
            page = Page(f"page-{number}", f"https://pay.example/{number}")
            known = self.sheets[asked.reference] = Sheet(page, asked.amount)
        self._answer()
        return known.page

    async def read(
        self, account: Account, payment: Payment, refunds: Sequence[Refund], /
    ) -> Reading:
        self._arrive("read", account)
        self._answer()
        sheet = self.sheets.get(payment.reference)
        if sheet is None:
            return Reading()
        named = [one for one in refunds if one.provider_id or not self.tells_refunds_by_name]
        done = {one.key: RefundStatus.SUCCEEDED for one in named if one.key in sheet.refunds}
        facts = [fact for fact in sheet.facts if done or fact.kind is not FactKind.REFUNDED]
        return Reading(facts if self.tells_refunds_by_name else [*sheet.facts], done)

    async def close(self, account: Account, payment: Payment, /) -> None:
        self._arrive("close", account)
        sheet = self.sheets.get(payment.reference)
        if sheet is not None and sheet.is_open:
            sheet.is_open = False
        self._answer()

    async def refund(self, account: Account, payment: Payment, refund: Refund, /) -> RefundAnswer:
        self._arrive("refund", account)
        if not self.can_refund:
            raise GatewayRefused("refund_not_supported")
        if self.refusal is not None:
            raise self.refusal
        if self.answers_to_refunds is RefundStatus.FAILED:
            return RefundAnswer(RefundStatus.FAILED, "refund-0")
        sheet = self.sheets[payment.reference]
        if refund.key not in sheet.refunds:
            sheet.refunds[refund.key] = refund.amount
            told = sheet.facts[-1]
            back = sum(sheet.refunds.values())
            sheet.facts.append(replace(told, kind=FactKind.REFUNDED, refunded=back))
        self._answer()
        return RefundAnswer(RefundStatus.SUCCEEDED, f"refund-{len(sheet.refunds)}")

    def tell(self, reference: str, *facts: Fact) -> None:
        """From now on this is what it says, when asked."""
        self.sheets[reference].facts += facts

    def pay(self, reference: str) -> None:
        """The customer pays, if anybody still can."""
        sheet = self.sheets[reference]
        if not sheet.is_open:
            raise AssertionError("the page is closed")
        sheet.is_open = False
        paid = Fact(transaction="t1", kind=FactKind.SETTLED, amount=sheet.amount, currency="IDR")
        sheet.facts.append(paid)

    def _arrive(self, call: str, account: Account) -> None:
        if self.loses:
            self.loses -= 1
            raise GatewayUncertain("provider_unreachable", "connect")
        self.calls.append(call)
        if account.secret != self.key:
            raise GatewayRefused("provider_unauthorized")

    def _answer(self) -> None:
        if self.drops:
            self.drops -= 1
            raise GatewayUncertain("provider_unreachable", "timeout")

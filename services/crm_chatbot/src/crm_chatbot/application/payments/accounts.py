"""Shops' accounts with payment providers: keys go in and are used, and never come out again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Invalid, NotFound
from shared.whatsapp.connections import SecretHint

LONGEST_DETAILS = 500
_SECRET = re.compile(r"[!-~]{8,500}")
#: By which a key for play money is told from one for real money.
_PLAY = {Provider.MIDTRANS: "SB-", Provider.XENDIT: "xnd_development_"}


class NoPaymentAccount(NotFound):
    message = "There is no account with {provider}."


class PaymentAccountRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(frozen=True, kw_only=True)
class AccountState:
    """What a shop's account is."""

    secret: str | None = field(default=None, repr=False)
    callback_token: str | None = field(default=None, repr=False)
    is_production: bool = False
    is_enabled: bool = True
    is_default: bool = False
    details: str = ""

    def check(self, provider: Provider, *, allows_play: bool = True) -> None:
        """`allows_play`: keys for play money, too. Raises PaymentAccountRejected."""
        self._check_secrets(provider, allows_play=allows_play)
        if self.is_default and not self.is_enabled:
            raise _rejected("is_default", "only an enabled account can be the default")
        if len(self.details) > LONGEST_DETAILS or "\0" in self.details:
            raise _rejected("details", f"at most {LONGEST_DETAILS} characters")
        if provider is Provider.MANUAL and not self.details.strip():
            raise _rejected("details", "the bank, the number and the holder, for customers to read")

    def _check_secrets(self, provider: Provider, *, allows_play: bool) -> None:
        needed = {Provider.MIDTRANS: ("secret",), Provider.XENDIT: ("secret", "callback_token")}
        for name in ("secret", "callback_token"):
            value: str | None = getattr(self, name)
            if value is None and name in needed.get(provider, ()):
                raise _rejected(name, "is needed")
            if value is not None and not _SECRET.fullmatch(value):
                raise _rejected(name, "8 to 500 visible ASCII characters, without spaces")
        prefix = _PLAY.get(provider)
        if not prefix or not (self.secret or "").startswith(prefix):
            return
        if self.is_production:
            raise _rejected("secret", f"{prefix}... is a key for play money")
        if not allows_play:
            reason = f"{prefix}... is for play money, and this is production"
            raise _rejected("secret", f"{reason}: see ALLOW_SANDBOX_PAYMENTS")


@dataclass(frozen=True, kw_only=True)
class AccountChange:
    """What of a shop's account is to be otherwise from now on; None keeps what is there."""

    secret: str | None = field(default=None, repr=False)
    callback_token: str | None = field(default=None, repr=False)
    is_production: bool | None = None
    is_enabled: bool | None = None
    is_default: bool | None = None
    details: str | None = None

    def over(self, before: AccountState | None) -> AccountState:
        """What the account comes to by it. One that is switched off is no default any more."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        if self.is_enabled is False:
            given.setdefault("is_default", False)
        return replace(before or AccountState(), **given)


@dataclass(frozen=True, kw_only=True)
class AccountView:
    """An account as it may be shown to whoever may change it."""

    provider: Provider
    secret: SecretHint | None
    callback_token: SecretHint | None
    is_production: bool
    is_enabled: bool
    is_default: bool
    details: str
    version: int
    updated_at: datetime


class PaymentAccounts(Protocol):
    """Every shop's accounts, and the platform's behind them; each is named by its tenant."""

    async def find(self, tenant_id: TenantId, provider: Provider, /) -> Account:
        """The shop's own, or else the platform's. Raises NoPaymentAccount."""
        ...

    async def show(self, tenant_id: TenantId, provider: Provider, /) -> AccountView:
        """The shop's own. Raises NoPaymentAccount."""
        ...

    async def put(
        self, tenant_id: TenantId, provider: Provider, change: AccountChange, /
    ) -> AccountView:
        """Raises PaymentAccountRejected."""
        ...

    async def remove(self, tenant_id: TenantId, provider: Provider, /) -> None:
        """Back to the platform's, if it has one. Raises NoPaymentAccount."""
        ...


#: Where a shop has named no default, the first of these that it has.
PREFERRED = (Provider.MIDTRANS, Provider.XENDIT, Provider.MANUAL)


def chosen(
    wanted: Provider | None,
    *,
    enabled: Sequence[Provider],
    disabled: Sequence[Provider],
    default: Provider | None,
    own: Sequence[Provider],
) -> Provider | None:
    """Of the shop's own accounts, and the platform's (`own`) that it has not switched off."""
    open_ones = {*enabled, *(one for one in own if one not in disabled)}
    if wanted is Provider.MANUAL:
        return wanted  # a person may always take cash, and say so
    if wanted is not None:
        return wanted if wanted in open_ones else None
    if default is not None:
        return default
    theirs = [one for one in PREFERRED if one in enabled]
    return next(iter([*theirs, *(one for one in PREFERRED if one in open_ones)]), None)


def _rejected(name: str, reason: str) -> PaymentAccountRejected:
    return PaymentAccountRejected(field=name, reason=reason)

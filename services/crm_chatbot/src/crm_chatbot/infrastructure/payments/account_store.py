"""Accounts with payment providers in PostgreSQL: keys encrypted, each shop's row its own."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.payments.accounts import (
    AccountChange,
    AccountState,
    AccountView,
    NoPaymentAccount,
    chosen,
)
from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.domain.payments.payment import NoWayToPay, Provider
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.payments.tables import payment_accounts
from shared.infrastructure.database import Sessions
from shared.infrastructure.secrets import Vault
from shared.infrastructure.tenancy import tenant_transaction
from shared.whatsapp.connections import SecretHint

_a = payment_accounts.c
_SECRETS = ("secret", "callback_token")

#: The platform's own accounts, which shops without one share.
OwnAccounts = Mapping[Provider, Account]


class SqlPaymentAccounts:
    """Honours crm_chatbot.application.payments.accounts.PaymentAccounts."""

    def __init__(
        self, sessions: Sessions, vault: Vault, own: OwnAccounts, *, allows_play: bool = True
    ) -> None:
        """`allows_play`: shops may give keys for play money."""
        self._allows_play = allows_play
        self._sessions = sessions
        self._vault = vault
        self._own = own

    async def find(self, tenant_id: TenantId, provider: Provider, /) -> Account:
        row = await self._row(tenant_id, provider)
        if row is None:
            if provider not in self._own:
                raise NoPaymentAccount(provider=provider)
            return self._own[provider]
        return Account(
            provider=provider,
            secret=self._plain(row, "secret") or "",
            callback_token=self._plain(row, "callback_token") or "",
            is_production=row["is_production"],
            details=row["details"],
            older=self._older(row, provider),
        )

    async def show(self, tenant_id: TenantId, provider: Provider, /) -> AccountView:
        row = await self._row(tenant_id, provider)
        if row is None:
            raise NoPaymentAccount(provider=provider)
        return AccountView(
            provider=provider,
            secret=self._hint(row, "secret"),
            callback_token=self._hint(row, "callback_token"),
            is_production=row["is_production"],
            is_enabled=row["is_enabled"],
            is_default=row["is_default"],
            details=row["details"],
            version=row["version"],
            updated_at=row["updated_at"],
        )

    async def put(
        self, tenant_id: TenantId, provider: Provider, change: AccountChange, /
    ) -> AccountView:
        async with tenant_transaction(self._sessions, tenant_id) as session:
            known = await _known(session, tenant_id, provider)
            state = change.over(None if known is None else self._state(known))
            state.check(provider, allows_play=self._allows_play)
            if state.is_default:
                others = update(payment_accounts).where(_a.tenant_id == tenant_id)
                await session.execute(others.values(is_default=False))
            row = {
                **self._changed(tenant_id, provider, change, state),
                **self._replaced(known, change),
            }
            first = postgresql.insert(payment_accounts).values({**row, "version": 1})
            later = {
                **{name: value for name, value in row.items() if name not in _KEY},
                "version": _a.version + 1,
                "updated_at": func.clock_timestamp(),
            }
            await session.execute(first.on_conflict_do_update(index_elements=_KEY, set_=later))
        return await self.show(tenant_id, provider)

    async def remove(self, tenant_id: TenantId, provider: Provider, /) -> None:
        gone = delete(payment_accounts).where(_a.tenant_id == tenant_id, _a.provider == provider)
        async with tenant_transaction(self._sessions, tenant_id) as session:
            if await session.scalar(gone.returning(_a.provider)) is None:
                raise NoPaymentAccount(provider=provider)

    def _changed(
        self,
        tenant_id: TenantId,
        provider: Provider,
        change: AccountChange,
        state: AccountState,
    ) -> dict[str, Any]:
        """Without the secrets that stay as they are."""
        given = {name: getattr(change, name) for name in _SECRETS}
        encrypted = {
            name: self._vault.encrypt(value.encode(), _context(name, tenant_id, provider))
            for name, value in given.items()
            if value is not None
        }
        facts = {name: value for name, value in vars(state).items() if name not in _SECRETS}
        return {"tenant_id": tenant_id, "provider": provider, **facts, **encrypted}

    def _state(self, row: RowMapping) -> AccountState:
        facts = ("is_production", "is_enabled", "is_default", "details")
        return AccountState(
            secret=self._plain(row, "secret"),
            callback_token=self._plain(row, "callback_token"),
            **{name: row[name] for name in facts},
        )

    def _older(self, row: RowMapping, provider: Provider) -> Account | None:
        if row["older_secret"] is None:
            return None
        return Account(
            provider=provider,
            secret=self._plain(row, "secret", "older_") or "",
            callback_token=self._plain(row, "callback_token", "older_") or "",
            is_production=row["older_is_production"],
        )

    def _replaced(self, known: RowMapping | None, change: AccountChange) -> dict[str, Any]:
        """What is to be kept as the older keys, where there are new ones."""
        given = {name: getattr(change, name) for name in _SECRETS}
        if known is None or not any(
            value is not None and known[name] is not None and value != self._plain(known, name)
            for name, value in given.items()
        ):
            return {}
        kept = {f"older_{name}": known[name] for name in _SECRETS}
        return {**kept, "older_is_production": known["is_production"]}

    def _plain(self, row: RowMapping, name: str, age: str = "") -> str | None:
        if row[age + name] is None:
            return None
        context = _context(name, row["tenant_id"], row["provider"])
        return self._vault.decrypt(row[age + name], context).decode()

    def _hint(self, row: RowMapping, name: str) -> SecretHint | None:
        secret = self._plain(row, name)
        if secret is None:
            return None
        # Keyed, so that a weak key cannot be guessed from its fingerprint.
        key = self._vault.key_for("fingerprints")
        fingerprint = hmac.digest(key, secret.encode(), hashlib.sha256).hex()[:12]
        return SecretHint(secret[-4:] if len(secret) >= 12 else "", fingerprint)

    async def _row(self, tenant_id: TenantId, provider: Provider) -> RowMapping | None:
        async with tenant_transaction(self._sessions, tenant_id) as session:
            return await _known(session, tenant_id, provider)


class SqlWaysToPay:
    """Honours crm_chatbot.domain.payments.payment.WaysToPay."""

    def __init__(self, session: AsyncSession, tenant_id: TenantId, own: OwnAccounts) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._own = own

    async def choose(self, wanted: Provider | None, /) -> Provider:
        query = select(_a.provider, _a.is_enabled, _a.is_default)
        rows = (await self._session.execute(query.where(_a.tenant_id == self._tenant_id))).all()
        found = chosen(
            wanted,
            enabled=[Provider(row.provider) for row in rows if row.is_enabled],
            disabled=[Provider(row.provider) for row in rows if not row.is_enabled],
            default=next((Provider(row.provider) for row in rows if row.is_default), None),
            own=[*self._own],
        )
        if found is None:
            raise NoWayToPay
        return found


_KEY = ("tenant_id", "provider")


async def _known(
    session: AsyncSession, tenant_id: TenantId, provider: Provider
) -> RowMapping | None:
    query = select(payment_accounts).where(_a.tenant_id == tenant_id, _a.provider == provider)
    return (await session.execute(query)).mappings().one_or_none()


def _context(name: str, tenant_id: object, provider: str) -> str:
    return f"payment_{name}:{provider}:{tenant_id}"

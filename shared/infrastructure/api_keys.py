"""API keys: shown once, kept as hashes, found again within microseconds."""

import asyncio
import hashlib
import hmac
import re
import secrets
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    TIMESTAMP,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    Uuid,
    func,
    literal_column,
    select,
    update,
)
from uuid_utils.compat import uuid7

from shared.availability import DatabaseUnavailable
from shared.domain import Invalid, NotFound
from shared.infrastructure.database import Sessions, metadata, transaction


class KeyScope(StrEnum):
    """What a key may do. A tenant's key reaches that tenant's things only."""

    PLATFORM = "platform"
    TENANT = "tenant"
    TENANT_READ = "tenant:read"


class NoSuchApiKey(NotFound):
    message = "There is no API key {key_id}."


class ApiKeyRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(frozen=True)
class ApiKey:
    """A key as it may be shown to anybody who may see keys: without its secret."""

    id: UUID
    prefix: str
    name: str
    scope: KeyScope
    tenant_id: UUID | None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class NewApiKey:
    """The only time that the secret is known."""

    key: ApiKey
    secret: str


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("prefix", Text, nullable=False, unique=True),
    Column("key_hash", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("tenant_id", Uuid),
    Column(
        "created_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    Column("last_used_at", TIMESTAMP(timezone=True)),
    Column("revoked_at", TIMESTAMP(timezone=True)),
    CheckConstraint("scope IN ('platform', 'tenant', 'tenant:read')", name="known_scope"),
    CheckConstraint("(scope = 'platform') = (tenant_id IS NULL)", name="tenant_of_scope"),
    CheckConstraint("octet_length(key_hash) = 32", name="sha256"),
    Index(None, "tenant_id"),
    schema="platform",
)

_SHOWN = [column for column in api_keys.c if column.name != "key_hash"]
_SPELLING = re.compile(r"aip_([a-z0-9]{8})_[A-Za-z0-9_-]{43}")
_ALPHABET = string.ascii_lowercase + string.digits

#: Anybody can make up prefixes; this bounds what remembering them costs.
_MOST_LOOKS = 10_000

#: `last_used_at` is for people: a minute is exact enough, and saves a write per request.
_WAS_USED_LATELY = api_keys.c.last_used_at > func.clock_timestamp() - literal_column(
    "interval '1 minute'"
)


@dataclass
class _Row:
    key: ApiKey
    key_hash: bytes
    was_used_lately: bool


@dataclass(frozen=True)
class _Look:
    """A look into the table, perhaps still under way, and how long to believe it."""

    row: asyncio.Task[_Row | None]
    until: float


class ApiKeys:
    """Keys of the whole platform. A revoked key is refused within `believed_for_s`."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        believed_for_s: float = 2.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._believed_for_s = believed_for_s
        self._now = now
        self._looks: dict[str, _Look] = {}

    async def create(self, name: str, scope: KeyScope, tenant_id: UUID | None = None) -> NewApiKey:
        """Raises ApiKeyRejected."""
        if not 0 < len(name.strip()) <= 100 or not name.isprintable():
            raise ApiKeyRejected(field="name", reason="1 to 100 printable characters")
        if (scope is KeyScope.PLATFORM) != (tenant_id is None):
            raise ApiKeyRejected(field="tenant_id", reason="a tenant's key, and no other, has one")
        prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        secret = f"aip_{prefix}_{secrets.token_urlsafe(32)}"
        row = {
            "id": uuid7(),
            "prefix": prefix,
            "key_hash": _hash(secret),
            "name": name,
            "scope": scope.value,
            "tenant_id": tenant_id,
        }
        async with transaction(self._sessions) as session:
            made = await session.execute(api_keys.insert().values(row).returning(*_SHOWN))
            return NewApiKey(_key(made.one()), secret)

    async def list(self, tenant_id: UUID | None = None) -> Sequence[ApiKey]:
        """Every key, revoked ones too, newest first; or one tenant's."""
        query = select(*_SHOWN).order_by(api_keys.c.id.desc())
        if tenant_id is not None:
            query = query.where(api_keys.c.tenant_id == tenant_id)
        async with transaction(self._sessions) as session:
            return [_key(row) for row in await session.execute(query)]

    async def revoke(self, key_id: UUID, *, tenant_id: UUID | None = None) -> None:
        """For good; a second time is no mistake. Raises NoSuchApiKey, for another tenant's too."""
        revoked_at = func.coalesce(api_keys.c.revoked_at, func.clock_timestamp())
        statement = update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=revoked_at)
        if tenant_id is not None:
            statement = statement.where(api_keys.c.tenant_id == tenant_id)
        async with transaction(self._sessions) as session:
            prefix = await session.scalar(statement.returning(api_keys.c.prefix))
        if prefix is None:
            raise NoSuchApiKey(key_id=key_id)
        self._looks.pop(prefix, None)

    async def find(self, presented: str) -> ApiKey | None:
        """Whose key this is; None for one that is unknown, revoked or misspelt."""
        spelt = _SPELLING.fullmatch(presented)
        row = await self._row(spelt[1]) if spelt else None
        if row is None or not hmac.compare_digest(row.key_hash, _hash(presented)):
            return None
        if not row.was_used_lately:
            row.was_used_lately = True
            await self._mark_used(row.key.id)
        return row.key

    async def any_exist(self) -> bool:
        """Whether anybody at all could be let in."""
        usable = select(api_keys.c.id).where(api_keys.c.revoked_at.is_(None)).limit(1)
        async with transaction(self._sessions) as session:
            return await session.scalar(usable) is not None

    async def _row(self, prefix: str) -> _Row | None:
        """Everybody who asks for a key at the same time waits for the same look."""
        look = self._looks.get(prefix)
        if look is None or look.until <= self._now():
            look = self._look(prefix)
        if not look.row.done():
            await asyncio.wait([look.row])
        try:
            return look.row.result()
        except DatabaseUnavailable:
            self._looks.pop(prefix, None)
            raise

    def _look(self, prefix: str) -> _Look:
        now = self._now()
        if len(self._looks) >= _MOST_LOOKS:
            self._looks = {name: look for name, look in self._looks.items() if look.until > now}
        look = _Look(asyncio.create_task(self._load(prefix)), now + self._believed_for_s)
        self._looks[prefix] = look
        return look

    async def _load(self, prefix: str) -> _Row | None:
        query = select(api_keys, _WAS_USED_LATELY.label("was_used_lately")).where(
            api_keys.c.prefix == prefix, api_keys.c.revoked_at.is_(None)
        )
        async with transaction(self._sessions) as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            return None
        return _Row(_key(row), row.key_hash, was_used_lately=bool(row.was_used_lately))

    async def _mark_used(self, key_id: UUID) -> None:
        used = update(api_keys).where(api_keys.c.id == key_id)
        async with transaction(self._sessions) as session:
            await session.execute(used.values(last_used_at=func.clock_timestamp()))


async def refusal_without_keys(sessions: Sessions) -> str | None:
    """Why nobody would be let in; None where somebody would. Raises DatabaseUnavailable."""
    if await ApiKeys(sessions).any_exist():
        return None
    return "ENVIRONMENT is production, and there is no API key: make one first"


def _hash(secret: str) -> bytes:
    # A plain hash will do: 256 random bits cannot be guessed, however fast one guesses.
    return hashlib.sha256(secret.encode()).digest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        prefix=row.prefix,
        name=row.name,
        scope=KeyScope(row.scope),
        tenant_id=row.tenant_id,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )

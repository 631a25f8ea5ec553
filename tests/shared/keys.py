"""API keys without a table."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from shared.infrastructure.api_keys import ApiKey, KeyScope

TENANT = UUID("018f0000-0000-7000-8000-00000000000a")


class KnownKeys:
    """Fits `shared.interface.access.Keys`."""

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self._keys = keys

    async def find(self, presented: str, /) -> ApiKey | None:
        return self._keys.get(presented)


def a_key(scope: KeyScope, key_id: UUID) -> ApiKey:
    tenant_id = None if scope is KeyScope.PLATFORM else TENANT
    made = datetime(2026, 1, 1, tzinfo=UTC)
    return ApiKey(key_id, "abcdefgh", "a key", scope, tenant_id, made, None, None)


SECRETS = {scope: f"aip_{n:08}_{'s' * 43}" for n, scope in enumerate(KeyScope)}


def one_of_each() -> KnownKeys:
    """A key of each scope; SECRETS opens them."""
    return KnownKeys(
        {secret: a_key(scope, UUID(int=n)) for n, (scope, secret) in enumerate(SECRETS.items())}
    )

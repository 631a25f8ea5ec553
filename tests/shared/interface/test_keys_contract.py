"""What every collection of API keys does, the table's and the tests'."""

import pytest

from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.infrastructure.database import Sessions
from shared.interface.access import Keys
from tests.shared.keys import SECRETS, TENANT, one_of_each

CONTRACT_OF = Keys

Stocked = tuple[Keys, dict[KeyScope, str]]


@pytest.fixture(params=["memory", "sql"])
async def stocked(request: pytest.FixtureRequest, sessions: Sessions) -> Stocked:
    """Keys of every scope, and their secrets."""
    if request.param == "memory":
        return one_of_each(), SECRETS
    keys = ApiKeys(sessions)
    secrets: dict[KeyScope, str] = {}
    for scope in KeyScope:
        tenant_id = None if scope is KeyScope.PLATFORM else TENANT
        secrets[scope] = (await keys.create("a key", scope, tenant_id)).secret
    return keys, secrets


@pytest.mark.parametrize("scope", KeyScope)
async def test_a_secret_finds_its_key(stocked: Stocked, scope: KeyScope) -> None:
    keys, secrets = stocked

    for _ in range(2):
        found = await keys.find(secrets[scope])

        assert found is not None
        assert found.scope is scope
        assert found.tenant_id == (None if scope is KeyScope.PLATFORM else TENANT)


async def test_anything_else_finds_nothing(stocked: Stocked) -> None:
    keys, secrets = stocked
    secret = secrets[KeyScope.TENANT]

    for wrong in ("", "unknown", secret[:-1], f"{secret} ", secret.upper(), f"{secret}\n"):
        assert await keys.find(wrong) is None

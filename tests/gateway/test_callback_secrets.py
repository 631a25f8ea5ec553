"""What callbacks are signed with: shown once, kept encrypted, two at once while one is replaced."""

import asyncio
import base64

import pytest
from sqlalchemy import text

from gateway.application.ports import CallbackSecrets
from gateway.domain.job import Owner
from gateway.infrastructure.callback_secrets import SqlCallbackSecrets
from shared.infrastructure.database import transaction
from shared.infrastructure.secrets import SecretUnreadable, Vault
from tests.gateway.builders import OTHER_TENANT, TENANT
from tests.gateway.stores import SqlGateway

CONTRACT_OF = CallbackSecrets

A_DAY_S = 24 * 3_600.0


@pytest.fixture
def secrets(postgres: SqlGateway) -> SqlCallbackSecrets:
    return SqlCallbackSecrets(postgres.sessions, Vault(b"k" * 32))


def key_in(secret: str) -> bytes:
    prefix, _, encoded = secret.partition("_")
    assert prefix == "whsec"
    return base64.b64decode(encoded, validate=True)


@pytest.mark.parametrize("owner", [None, TENANT])
async def test_a_new_secret_is_what_is_signed_with(
    secrets: SqlCallbackSecrets, owner: Owner
) -> None:
    secret = await secrets.rotate(owner)

    assert await secrets.signing(owner) == [key_in(secret)]
    assert len(key_in(secret)) == 32


async def test_where_there_is_none_yet_one_is_made_and_kept(secrets: SqlCallbackSecrets) -> None:
    made = await asyncio.gather(*(secrets.signing(TENANT) for _ in range(5)))

    assert len({tuple(keys) for keys in made}) == 1
    assert len(made[0]) == 1


async def test_for_a_day_the_replaced_secret_signs_too(
    secrets: SqlCallbackSecrets, postgres: SqlGateway
) -> None:
    old = key_in(await secrets.rotate(TENANT))
    new = key_in(await secrets.rotate(TENANT))

    await postgres.pass_time(A_DAY_S - 60)
    assert await secrets.signing(TENANT) == [new, old]
    await postgres.pass_time(120)
    assert await secrets.signing(TENANT) == [new]


async def test_every_tenant_has_its_own(secrets: SqlCallbackSecrets) -> None:
    owners = (None, TENANT, OTHER_TENANT)

    keys = [key_in(await secrets.rotate(owner)) for owner in owners]

    assert [await secrets.signing(owner) for owner in owners] == [[key] for key in keys]


async def test_everybody_who_is_told_a_new_secret_finds_it_used(
    secrets: SqlCallbackSecrets,
) -> None:
    rotated = await asyncio.gather(
        secrets.signing(TENANT), *(secrets.rotate(TENANT) for _ in range(6))
    )

    told = {key_in(secret) for secret in rotated[1:] if isinstance(secret, str)}
    assert len(told) == 6
    assert told <= set(await secrets.signing(TENANT))


async def test_what_has_expired_is_thrown_away_at_the_next_change(
    secrets: SqlCallbackSecrets, postgres: SqlGateway
) -> None:
    for _ in range(3):
        await secrets.rotate(TENANT)
        await postgres.pass_time(A_DAY_S + 1)

    await secrets.rotate(OTHER_TENANT)

    async with transaction(postgres.sessions) as session:
        kept = await session.scalars(text("SELECT scope FROM gateway.callback_secrets"))
        assert sorted(kept) == [str(TENANT), str(OTHER_TENANT)]


async def test_secrets_lie_encrypted_each_for_its_own_tenant(
    secrets: SqlCallbackSecrets, postgres: SqlGateway
) -> None:
    key = key_in(await secrets.rotate(TENANT))

    async with transaction(postgres.sessions) as session:
        [stored] = await session.scalars(text("SELECT secret FROM gateway.callback_secrets"))
        await session.execute(
            text("UPDATE gateway.callback_secrets SET scope = :other"),
            {"other": str(OTHER_TENANT)},
        )

    assert key not in stored
    with pytest.raises(SecretUnreadable):
        await secrets.signing(OTHER_TENANT)

"""API keys from the command line: a secret opens doors from its first second to its last."""

import base64
import re

import pytest

from tests.environment import configured
from tests.flows.platform import running
from tests.standalone.conftest import Command, elsewhere
from tests.waiting import until

TENANT = "018f0000-0000-7000-8000-00000000000a"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
}
SECRET = re.compile(r"aip_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")


async def test_a_new_key_opens_doors_until_it_is_revoked(
    ai_platform: Command, on_servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(monkeypatch, {**on_servers, **PRODUCTION}):
        made = await elsewhere(ai_platform, "keys", "create", "my app")
        secret = made.stdout.strip()
        assert SECRET.fullmatch(secret), "nothing but the secret, so that a script can keep it"
        async with running() as platform:
            assert (await platform.http.get("/v1/jobs")).status_code == 401
            platform.http.headers["Authorization"] = f"Bearer {secret}"
            assert (await platform.http.get("/v1/jobs")).status_code == 200

            listed = await elsewhere(ai_platform, "keys", "list")
            (key_id,) = re.findall(r"[0-9a-f-]{36}", listed.stdout)
            revoked = await elsewhere(ai_platform, "keys", "revoke", key_id)
            assert (revoked.exit_code, revoked.stdout) == (0, "Revoked.\n")

            async def is_locked_out() -> bool:
                return (await platform.http.get("/v1/jobs")).status_code == 401

            await until(is_locked_out, "the key is refused", within=5)


def test_the_list_shows_everything_but_the_secret(ai_platform: Command) -> None:
    secret = ai_platform(
        *("keys", "create", "the shop", "--scope", "tenant:read", "--tenant", TENANT)
    ).stdout.strip()

    listed = ai_platform("keys", "list").stdout

    _, prefix, hidden = secret.split("_", 2)
    assert all(word in listed for word in (prefix, "the shop", "tenant:read", TENANT))
    assert hidden not in listed


def test_a_name_is_shown_as_it_was_given(ai_platform: Command) -> None:
    name = "[/] [red]:coffee: shop"

    ai_platform("keys", "create", name)

    assert name in ai_platform("keys", "list").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("create", "x", "--scope", "king"),
        ("create", "x", "--scope", "tenant"),
        ("create", "x", "--tenant", TENANT),
        ("create", "x", "--scope", "tenant", "--tenant", "no-uuid"),
        ("create", " "),
        ("revoke", TENANT),
        ("revoke", "no-uuid"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_explained(ai_platform: Command, words: tuple[str, ...]) -> None:
    refused = ai_platform("keys", *words)

    assert refused.exit_code == 2
    assert "Error" in refused.stderr
    assert "Traceback" not in refused.output

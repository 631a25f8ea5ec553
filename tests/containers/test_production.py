"""The same compose file for real: passwords of one's own, keys, and a name in the world."""

import secrets
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.containers.compose import BUILT_WITHIN_S, CommandFailed, Compose
from tests.waiting import until

#: Names that end so are a machine's own: Caddy signs the certificate itself.
DOMAIN = "shop.localhost"
SECRETS = ("POSTGRES", "OWNER", "APP", "RABBITMQ", "REDIS")

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1_800)]


def project(command: Sequence[str], directory: Path, **environment: str) -> Compose:
    """A production that nobody else uses."""
    name = f"aip-{secrets.token_hex(3)}"
    return Compose(command, directory, name, {"ENVIRONMENT": "production", **environment})


@pytest.fixture(scope="module")
def own() -> dict[str, str]:
    """What an operator puts into `.env`."""
    passwords = {f"{name}_PASSWORD": secrets.token_hex(24) for name in SECRETS}
    key = b64encode(secrets.token_bytes(32)).decode()
    return {**passwords, "ENCRYPTION_KEY": key, "DOMAIN": DOMAIN}


@pytest.fixture(scope="module")
def production(
    images: Sequence[str], workspace: Path, own: dict[str, str]
) -> Iterator[tuple[Compose, str]]:
    """As docs/operations.md says: the first key, then all of it; and that key."""
    compose = project(images, workspace, **own)
    try:
        made = compose("run", "--rm", "gateway", "ai-platform", "keys", "create", "first")
        compose("up", "--detach", within=BUILT_WITHIN_S)
        yield compose, next(word for word in made.split() if word.startswith("aip_"))
    finally:
        compose.destroy()


@pytest.mark.parametrize("name", [f"{name}_PASSWORD" for name in SECRETS])
def test_nothing_is_migrated_with_a_password_that_all_know(
    images: Sequence[str], workspace: Path, own: dict[str, str], name: str
) -> None:
    refused = refusal(project(images, workspace, **without(own, name)), "migrate")

    assert "example_secrets" in refused


def test_nothing_is_served_with_an_encryption_key_that_all_know(
    images: Sequence[str], workspace: Path, own: dict[str, str]
) -> None:
    refused = refusal(project(images, workspace, **without(own, "ENCRYPTION_KEY")), "gateway")

    assert "ENCRYPTION_KEY" in refused


async def test_a_caller_with_a_key_is_served_over_tls_and_nobody_else(
    production: tuple[Compose, str], edge: httpx.AsyncClient
) -> None:
    _, key = production

    async def asked(path: str, **headers: str) -> int:
        there = {"sni_hostname": DOMAIN}
        answer = await edge.get(f"https://127.0.0.1{path}", headers=headers, extensions=there)
        return answer.status_code

    async def is_up() -> bool:
        with suppress(httpx.TransportError):
            return await asked("/health") == 200
        return False

    await until(is_up, "the edge answers", within=120, every=1)
    for path in ("/v1/jobs", "/v1/llm-configs", "/v1/crm/tenants"):
        assert await asked(path) == 401
        assert await asked(path, Authorization=f"Bearer {key}") == 200


async def test_whoever_comes_without_tls_is_sent_to_it(
    production: tuple[Compose, str], edge: httpx.AsyncClient
) -> None:
    answer = await edge.get("http://127.0.0.1/health")

    assert (answer.status_code, answer.headers["location"]) == (308, f"https://{DOMAIN}/health")


@pytest.fixture
async def edge() -> AsyncGenerator[httpx.AsyncClient]:
    """Calls the edge by its name, wherever that leads on this machine."""
    context = ssl.create_default_context()
    # Signed by an authority that nobody knows: for this name there is no other.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with httpx.AsyncClient(headers={"Host": DOMAIN}, verify=context) as http:
        yield http


def test_all_is_as_it_must_be(production: tuple[Compose, str]) -> None:
    compose, _ = production

    assert "BAD" not in compose("exec", "-T", "gateway", "ai-platform", "doctor")


def refusal(compose: Compose, service: str) -> str:
    """What a service says that refuses to start."""
    try:
        with pytest.raises(CommandFailed) as refused:
            compose("run", "--rm", service)
        assert "exited with 78" in str(refused.value)
        return str(refused.value)
    finally:
        compose.destroy()


def without(own: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in own.items() if key != name}

"""An engine, the images, and the whole platform in containers; each made once for all tests."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.containers.compose import BUILT_WITHIN_S, Compose, compose_command, newcomers_copy
from tests.services import Missing, give_up

EDGE = "http://127.0.0.1:8000"
WORLD = "http://127.0.0.1:8900"


@pytest.fixture(scope="session")
def command() -> Sequence[str]:
    try:
        return compose_command()
    except Missing as missing:
        give_up("Docker", missing)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return newcomers_copy(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def images(command: Sequence[str], workspace: Path) -> Sequence[str]:
    """Built; how `docker-compose` is called."""
    Compose(command, workspace, "aip-images")("build", "--quiet", within=BUILT_WITHIN_S)
    return command


@pytest.fixture(scope="module")
def demo(images: Sequence[str], workspace: Path) -> Iterator[Compose]:
    """The platform with a pretend world, as the documentation says; its story may not be over."""
    compose = Compose(images, workspace, f"aip-{secrets.token_hex(3)}", {"DEMO": "1"})
    try:
        compose("--profile", "demo", "up", "--build", "--detach", within=BUILT_WITHIN_S)
        yield compose
    finally:
        compose.destroy()

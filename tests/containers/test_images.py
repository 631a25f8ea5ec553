"""The four images, each as it was built."""

import json
from collections.abc import Sequence

import pytest

from tests.containers.compose import said

IMAGES = [
    f"localhost/ai-platform-{one}" for one in ("gateway", "ai-engine", "waha-sender", "crm-chatbot")
]
MOST_BYTES = 300_000_000
#: What compiles, installs or downloads: nothing that a service needs, all that an intruder wants.
TOOLS = ("gcc", "cc", "make", "pip", "uv", "strip", "curl", "wget", "git")

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(1_800),
    pytest.mark.parametrize("image", IMAGES),
]


def test_it_is_small(images: Sequence[str], image: str) -> None:
    assert int(said("docker", "image", "inspect", "--format", "{{.Size}}", image)) < MOST_BYTES


def test_nobody_in_particular_runs_it_and_it_says_how_it_is(
    images: Sequence[str], image: str
) -> None:
    config = json.loads(said("docker", "image", "inspect", "--format", "{{json .Config}}", image))

    assert config["User"] == "10001"
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "shared.interface.probe"]
    assert config["StopSignal"] == "SIGTERM"


def test_there_are_no_tools_in_it(images: Sequence[str], image: str) -> None:
    looked = f"for one in {' '.join(TOOLS)} python; do command -v $one || true; done"
    found = said("docker", "run", "--rm", "--network", "none", image, "sh", "-c", looked)

    assert found.split() == ["/app/bin/python"]


def test_it_needs_nothing_that_it_could_write_to(images: Sequence[str], image: str) -> None:
    """The command line loads all of a service's code, and the simulators'."""
    read_only = ("--read-only", "--cap-drop", "ALL", "--network", "none")

    said("docker", "run", "--rm", *read_only, image, "ai-platform", "rehearse", "--list")
    written = said(
        "docker", "run", "--rm", *read_only, image, "sh", "-c", "touch /app/x /x 2>&1 || true"
    )
    assert written.count("Read-only file system") == 2

"""What no linter knows of the workflows: what is built, under which names, and who publishes."""

import re
import tomllib
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.house.source import ROOT

WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github/workflows").iterdir())
}
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
IMAGES = WORKFLOWS["docker"]["jobs"]["images"]
CHECKS = WORKFLOWS["checks"]["jobs"]["checks"]
MATRIX: list[dict[str, str]] = IMAGES["strategy"]["matrix"]["include"]


def step(action: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = IMAGES["steps"]
    (found,) = (one for one in steps if one.get("uses", "").startswith(f"{action}@"))
    return found


def value_of(expression: str, *, event: str, ref: str, missing: str) -> bool:
    """What GitHub makes of one of the job's `${{ ... }}`."""
    inside = expression.strip().removeprefix("${{").removesuffix("}}").strip()
    secrets = dict.fromkeys(("DOCKER_USERNAME", "DOCKER_PASSWORD"), "given") | {missing: ""}
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    names = {
        "github": SimpleNamespace(event_name=event, ref=ref, ref_type=kind),
        "secrets": SimpleNamespace(**secrets),
    }
    python = inside.replace("&&", "and").replace("||", "or")
    return bool(eval(python, {"__builtins__": {}}, names))  # noqa: S307 - an expression of our own


def variable(name: str, *, event: str, ref: str, missing: str = "none") -> bool:
    return value_of(IMAGES["env"][name], event=event, ref=ref, missing=missing)


def test_every_dockerfile_has_its_image_and_compose_calls_it_the_same() -> None:
    dockerfiles = {path.parent.name for path in ROOT.glob("services/*/Dockerfile")}
    composed = {
        (service["build"]["dockerfile"], re.sub(r"\$\{[^}]*\}", "", service["image"]))
        for service in COMPOSE["services"].values()
        if "build" in service
    }

    assert {one["service"] for one in MATRIX} == dockerfiles
    assert composed == {
        (f"services/{one['service']}/Dockerfile", f"/ai-platform-{one['image']}:") for one in MATRIX
    }


def test_an_image_is_built_from_the_root_under_its_name() -> None:
    build = step("docker/build-push-action")["with"]

    assert build["context"] == "."
    assert build["file"] == "services/${{ matrix.service }}/Dockerfile"
    assert build["tags"] == "${{ steps.meta.outputs.tags }}"
    assert step("docker/metadata-action")["id"] == "meta"
    assert step("docker/metadata-action")["with"]["images"].endswith(
        "}}/ai-platform-${{ matrix.image }}"
    )


def test_the_tags_are_those_that_are_promised() -> None:
    meta = step("docker/metadata-action")["with"]

    assert meta["tags"].splitlines() == [
        "type=raw,value=latest,enable=${{ env.MAIN }}",
        "type=sha,format=long,enable=${{ env.MAIN }}",
        "type=semver,prefix=v,pattern={{version}}",
        "type=semver,prefix=v,pattern={{major}}.{{minor}}",
        "type=ref,event=pr",
    ]
    assert meta["flavor"] == "latest=false"


@pytest.mark.parametrize(
    ("event", "ref", "is_main", "pushed"),
    [
        ("push", "refs/heads/main", True, True),
        ("push", "refs/heads/master", True, True),
        ("push", "refs/heads/main-menu", False, False),
        ("push", "refs/tags/v1.0.0", False, True),
        ("push", "refs/tags/main", False, True),
        ("pull_request", "refs/pull/7/merge", False, False),
        ("pull_request_target", "refs/heads/main", True, False),
        ("workflow_dispatch", "refs/tags/v1.0.0", False, False),
    ],
)
def test_only_pushes_of_main_and_of_versions_are_published(
    event: str, ref: str, *, is_main: bool, pushed: bool
) -> None:
    assert variable("MAIN", event=event, ref=ref) is is_main
    assert variable("PUSH", event=event, ref=ref) is pushed


@pytest.mark.parametrize("missing", ["DOCKER_USERNAME", "DOCKER_PASSWORD"])
def test_who_lacks_a_secret_publishes_nothing(missing: str) -> None:
    assert not variable("PUSH", event="push", ref="refs/heads/main", missing=missing)


def test_whatever_publishes_asks_whether_it_may() -> None:
    build = step("docker/build-push-action")["with"]

    assert step("docker/login-action")["if"] == "env.PUSH == 'true'"
    assert build["push"] == build["sbom"] == "${{ env.PUSH }}"
    assert build["provenance"] == "${{ env.PUSH == 'true' && 'mode=max' || 'false' }}"


def test_every_branch_every_version_and_every_pull_request_is_built() -> None:
    # YAML takes the key `on` for a truth.
    assert WORKFLOWS["docker"][True] == {
        "push": {"branches": ["**"], "tags": ["v[0-9]+.[0-9]+.[0-9]+*"]},
        "pull_request": None,
    }


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_actions_are_pinned_and_say_their_version(workflow: str) -> None:
    text = (ROOT / f".github/workflows/{workflow}.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (.+)", text)

    assert used
    assert [
        one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+(\.\d+){2}", one)
    ] == []


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_no_job_may_write(workflow: str) -> None:
    assert WORKFLOWS[workflow]["permissions"] == {}
    for job in WORKFLOWS[workflow]["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert job["timeout-minutes"] <= 75


def test_the_checks_run_with_every_python_that_is_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"])
    assert bounds
    supported = [f"3.{minor}" for minor in range(int(bounds[1]), int(bounds[2]))]

    assert CHECKS["strategy"]["matrix"]["python"] == supported


@pytest.mark.parametrize("server", ["postgres", "rabbitmq", "redis"])
def test_the_checks_run_on_the_servers_that_are_shipped(server: str) -> None:
    assert CHECKS["services"][server]["image"] == COMPOSE["services"][server]["image"]


def test_the_checks_are_those_of_a_developer() -> None:
    assert ".ci/run" in [one.get("run") for one in CHECKS["steps"]]
    assert "make check test" in (ROOT / ".ci/run").read_text(encoding="utf-8")

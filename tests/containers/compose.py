"""The compose file at work: a copy of the project, its own volumes, and `docker-compose` in it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.house.source import ROOT
from tests.services import Missing

#: a service's name among containers, and where it listens
SERVICES = {"gateway": 8000, "crm-chatbot": 8001, "ai-engine": 8002, "waha-sender": 8003}
#: built without a cache, on a machine that does other things too
BUILT_WITHIN_S = 1_500.0


class CommandFailed(AssertionError):
    """A command did not exit with 0; with all that it said."""


def said(*words: str, within: float = 120.0, **how: Any) -> str:
    """What a command says. Raises CommandFailed, with its complaints."""
    done = subprocess.run(  # noqa: S603 - the words are ours
        words, timeout=within, check=False, text=True, capture_output=True, **how
    )
    if done.returncode:
        complaint = f"{done.stdout}{done.stderr}"
        raise CommandFailed(f"{' '.join(words)} exited with {done.returncode}:\n{complaint}")
    return str(done.stdout).strip()


def compose_command() -> Sequence[str]:
    """As the README prints it, or as newer engines have it. Raises Missing."""
    try:
        said("docker", "info", within=30)
    except (OSError, CommandFailed) as why:
        raise Missing(f"no engine answers ({str(why).splitlines()[-1]})") from why
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    try:
        said("docker", "compose", "version")
    except CommandFailed as why:
        raise Missing("Docker is here, and Compose is not") from why
    return ("docker", "compose")


@dataclass(frozen=True)
class Compose:
    """One project: its containers and volumes are nobody else's, whatever else runs here."""

    command: Sequence[str]
    directory: Path
    name: str
    #: what a person would have put into their environment
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def __call__(self, *words: str, within: float = 180.0, **more: str) -> str:
        """What `docker-compose ...` says. Raises CommandFailed."""
        environment = {**_without_ours(), **self.environment, **more}
        environment["COMPOSE_PROJECT_NAME"] = self.name
        return said(*self.command, *words, within=within, cwd=str(self.directory), env=environment)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What the engine knows of each, also of those that have ended; the oldest first."""
        ids = self("ps", "--all", "--quiet", service).split()
        found: list[dict[str, Any]] = json.loads(said("docker", "inspect", *ids)) if ids else []
        return sorted(found, key=lambda one: str(one["Created"]))

    def is_ready(self, service: str, count: int = 1) -> bool:
        """Whether so many run, no more and no fewer, and all of them are well."""
        states: list[dict[str, Any]] = [one["State"] for one in self.containers(service)]
        health = [one["Health"]["Status"] for one in states if "Health" in one]
        return health == ["healthy"] * count

    def destroy(self) -> None:
        """Containers, networks and volumes: of this project alone."""
        self("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "40")


def newcomers_copy(to: Path) -> Path:
    """The project as `git clone` would give it, with what is not committed yet; and `.env`."""
    files = said("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=str(ROOT))
    for name in files.splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    shutil.copy(to / ".env.example", to / ".env")
    return to


def _without_ours() -> dict[str, str]:
    """What a newcomer's shell has: nothing that the compose file would read instead of `.env`."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")
    return {name: os.environ[name] for name in kept if name in os.environ}

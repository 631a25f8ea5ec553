"""How measurements are made: the load's process, the sizes, and who is measured in turn."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ROOT, python
from bench.servers import Servers
from bench.systems import System

#: the longest that any one load may take
LOAD_WITHIN_S = 90


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of everything."""

    repetitions: int = 3
    accept_s: float = 3.0
    jobs: int = 2_000
    backlog: int = 4_000
    one_by_one: int = 60
    slow_jobs: int = 500
    in_flight: int = 100
    #: how long after the last answer a second one may still come
    aftermath_s: float = 5.0
    model_calls: int = 480
    webhook_s: float = 8.0
    replies: int = 40
    chats: int = 1_000


QUICK = Scale(
    repetitions=1,
    accept_s=0.7,
    jobs=300,
    backlog=600,
    one_by_one=10,
    model_calls=96,
    aftermath_s=1.0,
    webhook_s=2.0,
    replies=10,
    chats=200,
)


@dataclass(frozen=True)
class Bench:
    """What every measurement needs."""

    servers: Servers
    scale: Scale
    #: for logs; it goes when the bench ends
    directory: Path
    say: Callable[[str], None]


def load(kind: str, system: System, **plan: Any) -> dict[str, Any]:
    """Let a process of its own ask the system for something; what it saw."""
    return load_on(kind, system.url, system.name, **plan)


def load_on(kind: str, url: str, name: str, **plan: Any) -> dict[str, Any]:
    """The same, of whatever is found at a URL."""
    words = {"load": kind, "url": url, "connections": 32, "within_s": LOAD_WITHIN_S, **plan}
    done = subprocess.run(  # noqa: S603 - the words are ours
        python("bench.load"),
        input=json.dumps(words),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=LOAD_WITHIN_S + 15,
        check=False,
    )
    if done.returncode != 0:
        raise LoadFailed(f"{kind} on {name}: {done.stderr[-2_000:]}")
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


class LoadFailed(Exception):
    """A system did not do what was asked of it."""


#: by system, in the order of time
Found = dict[str, list[float]]


def in_turn(bench: Bench, what: str, measures: Mapping[str, Callable[[], float]]) -> Found:
    """A B A B: neighbours in time meet the same machine."""
    figures: Found = {name: [] for name in measures}
    for _ in range(bench.scale.repetitions):
        for name, measure in measures.items():
            figures[name].append(measure())
            bench.say(f"{what}: {name} {figures[name][-1]:,.1f}")
    return figures

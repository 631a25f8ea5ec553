"""Where the time goes: py-spy looks at both processes of the platform while jobs go through."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import Bench, load
from bench.processes import Process
from bench.systems import Wish, started
from bench.throughput import PATIENT, WARM_UP_JOBS

RATE = 250
#: py-spy needs a moment before its first sample.
ATTACHED_AFTER_S = 1.5

OURS = ("shared", "gateway", "ai_engine")
#: They wait for everything else, so everything else is in them.
_ALWAYS_THERE = (
    "main (",
    "serve (",
    "<module>",
    "run (shared/runtime",
    "_keep_running (",
    "every (",
)


@dataclass(frozen=True)
class Share:
    """How much of a process's time was spent in something."""

    what: str
    percent: float


@dataclass(frozen=True)
class Sampled:
    """One process, seen from two sides."""

    process: str
    #: by the package whose code was running
    packages: Sequence[Share]
    #: by our functions, with all that they call; SQLAlchemy hides what is below it (greenlets)
    functions: Sequence[Share]


def sample(bench: Bench, jobs: int) -> list[Sampled]:
    """Both processes, during one end-to-end load."""
    with started(bench.servers, bench.directory, Wish(settings=PATIENT), "platform") as (system,):
        load("through", system, jobs=WARM_UP_JOBS)
        spies = {p.name: _Spy(p, bench.directory) for p in (system.api, system.worker)}
        time.sleep(ATTACHED_AFTER_S)
        load("through", system, jobs=jobs)
        return [_shares(name, spy.stacks()) for name, spy in spies.items()]


class _Spy:
    def __init__(self, process: Process, directory: Path) -> None:
        self._file = directory / f"{process.name}.raw"
        self._popen = subprocess.Popen(  # noqa: S603 - the words are ours
            [
                str(Path(sys.executable).with_name("py-spy")),
                *("record", "--pid", str(process.pid), "--rate", str(RATE)),
                *("--format", "raw", "--output", str(self._file), "--duration", "600"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stacks(self) -> Mapping[str, int]:
        """How often each stack was seen, once it stops looking."""
        self._popen.send_signal(signal.SIGINT)
        self._popen.wait(30)
        lines = (line.rpartition(" ") for line in self._file.read_text().splitlines())
        return Counter({stack: int(count) for stack, _, count in lines})


def _shares(process: str, stacks: Mapping[str, int]) -> Sampled:
    packages, functions = Counter[str](), Counter[str]()
    for stack, count in stacks.items():
        frames = [frame.rpartition(":")[0] + ")" for frame in stack.split(";")]
        packages[_package(frames[-1])] += count
        for frame in {frame for frame in frames if _is_telling(frame)}:
            functions[frame] += count
    return Sampled(
        process,
        _largest(packages.most_common(14), sum(stacks.values())),
        _largest(functions.most_common(24), sum(stacks.values())),
    )


def _largest(counted: Iterable[tuple[str, int]], whole: int) -> list[Share]:
    return [Share(what, count * 100 / whole) for what, count in counted]


def _package(frame: str) -> str:
    path = frame.partition("(")[2].rstrip(")")
    return path.partition("/")[0].removesuffix(".py") or "other"


def _is_telling(frame: str) -> bool:
    return _package(frame) in OURS and not frame.startswith(_ALWAYS_THERE)

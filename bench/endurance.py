"""Slow models: many jobs at once in one worker, and a worker that is killed while it works."""

import time
from dataclasses import dataclass, field
from functools import partial

from bench.figures import Row, at_most, exactly
from bench.measuring import Bench, Found, in_turn, load
from bench.processes import watched_memory
from bench.simulators import load_langchain, simulators
from bench.systems import System, Wish, started
from bench.throughput import BOTH, WARM_UP_JOBS, compared, moments

MODEL_S = 2.0
PATIENCE_S = 60.0


@dataclass
class Seen:
    """What is noticed beside the clock, by system."""

    peaks_mib: Found = field(default_factory=Found)
    lost: Found = field(default_factory=Found)
    twice: Found = field(default_factory=Found)


def slow_models(bench: Bench) -> list[Row]:
    """500 jobs of two seconds each in one worker, then kill -9 with 100 in flight."""
    seen = Seen()
    wish = Wish(
        concurrency=bench.scale.slow_jobs,
        model_delay_s=MODEL_S,
        settings={"OPENAI_API_KEY": "sk-bench"},  # for `load_langchain`
    )
    with started(bench.servers, bench.directory, wish, *BOTH) as systems:
        with simulators(bench) as base_url:
            load_langchain(systems[0], base_url)
        for system in systems:
            load("through", system, jobs=WARM_UP_JOBS)
        wall = in_turn(
            bench, "slow jobs, s", {s.name: partial(_slow, bench, s, seen) for s in systems}
        )
        back = in_turn(
            bench, "after kill -9, s", {s.name: partial(_killed, bench, s, seen) for s in systems}
        )
    jobs = f"{bench.scale.slow_jobs} jobs x {MODEL_S:g} s, one worker"
    killed = f"kill -9 with {bench.scale.in_flight} in flight: all answered after (model's 2 s off)"
    return [
        compared(jobs, "s", wall, at_most(2.7, "s")),
        compared("... peak PSS, LangChain imported", "MiB", seen.peaks_mib, at_most(200, "MiB")),
        compared(killed, "s", back, at_most(4, "s")),
        compared("... lost", "", seen.lost, exactly(0)),
        compared("... results stored twice", "", seen.twice, exactly(0)),
    ]


def _slow(bench: Bench, system: System, seen: Seen) -> float:
    """From the first POST to the last answer, by the times that the system itself tells."""
    with watched_memory(system.worker) as peak:
        ids = load("submit", system, jobs=bench.scale.slow_jobs)["ids"]
        jobs = load("watch", system, ids=ids, patience_s=PATIENCE_S, look_again_s=0.25)["jobs"]
    seen.peaks_mib.setdefault(system.name, []).append(peak.mebibytes)
    return max(moments(jobs, "updated_at")) - min(moments(jobs, "created_at"))


def _killed(bench: Bench, system: System, seen: Seen) -> float:
    ids = load("submit", system, jobs=bench.scale.in_flight)["ids"]
    time.sleep(MODEL_S / 2)  # all of them are with the model now
    system.worker.kill()
    began = time.monotonic()
    system.worker.start()
    ended = load("watch", system, ids=ids, patience_s=PATIENCE_S, look_again_s=0.05)["jobs"]
    seconds = time.monotonic() - began - MODEL_S
    time.sleep(bench.scale.aftermath_s)
    again = load("watch", system, ids=list(ended), patience_s=PATIENCE_S, look_again_s=0.05)["jobs"]
    twice = sum(again.get(job_id) != job for job_id, job in ended.items())
    seen.lost.setdefault(system.name, []).append(len(ids) - len(ended))
    seen.twice.setdefault(system.name, []).append(twice)
    return seconds

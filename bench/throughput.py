"""How much goes through: accepting, end to end, the worker by itself; and how fast when idle."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from statistics import median, quantiles
from typing import Any

from bench import cpu
from bench.figures import CpuTable, Goal, Row, at_least, at_most, at_most_theirs
from bench.measuring import Bench, Found, in_turn, load
from bench.processes import running
from bench.systems import Name, System, Wish, started

#: Jobs wait here without a worker on purpose: nobody is to be asked again meanwhile.
PATIENT = {"REASK_AFTER_S": "300"}

WARM_UP_JOBS = 100

BOTH: Sequence[Name] = ("platform", "taskiq")
INSERT = "one INSERT"
#: measured end to end only, and not in a hurry
ORM: Sequence[Name] = ("taskiq_orm",)


def accepting(bench: Bench) -> list[Row]:
    """POST /v1/jobs, 32 connections, no worker running."""
    wish = Wish(has_worker=False, settings=PATIENT)
    with started(bench.servers, bench.directory, wish, *BOTH, "bare") as systems:
        for system in systems:
            load("accept", system, seconds=bench.scale.accept_s / 3)
        found = in_turn(
            bench, "accepted a second", {s.name: partial(_accepted, bench, s) for s in systems}
        )
    what = "accept, 32 connections"
    return [
        Row(what, "/s", found["platform"], found["taskiq"], "Taskiq", at_least(1.8, "Taskiq")),
        Row(what, "/s", found["platform"], found["bare"], INSERT, at_least(0.8, INSERT)),
    ]


def end_to_end(bench: Bench, table: CpuTable) -> list[Row]:
    """POST to GET: many at once, one at a time, and a backlog; the model answers at once."""
    names: list[Name] = [*BOTH, *(ORM if bench.scale.repetitions > 1 else ())]
    with started(bench.servers, bench.directory, Wish(settings=PATIENT), *names) as systems:
        for system in systems:
            load("through", system, jobs=WARM_UP_JOBS)
        rows = [*_many_at_once(bench, systems, table), _one_at_a_time(bench, systems)]
        for system in systems:
            system.worker.stop()
        return [*rows, _worker_alone(bench, systems)]


def _many_at_once(bench: Bench, systems: Sequence[System], table: CpuTable) -> list[Row]:
    through = in_turn(
        bench, "end to end a second", {s.name: partial(_through, bench, s, table) for s in systems}
    )
    cpu_ms = {name: table.totals(name) for name in through}
    what, cost = "end to end, 0 ms model", "CPU per job, all processes"
    rows = [
        compared(what, "/s", through, at_least(2, "Taskiq")),
        compared(cost, "ms", cpu_ms, at_most(2.5, "ms")),
    ]
    for other in through.keys() & set(ORM):
        beside = "Taskiq + SQLAlchemy"
        rows.append(Row(what, "/s", through["platform"], through[other], beside))
        rows.append(Row(cost, "ms", cpu_ms["platform"], cpu_ms[other], beside))
    return rows


def _one_at_a_time(bench: Bench, systems: Sequence[System]) -> Row:
    measured = [system for system in systems if system.name in BOTH]
    found = in_turn(
        bench, "idle p50, ms", {s.name: partial(_one_by_one, bench, s) for s in measured}
    )
    return compared("idle p50, POST to answer", "ms", found, at_most_theirs("Taskiq"))


def _worker_alone(bench: Bench, systems: Sequence[System]) -> Row:
    measured = [system for system in systems if system.name in BOTH]
    found = in_turn(
        bench, "worker alone a second", {s.name: partial(_backlog, bench, s) for s in measured}
    )
    return compared("worker alone, a backlog", "/s", found, at_least(3, "Taskiq"))


def compared(what: str, unit: str, found: Found, goal: Goal) -> Row:
    """Ours beside Taskiq's."""
    return Row(what, unit, found["platform"], found["taskiq"], "Taskiq", goal)


def _accepted(bench: Bench, system: System) -> float:
    seen = load("accept", system, seconds=bench.scale.accept_s)
    rate: float = seen["count"] / seen["seconds"]
    return rate


def _through(bench: Bench, system: System, table: CpuTable) -> float:
    jobs = bench.scale.jobs
    before = system.meter.read()
    seconds: float = load("through", system, jobs=jobs)["seconds"]
    table.add(system.name, cpu.between(before, system.meter.read(), jobs=jobs))
    return jobs / seconds


def _one_by_one(bench: Bench, system: System) -> float:
    took: list[float] = load("alone", system, jobs=bench.scale.one_by_one)["milliseconds"]
    return median(took)


def _backlog(bench: Bench, system: System) -> float:
    """The rate in the middle nine tenths, by the times at which answers were stored."""
    ids = load("submit", system, jobs=bench.scale.backlog)["ids"]
    with running(system.worker):
        jobs = load("watch", system, ids=ids, patience_s=60, look_again_s=0.25)["jobs"]
    stored = moments(jobs, "updated_at")
    cuts = quantiles(stored, n=20)
    rate: float = 0.9 * len(stored) / max(cuts[-1] - cuts[0], 0.001)
    return rate


def moments(jobs: Mapping[str, Mapping[str, Any]], which: str) -> list[float]:
    """What the system says of when things happened, in seconds."""
    return [datetime.fromisoformat(job[which]).timestamp() for job in jobs.values()]

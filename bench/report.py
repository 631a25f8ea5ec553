"""The figures as a table: for the terminal, and for RESULTS.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import CpuTable, Row
from bench.sampling import Sampled

RESULTS = Path(__file__).parent / "RESULTS.md"
#: What is below this line in RESULTS.md was written by a person, or by `--profile`: it stays.
KEPT = "## Where the time goes"

HEAD = ("measured", "platform", "beside", "theirs", "ours / theirs", "goal", "")


@dataclass
class Findings:
    """Everything that one run has found."""

    machine: str
    command: str
    day: date
    load_before: float
    rows: list[Row] = field(default_factory=list[Row])
    cpu: CpuTable = field(default_factory=CpuTable)


def show(findings: Findings, console: Console) -> None:
    """To whoever sits in front of it."""
    table = Table(*HEAD)
    for row in findings.rows:
        table.add_row(*_cells(row))
    console.print(table)
    console.print("CPU, ms a job", *_cpu_lines(findings.cpu), sep="\n  ")


def show_samples(samples: Sequence[Sampled], console: Console) -> None:
    """Percentages of each process's own time."""
    for sampled in samples:
        for side in ("packages", "functions"):
            table = Table(f"{sampled.process}: {side}", "%")
            for share in getattr(sampled, side):
                table.add_row(share.what, f"{share.percent:.1f}")
            console.print(table)


def write(findings: Findings) -> None:
    """Into RESULTS.md, whose last part stays as it is."""
    before = RESULTS.read_text() if RESULTS.exists() else ""
    kept = before[before.index(KEPT) :] if KEPT in before else ""
    RESULTS.write_text("\n".join([*_page(findings), kept]).rstrip() + "\n")


def _page(findings: Findings) -> list[str]:
    return [
        "# What it costs, and beside what",
        "",
        f"`{findings.command}` on {findings.day}: {findings.machine}",
        "",
        f"Medians of {max(len(row.ours) for row in findings.rows)} rounds, in turn with the",
        "reference; a ratio is the median of the rounds' own ratios. Everything ran on this one",
        f"machine, the load too. When it began, {findings.load_before:.1f} processes wanted a CPU",
        "(load average): with more than a few, trust the ratios and the CPU times.",
        "[What is measured, and how](README.md).",
        "",
        *_markdown([HEAD, *map(_cells, findings.rows)]),
        "",
        "## CPU milliseconds a job, by process",
        "",
        *(f"- {line}" for line in _cpu_lines(findings.cpu)),
        "",
    ]


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {None: "", True: "met", False: "not met"}[row.is_met]
    theirs = "" if row.their_median is None else _number(row.their_median, row.unit)
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    goal = row.goal.words if row.goal else ""
    return row.what, _number(row.our_median, row.unit), row.reference, theirs, ratio, goal, verdict


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def _cpu_lines(table: CpuTable) -> list[str]:
    return [
        f"{system}: "
        + ", ".join(f"{name} {ms:.2f}" for name, ms in table.medians(system).items())
        + f"; together {sum(table.medians(system).values()):.2f}"
        for system in table.by_system
    ]


def _markdown(lines: Sequence[Sequence[str]]) -> list[str]:
    head, *rest = (f"| {' | '.join(cells)} |" for cells in lines)
    return [head, "|---" * len(lines[0]) + "|", *rest]

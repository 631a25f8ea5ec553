"""What was measured: figures in rows, each beside its reference and its goal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Goal:
    """What we want of a row: of our median alone, or of it and the reference's."""

    words: str
    is_met: Callable[[float, float], bool]


@dataclass(frozen=True)
class Row:
    """One thing measured, several times on each side, ours and theirs in turn."""

    what: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    reference: str = ""
    goal: Goal | None = None

    @property
    def our_median(self) -> float:
        return median(self.ours)

    @property
    def their_median(self) -> float | None:
        return median(self.theirs) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        """Ours by theirs; of neighbours in time, so that what slows both down does not count."""
        pairs = [a / b for a, b in zip(self.ours, self.theirs, strict=False) if b]
        return median(pairs) if pairs else None

    @property
    def is_met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.goal.is_met(self.our_median, self.ratio or 0.0)


@dataclass
class CpuTable:
    """CPU milliseconds a job: whose, and by which process."""

    by_system: dict[str, list[Mapping[str, float]]] = field(
        default_factory=dict[str, list[Mapping[str, float]]]
    )

    def add(self, system: str, milliseconds: Mapping[str, float]) -> None:
        self.by_system.setdefault(system, []).append(milliseconds)

    def medians(self, system: str) -> dict[str, float]:
        readings = self.by_system[system]
        return {name: median(reading[name] for reading in readings) for name in readings[0]}

    def totals(self, system: str) -> list[float]:
        return [sum(reading.values()) for reading in self.by_system[system]]


def at_least(ratio: float, whose: str) -> Goal:
    return Goal(f">= {ratio:g} x {whose}", lambda _, measured: measured >= ratio)


def at_most_theirs(whose: str) -> Goal:
    return Goal(f"<= {whose}", lambda _, measured: 0 < measured <= 1)


def at_most(value: float, unit: str) -> Goal:
    return Goal(f"<= {value:g} {unit}".rstrip(), lambda ours, _: ours <= value)


def exactly(value: float) -> Goal:
    return Goal(f"= {value:g}", lambda ours, _: ours == value)

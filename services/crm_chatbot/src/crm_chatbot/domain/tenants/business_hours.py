"""Business hours: when a shop is open in a week, and how that is told to customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby, pairwise

from crm_chatbot.domain.language import Language
from shared.domain import Invalid

MIDNIGHT = 24 * 60


class Day(StrEnum):
    """In the order of `datetime.weekday`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class BusinessHoursRejected(Invalid):
    message = "{reason}"
    at = "/business_hours"


@dataclass(frozen=True, order=True)
class Opening:
    """From one minute of a day to another, the last one excluded. Nights are two openings."""

    starts: int
    ends: int

    def __post_init__(self) -> None:
        if not 0 <= self.starts < self.ends <= MIDNIGHT:
            raise BusinessHoursRejected(reason="An opening ends after it starts, on the same day.")


@dataclass(frozen=True)
class BusinessHours:
    """Openings by day, sorted; a day without any is closed. Without any day: always open."""

    week: Mapping[Day, Sequence[Opening]] = field(default_factory=dict[Day, Sequence[Opening]])

    def __post_init__(self) -> None:
        for openings in self.week.values():
            if any(later.starts < earlier.ends for earlier, later in pairwise(openings)):
                raise BusinessHoursRejected(reason="A day's openings follow each other.")

    @property
    def is_always_open(self) -> bool:
        return not self.week

    @property
    def is_never_open(self) -> bool:
        return bool(self.week) and not any(self.week.values())

    def on(self, day: Day) -> Sequence[Opening]:
        """In their order."""
        return self.week.get(day, ())

    def is_open(self, local: datetime) -> bool:
        """Whether somebody is there at this time, on the shop's own clock."""
        minute = local.hour * 60 + local.minute
        today = self.on(tuple(Day)[local.weekday()])
        return self.is_always_open or any(one.starts <= minute < one.ends for one in today)

    def told(self, language: Language) -> str:
        """`Senin-Jumat 09.00-17.00; Sabtu-Minggu tutup`: days that are alike are told at once."""
        words = _WORDS[language]
        if self.is_always_open:
            return words.always
        alike = groupby(Day, key=lambda day: tuple(self.on(day)))
        return "; ".join(
            f"{words.days_between(list(days))} {words.openings(hours)}" for hours, days in alike
        )


@dataclass(frozen=True)
class _Words:
    days: Sequence[str]
    always: str
    closed: str
    #: between hours and minutes
    point: str

    def days_between(self, days: Sequence[Day]) -> str:
        first, last = (self.days[list(Day).index(day)] for day in (days[0], days[-1]))
        return first if first == last else f"{first}-{last}"

    def openings(self, hours: Sequence[Opening]) -> str:
        told = [f"{self._time(one.starts)}-{self._time(one.ends)}" for one in hours]
        return ", ".join(told) or self.closed

    def _time(self, minute: int) -> str:
        return f"{minute // 60:02}{self.point}{minute % 60:02}"


_WORDS: Mapping[Language, _Words] = {
    Language.INDONESIAN: _Words(
        ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
        always="Buka setiap saat",
        closed="tutup",
        point=".",
    ),
    Language.ENGLISH: _Words(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        always="Always open",
        closed="closed",
        point=":",
    ),
}

ALWAYS_OPEN = BusinessHours()

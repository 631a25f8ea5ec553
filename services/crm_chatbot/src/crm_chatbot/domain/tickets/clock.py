"""A ticket's clock: seconds count only while the shop is open, on the shop's own calendar."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm_chatbot.domain.business_hours import BusinessHours, Day

#: A shop that is open for a minute a week must not keep us reckoning: beyond this, all time counts.
_DAYS = [timedelta(days=n) for n in range(366)]
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


def due(start: datetime, within_s: int, hours: BusinessHours, zone: ZoneInfo) -> datetime:
    """When so many seconds of business hours have passed since `start`.

    For a shop that never opens, every second counts.
    """
    rest = timedelta(seconds=max(0, within_s))
    for opens, closes in _openings(start, hours, zone):
        if rest <= closes - opens:
            return opens + rest
        rest -= closes - opens
    return _FOR_EVER  # pragma: no cover - the last opening has no end


def left(now: datetime, due_at: datetime, hours: BusinessHours, zone: ZoneInfo) -> int:
    """How many seconds of business hours there are until `due_at`; 0 where it has passed."""
    rest = timedelta()
    for opens, closes in _openings(now, hours, zone):
        if opens >= due_at:
            break
        rest += min(closes, due_at) - opens
    return round(rest.total_seconds())


def _openings(
    start: datetime, hours: BusinessHours, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """What is left of the shop's hours from `start` on, in UTC, each after the one before."""
    since, first = start.astimezone(UTC), start.astimezone(zone).date()
    if not (hours.is_always_open or hours.is_never_open):
        for day in map(first.__add__, _DAYS):
            for opening in hours.on(tuple(Day)[day.weekday()]):
                # Where clocks are put forward, an end may come before a beginning.
                opens = max(since, _moment(day, opening.starts, zone))
                closes = _moment(day, opening.ends, zone)
                if opens < closes:
                    yield opens, closes
                    since = closes
        since = max(since, _moment(first + _DAYS[-1], 24 * 60, zone))
    yield since, _FOR_EVER


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The first, where the clocks show it twice."""
    shown = datetime.combine(day, time()) + timedelta(minutes=minute)
    return shown.replace(tzinfo=zone).astimezone(UTC)

"""A ticket's clock: seconds count only while the shop is open, on the shop's own calendar."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from crm_chatbot.domain.tenants.business_hours import BusinessHours, Day
from crm_chatbot.domain.tenants.tenant import Tenant
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import OVER, Priority, Ticket
from shared.domain import Invalid

_HOUR = 3_600
#: Of business hours; a day of a shop that keeps its hours has eight of them, or so.
SHORTEST_S = 60
LONGEST_S = 30 * 24 * _HOUR
#: Within how many seconds of business hours tickets are to be resolved, unless the shop says else.
WITHIN_S: Mapping[Priority, int | None] = {
    Priority.URGENT: 4 * _HOUR,
    Priority.HIGH: 8 * _HOUR,
    Priority.MEDIUM: 24 * _HOUR,
    Priority.LOW: 72 * _HOUR,
}

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
    # The last opening lasts for ever, so one of them had enough left; type checkers cannot know.
    return _FOR_EVER  # pragma: no cover - see above


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


class TargetRejected(Invalid):
    message = "{field}: {reason}"
    at = "/within_s/{field}"


@dataclass(frozen=True)
class Targets:
    """Within how many seconds of business hours a shop wants to have its tickets resolved."""

    #: a priority that is not here has the platform's own time; None: no clock
    own: Mapping[Priority, int | None] = field(default_factory=dict[Priority, int | None])

    def __post_init__(self) -> None:
        for priority, within_s in self.own.items():
            if priority is Priority.NONE:
                raise TargetRejected(field=priority, reason="what has no priority has no clock")
            if within_s is not None and not SHORTEST_S <= within_s <= LONGEST_S:
                reason = f"must lie between {SHORTEST_S} and {LONGEST_S}"
                raise TargetRejected(field=priority, reason=reason)

    def within_s(self, priority: Priority) -> int | None:
        """None: tickets of this priority have no clock."""
        return self.own[priority] if priority in self.own else WITHIN_S.get(priority)


class TicketTargets(Protocol):
    """What one tenant wants."""

    async def get(self) -> Targets:
        """Nothing of its own, as long as it has said nothing."""
        ...

    async def put(self, targets: Targets, /) -> None:
        """In the place of whatever there was."""
        ...


@dataclass(frozen=True)
class Standing:
    """What a ticket was before it was changed: what its clock has to know."""

    status: Status
    priority: Priority

    @classmethod
    def of(cls, ticket: Ticket) -> "Standing":
        return cls(ticket.status, ticket.priority)

    @property
    def is_over(self) -> bool:
        return self.status in OVER


@dataclass(frozen=True, kw_only=True)
class ShopClock:
    """The clock of a shop's tickets: it runs, it stands while a ticket waits, it ends."""

    hours: BusinessHours
    zone: ZoneInfo
    targets: Targets

    @classmethod
    def of(cls, tenant: Tenant, targets: Targets) -> "ShopClock":
        zone = ZoneInfo(tenant.time_zone)
        return cls(hours=tenant.business_hours, zone=zone, targets=targets)

    def follow(self, ticket: Ticket, was: Standing | None, now: datetime) -> None:
        """Let the clock do what the ticket's change demands; `was` None: it is new.

        What was over begins anew. Another priority has its own time, of which that much is gone as
        has been used.
        """
        if ticket.is_over:
            ticket.due_at = ticket.clock_left_s = None
        elif was is None or was.is_over:
            ticket.breached_at = None
            self._set(ticket, self.targets.within_s(ticket.priority), now)
        elif was.priority is not ticket.priority:
            self._set(ticket, self._rest_of_another(ticket, was, now), now)
        elif _stands(was) != _stands(ticket):
            self._set(ticket, self._rest(ticket, now), now)

    def _set(self, ticket: Ticket, rest_s: int | None, now: datetime) -> None:
        ticket.due_at = ticket.clock_left_s = None
        if rest_s is not None and _stands(ticket):
            ticket.clock_left_s = rest_s
        elif rest_s is not None:
            ticket.due_at = due(now, rest_s, self.hours, self.zone)

    def _rest(self, ticket: Ticket, now: datetime) -> int | None:
        if ticket.due_at is not None:
            return left(now, ticket.due_at, self.hours, self.zone)
        return ticket.clock_left_s

    def _rest_of_another(self, ticket: Ticket, was: Standing, now: datetime) -> int | None:
        whole, before = map(self.targets.within_s, (ticket.priority, was.priority))
        rest = self._rest(ticket, now)
        if whole is None or before is None or rest is None:
            return whole
        # A shop that has changed its mind meanwhile must not make time that is gone come back.
        used = max(0, before - rest)
        return max(0, whole - used)


def _stands(ticket: Ticket | Standing) -> bool:
    return ticket.status is Status.WAITING


def has_run_out(ticket: Ticket, now: datetime) -> bool:
    """Its time is up, and nobody has noted it yet."""
    if ticket.due_at is None or ticket.breached_at is not None:
        return False
    return not ticket.is_over and not _stands(ticket) and ticket.due_at < now

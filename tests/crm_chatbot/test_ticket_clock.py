"""A ticket's clock counts the hours of its shop, on the shop's own calendar."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chatbot.domain.tenants.business_hours import ALWAYS_OPEN, BusinessHours, Day, Opening
from crm_chatbot.domain.tickets.clock import (
    ShopClock,
    Standing,
    TargetRejected,
    Targets,
    due,
    has_run_out,
    left,
)
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import Priority, Ticket
from tests.crm_chatbot.desk import a_board, a_ticket

JAKARTA, BERLIN = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin")
HOUR = 3_600
#: Monday to Friday, nine to five; the day before a weekend they go home at noon.
WEEK = BusinessHours(
    {
        **dict.fromkeys(tuple(Day)[:4], (Opening(9 * 60, 17 * 60),)),
        Day.FRI: (Opening(9 * 60, 12 * 60),),
    }
)
NIGHTS = BusinessHours({day: (Opening(0, 4 * 60), Opening(22 * 60, 24 * 60)) for day in Day})
CLOSED = BusinessHours({Day.MON: ()})
ONE_MINUTE = BusinessHours({Day.SUN: (Opening(0, 1),)})


def at(local: str, zone: ZoneInfo = JAKARTA) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-05-04T10:00", 4, "2026-05-04T14:00"),
        ("2026-05-04T15:00", 4, "2026-05-05T11:00"),
        ("2026-05-04T03:00", 4, "2026-05-04T13:00"),
        ("2026-05-04T20:00", 4, "2026-05-05T13:00"),
        ("2026-05-08T11:00", 4, "2026-05-11T12:00"),
        ("2026-05-09T11:00", 8, "2026-05-11T17:00"),
        ("2026-05-04T09:00", 35, "2026-05-08T12:00"),
        ("2026-05-04T09:00", 36, "2026-05-11T10:00"),
    ],
)
def test_hours_when_the_shop_is_closed_do_not_count(start: str, hours: int, expected: str) -> None:
    assert due(at(start), hours * HOUR, WEEK, JAKARTA) == at(expected)
    assert left(at(start), at(expected), WEEK, JAKARTA) == hours * HOUR


@pytest.mark.parametrize("hours", [ALWAYS_OPEN, CLOSED])
def test_where_no_hours_are_kept_all_time_counts(hours: BusinessHours) -> None:
    start = at("2026-05-08T23:00")

    assert due(start, 72 * HOUR, hours, JAKARTA) == start + timedelta(hours=72)
    assert left(start, start + timedelta(hours=72), hours, JAKARTA) == 72 * HOUR


def test_a_shop_that_hardly_ever_opens_is_not_reckoned_with_for_ever() -> None:
    start = at("2026-05-08T23:00")

    found = due(start, 72 * HOUR, ONE_MINUTE, JAKARTA)

    assert start + timedelta(days=366) < found < start + timedelta(days=370)


def test_nights_go_on_after_midnight() -> None:
    assert due(at("2026-05-04T23:00"), 3 * HOUR, NIGHTS, JAKARTA) == at("2026-05-05T02:00")


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        # Two o'clock is three o'clock: the night is an hour shorter.
        ("2026-03-28T23:00", "2026-03-29T23:00"),
        # Three o'clock is two o'clock once more.
        ("2026-10-24T23:00", "2026-10-25T03:00"),
    ],
)
def test_hours_are_the_ones_that_pass_whatever_the_clocks_show(start: str, expected: str) -> None:
    found = due(at(start, BERLIN), 5 * HOUR, NIGHTS, BERLIN)

    assert found.astimezone(BERLIN).replace(tzinfo=None) == datetime.fromisoformat(expected)


def test_hours_that_clocks_leave_out_are_no_hours() -> None:
    hours = BusinessHours({Day.SUN: (Opening(120, 150), Opening(150, 180), Opening(240, 300))})

    found = due(at("2026-03-29T00:00", BERLIN), HOUR, hours, BERLIN)

    # Clocks that show no half past two are taken to be still on winter time.
    assert found <= at("2026-03-29T05:00", BERLIN)
    assert left(at("2026-03-29T00:00", BERLIN), found, hours, BERLIN) == HOUR


def test_what_has_passed_has_nothing_left() -> None:
    assert left(at("2026-05-04T12:00"), at("2026-05-04T11:00"), WEEK, JAKARTA) == 0
    assert due(at("2026-05-09T11:00"), 0, WEEK, JAKARTA) == at("2026-05-11T09:00")


ZONES = st.sampled_from([JAKARTA, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Apia")])
MOMENTS = st.integers(0, 16 * 365 * 86_400).map(
    lambda seconds: datetime(2011, 12, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
SECONDS = st.integers(1, 30 * 86_400)


@st.composite
def some_hours(draw: st.DrawFn) -> BusinessHours:
    week: dict[Day, tuple[Opening, ...]] = {}
    for day in draw(st.sets(st.sampled_from(Day))):
        edges = sorted(draw(st.sets(st.integers(0, 24 * 60), max_size=6)))
        week[day] = tuple(Opening(*pair) for pair in zip(edges[::2], edges[1::2], strict=False))
    return BusinessHours(week)


@given(start=MOMENTS, within_s=SECONDS, hours=some_hours(), zone=ZONES)
def test_what_is_left_until_a_time_is_what_it_was_reckoned_from(
    start: datetime, within_s: int, hours: BusinessHours, zone: ZoneInfo
) -> None:
    found = due(start, within_s, hours, zone)

    assert left(start, found, hours, zone) == within_s
    assert found >= start + timedelta(seconds=within_s)


@given(start=MOMENTS, within_s=SECONDS, more_s=SECONDS, hours=some_hours(), zone=ZONES)
def test_more_time_is_never_sooner_and_a_later_start_never_sooner_due(
    start: datetime, within_s: int, more_s: int, hours: BusinessHours, zone: ZoneInfo
) -> None:
    first = due(start, within_s, hours, zone)
    later = start + timedelta(seconds=more_s)

    assert due(start, within_s + more_s, hours, zone) > first
    assert due(later, within_s, hours, zone) >= first
    assert left(later, first, hours, zone) <= within_s


@given(start=MOMENTS, hours=some_hours(), zone=ZONES, days=st.integers(0, 20))
def test_a_clock_that_stood_goes_on_where_it_stopped(
    start: datetime, hours: BusinessHours, zone: ZoneInfo, days: int
) -> None:
    within_s = 8 * HOUR
    due_at = due(start, within_s, hours, zone)
    stopped = start + (due_at - start) / 2
    stopped = stopped.replace(microsecond=0)
    rest = left(stopped, due_at, hours, zone)

    again = due(stopped + timedelta(days=days), rest, hours, zone)

    assert left(stopped + timedelta(days=days), again, hours, zone) == rest
    assert again >= due(stopped, rest, hours, zone)


# -- a ticket's clock

OFFICE = ShopClock(hours=WEEK, zone=JAKARTA, targets=Targets())
MONDAY = at("2026-05-04T09:00")
LOW, HIGH, NONE = Priority.LOW, Priority.HIGH, Priority.NONE


def a_new(priority: Priority, clock: ShopClock = OFFICE, now: datetime = MONDAY) -> Ticket:
    ticket = a_ticket(a_board(), priority=priority)
    clock.follow(ticket, None, now)
    return ticket


def change(ticket: Ticket, now: datetime, clock: ShopClock = OFFICE, **facts: object) -> None:
    was = Standing.of(ticket)
    for name, value in facts.items():
        setattr(ticket, name, value)
    clock.follow(ticket, was, now)


@pytest.mark.parametrize(
    ("priority", "due_at"),
    [
        (Priority.URGENT, "2026-05-04T13:00"),
        (Priority.HIGH, "2026-05-04T17:00"),
        (Priority.MEDIUM, "2026-05-06T17:00"),
        (Priority.LOW, "2026-05-18T11:00"),
    ],
)
def test_each_priority_has_its_own_time(priority: Priority, due_at: str) -> None:
    assert a_new(priority).due_at == at(due_at)


def test_what_has_no_priority_has_no_clock() -> None:
    ticket = a_new(NONE)

    assert (ticket.due_at, ticket.clock_left_s) == (None, None)


def test_a_shop_may_want_its_own_times_or_none() -> None:
    clock = replace(OFFICE, targets=Targets({HIGH: 2 * HOUR, LOW: None}))

    assert a_new(HIGH, clock).due_at == at("2026-05-04T11:00")
    assert a_new(LOW, clock).due_at is None


def test_while_a_ticket_waits_its_clock_stands() -> None:
    ticket = a_new(HIGH)
    change(ticket, at("2026-05-04T12:00"), status=Status.WAITING)
    stood = (ticket.due_at, ticket.clock_left_s)
    change(ticket, at("2026-05-06T16:00"), status=Status.IN_PROGRESS)

    assert stood == (None, 5 * HOUR)
    assert (ticket.due_at, ticket.clock_left_s) == (at("2026-05-07T13:00"), None)


def test_who_begins_with_a_ticket_has_no_more_time_for_it() -> None:
    ticket = a_new(HIGH)
    change(ticket, at("2026-05-05T12:00"), status=Status.IN_PROGRESS)

    assert ticket.due_at == at("2026-05-04T17:00")


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED])
@pytest.mark.parametrize("before", [Status.OPEN, Status.WAITING])
def test_what_is_over_has_no_clock(before: Status, status: Status) -> None:
    ticket = a_new(HIGH)
    change(ticket, MONDAY, status=before)
    change(ticket, MONDAY, status=status)

    assert (ticket.due_at, ticket.clock_left_s) == (None, None)


def test_what_is_opened_again_begins_anew() -> None:
    ticket = a_new(HIGH)
    ticket.breached_at = at("2026-05-05T09:00")
    change(ticket, at("2026-05-05T10:00"), status=Status.RESOLVED)
    kept = ticket.breached_at
    change(ticket, at("2026-05-06T09:00"), status=Status.OPEN)

    assert kept is not None
    assert [ticket.due_at, ticket.breached_at] == [at("2026-05-06T17:00"), None]


def test_of_another_priority_s_time_that_much_is_gone_as_was_used() -> None:
    ticket = a_new(LOW)
    change(ticket, at("2026-05-04T12:00"), priority=HIGH)

    assert ticket.due_at == at("2026-05-04T17:00")


def test_where_more_was_used_than_there_is_now_time_is_up() -> None:
    ticket = a_new(LOW)
    now = at("2026-05-06T12:00")
    change(ticket, now, priority=HIGH)

    assert ticket.due_at == now
    assert has_run_out(ticket, now + timedelta(seconds=1))


def test_a_priority_may_change_while_the_clock_stands() -> None:
    ticket = a_new(LOW)
    change(ticket, at("2026-05-04T12:00"), status=Status.WAITING)
    change(ticket, at("2026-05-05T12:00"), priority=HIGH)

    assert (ticket.due_at, ticket.clock_left_s) == (None, 5 * HOUR)


def test_priority_and_status_may_change_at_once() -> None:
    ticket = a_new(LOW)
    change(ticket, at("2026-05-04T12:00"), priority=HIGH, status=Status.WAITING)

    assert (ticket.due_at, ticket.clock_left_s) == (None, 5 * HOUR)


def test_a_first_priority_starts_the_clock_and_none_stops_it() -> None:
    ticket = a_new(NONE)
    change(ticket, at("2026-05-05T09:00"), priority=HIGH)
    started = ticket.due_at
    change(ticket, at("2026-05-05T10:00"), priority=NONE)

    assert started == at("2026-05-05T17:00")
    assert (ticket.due_at, ticket.clock_left_s) == (None, None)


def test_a_shop_that_gave_itself_more_time_meanwhile_takes_none_back() -> None:
    ticket = a_new(LOW, replace(OFFICE, targets=Targets({LOW: 10 * HOUR})))
    clock = replace(OFFICE, targets=Targets({LOW: 5 * HOUR}))
    change(ticket, at("2026-05-04T10:00"), clock, priority=HIGH)

    assert ticket.due_at == at("2026-05-05T10:00")


@pytest.mark.parametrize(
    ("facts", "has"),
    [
        ({}, True),
        ({"status": Status.IN_PROGRESS}, True),
        ({"status": Status.WAITING}, False),
        ({"status": Status.RESOLVED}, False),
        ({"breached_at": MONDAY}, False),
        ({"due_at": None}, False),
    ],
)
def test_only_a_clock_that_runs_runs_out(facts: dict[str, Any], has: bool) -> None:
    named: dict[str, Any] = {"due_at": MONDAY, **facts}
    ticket = a_ticket(a_board(), **named)

    assert has_run_out(ticket, MONDAY + timedelta(seconds=1)) is has
    assert not has_run_out(ticket, MONDAY)


@pytest.mark.parametrize("own", [{NONE: HOUR}, {HIGH: 59}, {HIGH: 30 * 86_400 + 1}])
def test_nobody_wants_no_time_or_all_of_it(own: dict[Priority, int | None]) -> None:
    with pytest.raises(TargetRejected):
        Targets(own)

"""How humanly a session sends: arithmetic, with a clock that a test moves."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import WhatsAppPlace, WhatsAppText
from tests.clock import NOON, StandingClock
from tests.waha_sender.builders import PICTURE
from waha_sender.application.pacing import (
    LONGEST_PAUSE_S,
    RESTRICTED_S,
    Pace,
    Rules,
    allowance,
    backoff_s,
    reserve,
    typing_s,
)

RULES = Rules()  # 20 a minute: a burst of 5, then one every 3 s


def waits(rules: Rules, *, messages: int, clock: StandingClock, pace: Pace) -> list[float]:
    """How long each of them waits that come at the same time."""
    slots = [reserve(pace, rules, clock()) for _ in range(messages)]
    return [round((slot.at - clock()).total_seconds(), 3) for slot in slots]


def test_a_burst_leaves_at_once_and_then_one_at_a_time(clock: StandingClock) -> None:
    pace = Pace(session="s")

    assert waits(RULES, messages=8, clock=clock, pace=pace) == [0, 0, 0, 0, 0, 3, 6, 9]


def test_silence_fills_the_bucket_again_but_not_beyond(clock: StandingClock) -> None:
    pace = Pace(session="s")
    waits(RULES, messages=8, clock=clock, pace=pace)

    clock.advance(9 + 6)
    assert waits(RULES, messages=3, clock=clock, pace=pace) == [0, 0, 3]
    clock.advance(10_000)
    assert waits(RULES, messages=6, clock=clock, pace=pace) == [0, 0, 0, 0, 0, 3]


def test_a_clock_that_goes_back_gives_nothing_away(clock: StandingClock) -> None:
    pace = Pace(session="s")
    waits(RULES, messages=5, clock=clock, pace=pace)

    clock.advance(-100)

    assert waits(RULES, messages=1, clock=clock, pace=pace) == [3]


@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(0, 1)), min_size=1, max_size=60),
    st.integers(1, 120),
)
def test_no_minute_has_more_than_a_minutes_messages_and_a_burst(
    arrivals: list[tuple[float, float]], per_minute: int
) -> None:
    rules = Rules(messages_per_minute=per_minute, messages_per_day=10**5, first_day_messages=10**5)
    pace, clock = Pace(session="s"), StandingClock()
    leaving: list[datetime] = []
    for pause, jitter in arrivals:
        leaving.append(reserve(pace, rules, clock.advance(pause), jitter=jitter).at)

    for begin in leaving:
        within = [at for at in leaving if begin <= at < begin + timedelta(minutes=1)]
        # A third of an interval early at one end and late at the other may let one more in.
        assert len(within) <= per_minute + rules.burst + 2


def test_the_interval_is_never_fixed(clock: StandingClock) -> None:
    early, late = Pace(session="s", tokens=0), Pace(session="s", tokens=0)

    first = reserve(early, RULES, clock(), jitter=0)
    last = reserve(late, RULES, clock(), jitter=1)

    assert ((first.at - clock()).total_seconds(), (last.at - clock()).total_seconds()) == (2, 4)


@pytest.mark.parametrize(("jitter", "pause"), [(0.0, 1.0), (0.5, 2.0), (1.0, 3.0)])
def test_two_messages_to_one_chat_keep_their_distance(
    clock: StandingClock, jitter: float, pause: float
) -> None:
    def wait(since_last: float) -> float:
        last = clock() - timedelta(seconds=since_last)
        slot = reserve(Pace(session="s"), RULES, clock(), last_in_chat=last, jitter=jitter)
        return (slot.at - clock()).total_seconds()

    assert wait(0) == pytest.approx(pause)
    assert wait(0.4) == pytest.approx(pause - 0.4)
    assert wait(60) == 0


def test_what_is_urgent_is_counted_but_does_not_wait(clock: StandingClock) -> None:
    pace = Pace(session="s", tokens=0.0, day=clock().date(), sent_today=10**6)

    slot = reserve(pace, RULES, clock(), last_in_chat=clock(), is_urgent=True)

    assert (slot.at, slot.is_reserved) == (clock(), True)
    assert (pace.tokens, pace.sent_today) == (-1, 10**6 + 1)


@pytest.mark.parametrize(
    ("age", "allowed"), [(0, 100), (1, 200), (2, 400), (3, 800), (4, 1_000), (5_000, 1_000)]
)
def test_a_young_number_is_warmed_up_slowly(age: int, allowed: int) -> None:
    first = datetime(2026, 1, 1, 23, 59, tzinfo=UTC)

    assert allowance(first, RULES, date(2026, 1, 1) + timedelta(days=age)) == allowed
    assert allowance(None, RULES, date(2026, 1, 1)) == 100


def test_what_is_too_much_for_today_waits_for_tomorrow(clock: StandingClock) -> None:
    pace = Pace(session="s", day=clock().date(), sent_today=100, first_sent_at=clock())

    slot = reserve(pace, RULES, clock(), jitter=0.5)

    midnight = datetime(2026, 5, 5, tzinfo=UTC)
    assert (slot.at, slot.is_reserved) == (midnight + timedelta(minutes=15), False)
    assert pace.sent_today == 100
    clock.now = slot.at
    assert reserve(pace, RULES, clock()).is_reserved
    assert (pace.day, pace.sent_today) == (date(2026, 5, 5), 1)


@pytest.mark.parametrize(
    ("letters", "jitter", "seconds"),
    [(0, 0.5, 1), (10, 0.5, 1), (100, 0.5, 5), (1_000, 0.5, 8), (100, 0.0, 3.5), (100, 1.0, 6.5)],
)
def test_typing_takes_as_long_as_the_text(letters: int, jitter: float, seconds: float) -> None:
    content = WhatsAppText(text="x" * letters)

    assert typing_s(content, RULES, jitter=jitter) == pytest.approx(seconds)


def test_a_caption_is_typed_and_a_place_is_not() -> None:
    place = WhatsAppPlace(latitude=0, longitude=0, title="x" * 500)

    assert typing_s(PICTURE.model_copy(update={"caption": "x" * 100}), RULES) == pytest.approx(5)
    assert typing_s(place, RULES) == 1


def test_pauses_grow_up_to_a_minute() -> None:
    assert [backoff_s(n) for n in (0, 1, 2, 5, 6, 50)] == [1, 2, 4, 32, 60, 60]
    assert (backoff_s(2, jitter=0), backoff_s(2, jitter=1)) == (3, 5)


def test_a_sessions_pause_is_counted_once_however_many_noticed(clock: StandingClock) -> None:
    pace = Pace(session="s")

    for _ in range(5):
        pace.stumble("FAILED", clock())

    assert (pace.failures, pace.status) == (1, "FAILED")
    assert pace.paused_until == clock() + timedelta(seconds=1)


def test_its_pauses_grow_and_end_with_the_first_success(clock: StandingClock) -> None:
    pace = Pace(session="s")
    pauses: list[float] = []
    for _ in range(8):
        pace.stumble("FAILED", clock())
        assert pace.paused_until is not None
        pauses.append((pace.paused_until - clock()).total_seconds())
        clock.now = pace.paused_until

    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    pace.works()
    assert (pace.status, pace.failures, pace.is_paused(NOON)) == ("WORKING", 0, False)


def test_a_restriction_ends(clock: StandingClock) -> None:
    pace = Pace(session="s")
    assert not pace.is_restricted(clock())

    pace.restrict(clock())

    assert pace.is_restricted(clock.advance(RESTRICTED_S - 1))
    assert not pace.is_restricted(clock.advance(2))

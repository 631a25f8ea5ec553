"""The breaker's rules, on a clock that the test moves."""

from collections.abc import Sequence

import pytest

from shared.llm.breaker import Breaker


class Seconds:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(clock: Seconds) -> Breaker:
    return Breaker(clock)


def meet(breaker: Breaker, *outcomes: bool | None) -> None:
    """Ask once for each outcome: True means that the request failed."""
    for failed in outcomes:
        admission = breaker.admit()
        assert admission is not None
        breaker.record(admission, failed=failed)


def opened(breaker: Breaker) -> None:
    meet(breaker, *[True] * 10)
    assert breaker.admit() is None


def test_few_requests_say_nothing(breaker: Breaker) -> None:
    meet(breaker, *[True] * 9)

    assert breaker.admit() is not None


@pytest.mark.parametrize(
    ("outcomes", "is_left_alone"),
    [
        ([True] * 10, True),
        ([False, True] * 5, True),
        ([False, False, True] * 6, False),
        ([False] * 20 + [True] * 9, False),
        ([False] * 20 + [True] * 10, True),
        ([True] * 4 + [False] * 20 + [True] * 9, False),
    ],
)
def test_it_opens_when_half_of_the_last_twenty_failed(
    breaker: Breaker, outcomes: Sequence[bool], is_left_alone: bool
) -> None:
    meet(breaker, *outcomes)

    assert (breaker.admit() is None) is is_left_alone


def test_requests_that_never_got_through_are_not_counted(breaker: Breaker) -> None:
    meet(breaker, *[True] * 9, *[None] * 9)

    assert breaker.admit() is not None


def test_an_open_breaker_says_how_long_it_will_rest(breaker: Breaker, clock: Seconds) -> None:
    assert breaker.rest_left_s == 0.0

    opened(breaker)
    clock.now += 5

    assert breaker.rest_left_s == 10.0


def test_after_its_rest_exactly_one_probe_goes_through(breaker: Breaker, clock: Seconds) -> None:
    opened(breaker)
    clock.now += 14.9
    too_early = breaker.admit()
    clock.now += 0.1

    assert too_early is None
    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_a_probe_that_succeeds_closes_it_and_forgets_the_past(
    breaker: Breaker, clock: Seconds
) -> None:
    opened(breaker)
    clock.now += 15

    meet(breaker, False)

    meet(breaker, *[True] * 8)
    assert breaker.admit() is not None


def test_a_probe_that_fails_begins_another_rest(breaker: Breaker, clock: Seconds) -> None:
    opened(breaker)
    clock.now += 15
    meet(breaker, True)

    clock.now += 14.9
    too_early = breaker.admit()
    clock.now += 0.1

    assert too_early is None
    assert breaker.admit() is not None


def test_a_probe_that_never_got_through_lets_the_next_one_try(
    breaker: Breaker, clock: Seconds
) -> None:
    opened(breaker)
    clock.now += 15

    meet(breaker, None)

    assert breaker.admit() is not None


def test_a_probe_that_is_lost_costs_one_rest(breaker: Breaker, clock: Seconds) -> None:
    opened(breaker)
    clock.now += 15
    assert breaker.admit() is not None

    clock.now += 15

    assert breaker.admit() is not None


@pytest.mark.parametrize("failed", [True, False])
def test_what_began_before_it_opened_changes_nothing(breaker: Breaker, failed: bool) -> None:
    early = breaker.admit()
    assert early is not None
    opened(breaker)

    breaker.record(early, failed=failed)

    assert breaker.admit() is None
    assert breaker.rest_left_s == 15.0

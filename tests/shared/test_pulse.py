"""When the silence of other workers means that they are dead."""

from dataclasses import dataclass

import pytest

from shared.pulse import Pulse


@dataclass
class Watch:
    """Seconds, as many as the test says."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def pulse(watch: Watch) -> Pulse:
    return Pulse(dead_after_s=3, clock=watch)


def test_before_its_first_beat_a_worker_judges_nobody(pulse: Pulse) -> None:
    assert not pulse.is_steady


def test_a_worker_that_just_began_need_not_wait(pulse: Pulse) -> None:
    pulse.beat()

    assert pulse.is_steady


def test_after_a_missed_beat_everybody_gets_the_time_to_be_heard_again(
    pulse: Pulse, watch: Watch
) -> None:
    pulse.beat()
    pulse.miss()
    assert not pulse.is_steady

    pulse.beat()
    watch.seconds += 2.9
    pulse.beat()
    assert not pulse.is_steady

    watch.seconds += 0.1
    assert pulse.is_steady


def test_a_worker_that_hung_itself_judges_nobody(pulse: Pulse, watch: Watch) -> None:
    pulse.beat()
    watch.seconds += 10
    assert not pulse.is_steady

    pulse.beat()
    assert not pulse.is_steady

    watch.seconds += 3
    pulse.beat()
    assert pulse.is_steady

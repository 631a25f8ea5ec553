"""Pauses grow, and the same trouble is told once a minute."""

import pytest

from shared.infrastructure import patience
from shared.infrastructure.patience import Backoff, Complaints


class Heard:
    def __init__(self) -> None:
        self.reasons: list[object] = []

    def warning(self, _action: str, /, **facts: object) -> None:
        self.reasons.append(facts["reason"])

    info = warning


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    heard = Heard()
    monkeypatch.setattr(patience, "log", heard)
    return heard


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1.0, longest_s=8.0)

    pauses = [backoff.next() for _ in range(6)]

    for pause, most in zip(pauses, [1, 2, 4, 8, 8, 8], strict=True):
        assert 0.7 * most <= pause <= most


def test_after_a_reset_pauses_are_short_again() -> None:
    backoff = Backoff(first_s=1.0)
    for _ in range(4):
        backoff.next()

    backoff.reset()

    assert backoff.next() <= 1.0


def test_the_same_trouble_is_told_once_and_another_at_once(heard: Heard) -> None:
    complaints = Complaints("carrier.away")

    for reason in ("refused", "refused", "too slow", "refused"):
        complaints.about(reason)

    assert heard.reasons == ["refused", "too slow"]


def test_trouble_that_lasts_is_told_again(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SAY_AGAIN_AFTER_S", 0.0)
    complaints = Complaints("carrier.away")

    complaints.about("refused")
    complaints.about("refused")

    assert heard.reasons == ["refused", "refused"]


def test_the_end_of_trouble_is_told_once(heard: Heard) -> None:
    complaints = Complaints("carrier.away")

    complaints.over()
    complaints.about("refused")
    complaints.over()
    complaints.over()

    assert heard.reasons == ["refused", "over"]

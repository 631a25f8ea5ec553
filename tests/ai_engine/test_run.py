"""When a failed attempt is tried again, and when it is given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.domain.run import LONGEST_PAUSE, GivenUp, Later, Spent, Trouble, after_trouble
from tests.ai_engine.builders import a_run

OUTAGE = Trouble(code="llm_unavailable", detail="Nobody answered.", may_pass=True)
BAD_KEY = Trouble(code="llm_auth", detail="The key was refused.", may_pass=False)


def decide(trouble: Trouble, error_attempts: int, *, jitter: float = 1.0) -> Later | GivenUp:
    run = a_run(error_attempts=error_attempts)
    return after_trouble(trouble, run, max_attempts=5, base_s=1.0, jitter=jitter)


@pytest.mark.parametrize(("error_attempts", "pause"), [(0, 1), (1, 2), (2, 4), (3, 8)])
def test_pauses_double(error_attempts: int, pause: float) -> None:
    assert decide(OUTAGE, error_attempts) == Later(pause)


def test_the_last_try_is_the_last() -> None:
    assert decide(OUTAGE, 4) == GivenUp("llm_unavailable", "Nobody answered. (tried 5 times)")


def test_what_will_never_work_is_not_tried_again() -> None:
    assert decide(BAD_KEY, 0) == GivenUp("llm_auth", "The key was refused.")


def test_a_providers_wish_is_honoured() -> None:
    wish = Trouble(code="llm_unavailable", detail="Slow down.", may_pass=True, retry_after_s=30)

    assert decide(wish, 0, jitter=0.0) == Later(30)


@given(
    st.integers(0, 3),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(0, 1e6)),
)
def test_no_pause_is_endless(error_attempts: int, jitter: float, wish: float | None) -> None:
    trouble = Trouble(code="llm_unavailable", detail="", may_pass=True, retry_after_s=wish)

    decision = decide(trouble, error_attempts, jitter=jitter)

    assert isinstance(decision, Later)
    assert 0 <= decision.seconds <= LONGEST_PAUSE


def test_what_attempts_cost_adds_up() -> None:
    one = Spent(model_calls=1, input_tokens=2, output_tokens=3, cost_micro_usd=4)

    assert one + one == Spent(model_calls=2, input_tokens=4, output_tokens=6, cost_micro_usd=8)

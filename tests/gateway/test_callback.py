"""The rules of a callback: tried for about a day, then given up, and never after a plain no."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.callback import PAUSES, Callback, CallbackId, CallbackState, Verdict
from gateway.domain.job import JobStatus
from tests.gateway.builders import NOON, TENANT, a_callback, a_full_request, a_job

FIRST_PAUSE_S = 5.0
DELIVERED = Verdict(None, 200)
REFUSED = Verdict("refused", 500)
HOUR_S = 3_600.0


def tried(callback: Callback, verdict: Verdict, *, jitter: float = 0.5) -> float:
    """Record what a try came to; returns the seconds until the next."""
    now = callback.available_at
    callback.record(verdict, now, first_pause_s=FIRST_PAUSE_S, jitter=jitter)
    return (callback.available_at - now).total_seconds()


def test_a_finished_job_owes_a_callback_at_once() -> None:
    job = a_job(JobStatus.COMPLETED, request=a_full_request(), owner=TENANT)

    callback = Callback.owed_for(CallbackId(job.id), job, NOON)

    assert (callback.job_id, callback.owner) == (job.id, TENANT)
    assert (callback.url, callback.host) == ("https://example.com/hook", "example.com")
    assert (callback.state, callback.available_at) == (CallbackState.PENDING, NOON)


def test_what_was_delivered_is_done() -> None:
    callback = a_callback()

    tried(callback, DELIVERED)

    assert (callback.state, callback.attempts) == (CallbackState.DELIVERED, 1)
    assert (callback.last_status, callback.last_error) == (200, None)


def test_eight_further_tries_span_about_a_day() -> None:
    callback = a_callback()

    pauses = [tried(callback, REFUSED) for _ in PAUSES]

    assert callback.state is CallbackState.PENDING
    assert [round(pause) for pause in pauses[:4]] == [5, 60, 300, 1_800]
    assert len(pauses) == 8
    assert 23 * HOUR_S < sum(pauses) < 25 * HOUR_S


def test_after_the_last_try_it_is_given_up_and_says_why() -> None:
    callback = a_callback()

    for _ in range(len(PAUSES) + 1):
        tried(callback, REFUSED)

    assert (callback.state, callback.attempts) == (CallbackState.FAILED, 9)
    assert (callback.last_status, callback.last_error) == (500, "refused")


@given(jitter=st.floats(0, 1), tries=st.integers(0, len(PAUSES) - 1))
def test_pauses_are_spread_by_a_fifth(jitter: float, tries: int) -> None:
    callback = a_callback()
    callback.attempts = tries

    pause = tried(callback, REFUSED, jitter=jitter)

    planned = PAUSES[tries] * FIRST_PAUSE_S
    assert 0.8 * planned - 0.01 <= pause <= 1.2 * planned + 0.01


def test_jitter_moves_the_pause_both_ways() -> None:
    soon, late = (tried(a_callback(), REFUSED, jitter=jitter) for jitter in (0.0, 1.0))

    assert (soon, late) == (4.0, 6.0)


@pytest.mark.parametrize(("wish_s", "pause_s"), [(1.0, 5.0), (77.0, 77.0), (HOUR_S, HOUR_S)])
def test_a_receiver_may_wish_for_a_longer_pause(wish_s: float, pause_s: float) -> None:
    assert tried(a_callback(), Verdict("refused", 429, retry_after_s=wish_s)) == pause_s


@pytest.mark.parametrize("no", [Verdict("refused", 410), Verdict("callback_blocked")])
def test_some_answers_are_final(no: Verdict) -> None:
    callback = a_callback()

    tried(callback, no)

    assert (callback.state, callback.attempts) == (CallbackState.FAILED, 1)
    assert callback.last_error == no.error


@pytest.mark.parametrize("error", ["refused", "timeout", "connect", "dns", "tls", "internal"])
def test_anything_else_is_tried_again(error: str) -> None:
    callback = a_callback()

    tried(callback, Verdict(error))

    assert callback.state is CallbackState.PENDING
    assert callback.available_at > NOON + timedelta(seconds=3)

"""The rules of a job: forward only, and every end announced once."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.job import (
    NEXT,
    Job,
    JobCancelled,
    JobCannotMove,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobStatus,
    JobStatusChanged,
    Prompt,
    PromptRejected,
)
from tests.gateway.builders import ANSWER, FAILURE, LATER, SPENT, a_job, a_request

MOVES: dict[JobStatus, Callable[[Job], None]] = {
    JobStatus.PROCESSING: lambda job: job.start(LATER),
    JobStatus.COMPLETED: lambda job: job.complete(ANSWER, SPENT, LATER),
    JobStatus.FAILED: lambda job: job.fail(FAILURE, SPENT, LATER),
    JobStatus.CANCELLED: lambda job: job.cancel(LATER),
}


def test_a_new_job_is_queued_and_announced() -> None:
    job = a_job()
    again = Job.submit(
        job.id,
        a_request(),
        owner=None,
        now=job.created_at,
        patience=job.deadline_at - job.created_at,
    )

    assert again.status is JobStatus.QUEUED
    assert [type(event) for event in again.release_events()] == [JobCreated]
    assert again.release_events() == []


@pytest.mark.parametrize("wanted", MOVES)
@pytest.mark.parametrize("finished", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_finished_job_never_changes(finished: JobStatus, wanted: JobStatus) -> None:
    job = a_job(finished)

    with pytest.raises(JobCannotMove, match=f"A {finished} job cannot become {wanted}."):
        MOVES[wanted](job)

    assert job.status is finished
    assert job.release_events() == []


@pytest.mark.parametrize("before", [JobStatus.QUEUED, JobStatus.PROCESSING])
@pytest.mark.parametrize(
    ("after", "event"),
    [
        (JobStatus.COMPLETED, JobCompleted),
        (JobStatus.FAILED, JobFailed),
        (JobStatus.CANCELLED, JobCancelled),
    ],
)
def test_an_unfinished_job_may_end_and_says_so_once(
    before: JobStatus, after: JobStatus, event: type
) -> None:
    job = a_job(before)

    MOVES[after](job)

    assert [type(happened) for happened in job.release_events()] == [JobStatusChanged, event]


def test_a_job_that_is_worked_on_cannot_be_started_again() -> None:
    job = a_job(JobStatus.PROCESSING)

    with pytest.raises(JobCannotMove):
        job.start(LATER)


RANK = {JobStatus.QUEUED: 0, JobStatus.PROCESSING: 1}


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=12))
def test_whatever_is_tried_a_job_only_moves_forward(tries: list[JobStatus]) -> None:
    job = a_job()

    for wanted in tries:
        before = job.status
        try:
            MOVES[wanted](job)
        except JobCannotMove:
            assert job.status is before
        else:
            assert RANK.get(before, 2) < RANK.get(job.status, 2)

    assert (job.answer is not None) == (job.status is JobStatus.COMPLETED)
    assert (job.failure is not None) == (job.status is JobStatus.FAILED)


def test_only_unfinished_states_lead_anywhere() -> None:
    assert {status for status in JobStatus if status.is_final} == {
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.CANCELLED,
    }
    assert NEXT.keys() == set(JobStatus)


@pytest.mark.parametrize("empty", ["", " ", "\n\t ", "\u200b", "\u200b \ufeff", "x" * 32_001])
def test_a_prompt_says_something_and_ends(empty: str) -> None:
    with pytest.raises(PromptRejected):
        Prompt(empty)


@pytest.mark.parametrize("text", ["a", "x" * 32_000, "\u200bhalo", "☕"])
def test_a_prompt_may_be_anything_that_says_something(text: str) -> None:
    assert Prompt(text).text == text

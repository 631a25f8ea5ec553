"""The ledger counts right: each kind of wrong shows, and what is right does not."""

import pytest

from tests.chaos.ledger import Ledger, Report, Sight


def a_sight(status: str = "COMPLETED", *, job: str = "j1", key: str = "k1", **told: str) -> Sight:
    if status == "COMPLETED":
        told.setdefault("result", "fine")
    return Sight(job_id=job, status=status, key=key, **told)


def an_accepted_job() -> Ledger:
    ledger = Ledger()
    ledger.attempt("k1")
    ledger.acknowledge("k1", "j1")
    return ledger


def test_a_promise_that_was_kept_is_clean() -> None:
    report = an_accepted_job().report(everything=[a_sight()], asked=["k1"])

    assert report.is_clean
    assert (report.attempted, report.acknowledged, report.model_calls) == (1, 1, 1)
    assert report.outcomes == {"COMPLETED": 1}


@pytest.mark.parametrize("everything", [[], [a_sight("PROCESSING")], [a_sight("QUEUED")]])
def test_a_promise_without_an_end_is_lost(everything: list[Sight]) -> None:
    report = an_accepted_job().report(everything=everything)

    assert report.lost == {"j1"}
    assert not report.is_clean


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELLED"])
def test_every_kind_of_end_is_an_end(end: str) -> None:
    assert an_accepted_job().report(everything=[a_sight(end)]).is_clean


def test_a_job_that_was_accepted_unheard_is_recovered_not_wrong() -> None:
    ledger = Ledger()
    ledger.attempt("k1")

    report = ledger.report(everything=[a_sight()])

    assert report.recovered == {"k1"}
    assert report.is_clean


def test_an_attempt_that_left_nothing_behind_is_no_loss() -> None:
    ledger = Ledger()
    ledger.attempt("k1")

    assert ledger.report(everything=[]).is_clean


def test_two_jobs_for_one_key_are_doubled() -> None:
    report = an_accepted_job().report(everything=[a_sight(), a_sight(job="j2")])

    assert report.doubled == {"k1"}


def test_two_ids_told_for_one_key_are_doubled() -> None:
    ledger = an_accepted_job()
    ledger.acknowledge("k1", "j2")

    report = ledger.report(everything=[a_sight(), a_sight(job="j2", key="other")])

    assert report.doubled == {"k1"}


def test_a_job_that_nobody_asked_for_is_unexpected() -> None:
    report = an_accepted_job().report(everything=[a_sight(), a_sight(job="j9", key="k9")])

    assert report.unexpected == {"k9"}


def test_a_model_asked_too_often_is_named() -> None:
    report = an_accepted_job().report(everything=[a_sight()], asked=["k1"] * 3, at_most=2)

    assert report.overasked == {"k1": 3}
    assert not report.is_clean


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (a_sight("PROCESSING"), a_sight("QUEUED")),
        (a_sight("COMPLETED"), a_sight("PROCESSING")),
        (a_sight("COMPLETED"), a_sight("FAILED")),
        (a_sight("COMPLETED", result="one"), a_sight("COMPLETED", result="two")),
        (a_sight("FAILED", code="a"), a_sight("FAILED", code="b")),
    ],
)
def test_what_goes_back_or_changes_after_its_end_is_a_regression(
    before: Sight, after: Sight
) -> None:
    ledger = an_accepted_job()
    ledger.see(before)

    ledger.see(after)

    assert len(ledger.regressions) == 1


def test_a_result_before_the_end_is_a_regression() -> None:
    ledger = an_accepted_job()

    ledger.see(a_sight("PROCESSING", result="early"))

    assert ledger.regressions == ["j1: a result while PROCESSING"]


def test_going_forward_is_no_regression() -> None:
    ledger = an_accepted_job()

    for status in ("QUEUED", "QUEUED", "PROCESSING", "COMPLETED", "COMPLETED"):
        ledger.see(a_sight(status))

    assert ledger.regressions == []
    assert ledger.unfinished == set()


def test_a_404_after_a_202_is_a_regression() -> None:
    ledger = an_accepted_job()

    ledger.vanished("j1")

    assert not ledger.report(everything=[a_sight()]).is_clean


def test_a_report_reads_as_a_balance() -> None:
    report: Report = an_accepted_job().report(everything=[], asked=["k1", "k1"])

    lines = str(report).splitlines()

    assert lines[0].startswith("attempted 1, acknowledged 1, recovered 0; model calls 2")
    assert lines[1] == "lost 1: j1"
    assert lines[2] == "doubled 0"

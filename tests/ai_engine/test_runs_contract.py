"""Runs in PostgreSQL: taken once, decided by their holder only, never lost."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from ai_engine.application.ports import OpenWork
from ai_engine.domain.run import (
    GUILTY_AFTER,
    SUSPECT_AFTER,
    GivenUp,
    Later,
    NewRun,
    Run,
    Runs,
    Spent,
    Workers,
)
from ai_engine.infrastructure.run_store import forget_old_runs
from ai_engine.infrastructure.work import sql_work
from shared.infrastructure.database import Sessions, transaction
from tests.ai_engine.builders import ANSWER, SPENT, TENANT, a_new_run, a_question

CONTRACT_OF = (Runs, Workers)

DEAD_AFTER_S = 60.0
Hire = Callable[[], OpenWork]


@pytest.fixture
def hire(sessions: Sessions) -> Hire:
    """Another worker of the same platform."""
    return lambda: sql_work(
        sessions, worker_id=uuid7(), result_queue="ai_results", dead_after_s=DEAD_AFTER_S
    )


@pytest.fixture
async def worker(hire: Hire) -> OpenWork:
    worker = hire()
    async with worker() as work:
        await work.workers.beat()
    return worker


async def take(worker: OpenWork, *asked: NewRun) -> list[Run]:
    async with worker() as work:
        return list(await work.runs.take_new(asked))


async def take_due(worker: OpenWork, most: int = 10) -> list[Run]:
    async with worker() as work:
        return list(await work.runs.take_due([most] * SUSPECT_AFTER))


async def announced(sessions: Sessions) -> list[str]:
    async with transaction(sessions) as session:
        rows = await session.execute(text("SELECT kind FROM ai_engine.outbox ORDER BY created_at"))
        return [row.kind for row in rows]


async def crash(sessions: Sessions) -> None:
    """Every worker falls silent for longer than it may."""
    async with transaction(sessions) as session:
        await session.execute(
            text("UPDATE ai_engine.workers SET beat_at = beat_at - interval '1 hour'")
        )


async def test_a_question_is_taken_as_it_was_asked(worker: OpenWork) -> None:
    asked = a_new_run(
        a_question("Apa kabar?", variables={"a": "b"}, mode="multi_agent", needs_moderation=True),
        tenant_id=TENANT,
        headers={"traceparent": "00-1-2-01"},
    )

    [run] = await take(worker, asked)

    assert run.question == asked.question
    assert (run.tenant_id, run.headers, run.deadline_at) == (
        TENANT,
        asked.headers,
        asked.deadline_at,
    )
    assert (run.attempt, run.error_attempts, run.crash_attempts) == (1, 0, 0)


async def test_a_question_asked_again_is_not_taken_again(worker: OpenWork) -> None:
    asked = a_new_run()

    first = await take(worker, asked, asked)
    second = await take(worker, asked)

    assert (len(first), second) == (1, [])


async def test_a_hundred_askers_at_once_are_answered_by_one_run(
    hire: Hire, worker: OpenWork
) -> None:
    asked = [a_new_run() for _ in range(20)]
    workers = [hire() for _ in range(5)]

    taken = await asyncio.gather(*(take(one, *asked) for one in workers))

    assert sorted(run.job_id for runs in taken for run in runs) == sorted(
        run.job_id for run in asked
    )


async def test_a_stored_answer_is_repeated_word_for_word(
    worker: OpenWork, sessions: Sessions
) -> None:
    [run] = await take(worker, a_new_run())
    async with worker() as work:
        await work.runs.decide([(run, ANSWER, SPENT)])

    async with worker() as work:
        await work.runs.repeat([run.job_id])

    async with transaction(sessions) as session:
        rows = await session.execute(
            text("SELECT body FROM ai_engine.outbox WHERE kind = 'PromptCompleted'")
        )
        bodies = [row.body for row in rows]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert await announced(sessions) == ["PromptCompleted", "PromptCompleted"]


async def test_a_beginning_is_announced_for_many_at_once(
    worker: OpenWork, sessions: Sessions
) -> None:
    runs = await take(worker, a_new_run(), a_new_run())

    async with worker() as work:
        await work.runs.tell_begun([run.job_id for run in runs])

    assert await announced(sessions) == ["PromptsStarted"]


async def test_only_the_holder_of_the_lease_decides(hire: Hire, worker: OpenWork) -> None:
    [run] = await take(worker, a_new_run())
    async with worker() as work:
        await work.workers.leave()
    other = hire()
    async with other() as work:
        await work.workers.beat()
        assert list(await work.runs.take_over()) == [run.job_id]
    [again] = await take_due(other)

    async with worker() as work:
        late = await work.runs.decide([(run, ANSWER, SPENT)])
    async with other() as work:
        counted = await work.runs.decide([(again, ANSWER, SPENT)])

    assert (late, counted) == (set(), {run.job_id})


async def test_a_decision_counts_once(worker: OpenWork, sessions: Sessions) -> None:
    [run] = await take(worker, a_new_run())

    for expected in ({run.job_id}, set[UUID]()):
        async with worker() as work:
            assert await work.runs.decide([(run, ANSWER, SPENT)]) == expected

    assert (await announced(sessions)).count("PromptCompleted") == 1


async def test_what_is_tried_later_keeps_what_it_has_cost(worker: OpenWork) -> None:
    [run] = await take(worker, a_new_run())
    async with worker() as work:
        await work.runs.decide([(run, Later(0), SPENT)])

    [again] = await take_due(worker)

    assert (again.attempt, again.error_attempts, again.spent) == (2, 1, SPENT)
    assert again.lease_token != run.lease_token


async def test_nothing_is_tried_before_its_time(worker: OpenWork) -> None:
    [run] = await take(worker, a_new_run())
    async with worker() as work:
        await work.runs.decide([(run, Later(3_600), Spent())])

    assert await take_due(worker) == []


async def test_a_run_that_is_worked_on_is_nobody_elses(hire: Hire, worker: OpenWork) -> None:
    await take(worker, a_new_run())

    assert await take_due(hire()) == []


async def test_a_live_worker_keeps_its_runs(hire: Hire, worker: OpenWork) -> None:
    await take(worker, a_new_run())

    async with hire()() as work:
        assert list(await work.runs.take_over()) == []


async def test_a_dead_workers_runs_are_taken_over(
    hire: Hire, worker: OpenWork, sessions: Sessions
) -> None:
    [run] = await take(worker, a_new_run())
    await crash(sessions)
    other = hire()

    async with other() as work:
        await work.workers.beat()
        taken = await work.runs.take_over()

    assert list(taken) == [run.job_id]
    [again] = await take_due(other)
    assert (again.crash_attempts, again.attempt) == (1, 2)


async def crash_on(run: NewRun, times: int, worker: OpenWork, sessions: Sessions) -> None:
    await take(worker, run)
    for _ in range(times):
        await crash(sessions)
        async with worker() as work:
            await work.runs.take_over()
            await work.workers.beat()
            await work.runs.reserve_suspect()
            await work.runs.take_suspect()
            await work.runs.take_due([10] * SUSPECT_AFTER)


async def test_a_run_that_was_in_too_many_crashes_is_only_taken_as_a_suspect(
    worker: OpenWork, sessions: Sessions
) -> None:
    await take(worker, asked := a_new_run())
    for crashes in range(1, SUSPECT_AFTER + 1):
        await crash(sessions)
        async with worker() as work:
            await work.runs.take_over()
            await work.workers.beat()
        if crashes < SUSPECT_AFTER:
            assert await take_due(worker)

    assert await take_due(worker) == []
    async with worker() as work:
        assert await work.runs.take_suspect() is None  # not before it was chosen
        assert await work.runs.reserve_suspect()
        suspect = await work.runs.take_suspect()
    assert suspect is not None
    assert suspect.job_id == asked.job_id


async def test_one_worker_at_a_time_runs_a_suspect(
    hire: Hire, worker: OpenWork, sessions: Sessions
) -> None:
    await take(worker, a_new_run(), a_new_run())
    async with transaction(sessions) as session:
        await session.execute(
            text("""
                UPDATE ai_engine.runs
                   SET state = 'WAITING', worker_id = NULL, crash_attempts = :crashes"""),
            {"crashes": SUSPECT_AFTER},
        )
    other = hire()
    async with other() as work:
        await work.workers.beat()

    async with worker() as work:
        assert await work.runs.reserve_suspect()
    async with other() as work:
        assert not await work.runs.reserve_suspect()
    async with worker() as work:
        suspect = await work.runs.take_suspect()
    async with other() as work:
        assert not await work.runs.reserve_suspect()
    assert suspect is not None
    async with worker() as work:
        await work.runs.decide([(suspect, ANSWER, SPENT)])

    async with other() as work:
        assert await work.runs.reserve_suspect()
        assert await work.runs.take_suspect()


async def test_a_suspect_that_was_chosen_by_somebody_who_died_is_chosen_anew(
    hire: Hire, worker: OpenWork, sessions: Sessions
) -> None:
    await crash_on(a_new_run(), SUSPECT_AFTER - 1, worker, sessions)
    await crash(sessions)
    async with worker() as work:
        await work.runs.take_over()
        await work.workers.beat()
        assert await work.runs.reserve_suspect()
    await crash(sessions)
    other = hire()

    async with other() as work:
        await work.workers.beat()
        assert list(await work.runs.take_over()) == []
        assert await work.runs.reserve_suspect()
        suspect = await work.runs.take_suspect()
    assert suspect is not None
    assert suspect.crash_attempts == SUSPECT_AFTER  # nobody is blamed for waiting


async def test_those_that_were_in_a_crash_are_taken_a_few_at_a_time(
    worker: OpenWork, sessions: Sessions
) -> None:
    await take(worker, *(a_new_run() for _ in range(12)))
    async with transaction(sessions) as session:
        await session.execute(
            text("UPDATE ai_engine.runs SET state = 'WAITING', crash_attempts = mod(seq, 3)")
        )

    async with worker() as work:
        taken = await work.runs.take_due([10, 3, 1])

    assert sorted(run.crash_attempts for run in taken)[-4:] == [1, 1, 1, 2]
    assert len(taken) <= 10


async def test_a_run_that_crashes_its_worker_once_too_often_is_given_up(
    worker: OpenWork, sessions: Sessions
) -> None:
    asked = a_new_run()

    await crash_on(asked, GUILTY_AFTER, worker, sessions)

    async with transaction(sessions) as session:
        row = (
            await session.execute(text("SELECT state, answer_kind, answer FROM ai_engine.runs"))
        ).one()
    assert (row.state, row.answer_kind) == ("DONE", "PromptFailed")
    assert b'"code":"worker_crashed"' in row.answer


async def test_a_leaving_worker_hands_back_what_it_holds_without_blame(
    hire: Hire, worker: OpenWork
) -> None:
    await take(worker, a_new_run(), a_new_run())

    async with worker() as work:
        assert await work.runs.release() == 2
        await work.workers.leave()

    assert [run.crash_attempts for run in await take_due(hire())] == [0, 0]


async def test_a_cancelled_run_is_lost_to_its_holder(worker: OpenWork) -> None:
    [run] = await take(worker, a_new_run())

    async with worker() as work:
        await work.runs.cancel([run.job_id])
        assert await work.runs.held() == set()
        assert await work.runs.decide([(run, ANSWER, SPENT)]) == set()


async def test_a_cancellation_may_overtake_its_question(worker: OpenWork) -> None:
    asked = a_new_run()
    async with worker() as work:
        await work.runs.cancel([asked.job_id])

    assert await take(worker, asked) == []


async def test_cancelling_keeps_an_answer_that_was_given(
    worker: OpenWork, sessions: Sessions
) -> None:
    [run] = await take(worker, a_new_run())
    async with worker() as work:
        await work.runs.decide([(run, GivenUp("llm_auth", "no"), SPENT)])
        await work.runs.cancel([run.job_id])

    async with transaction(sessions) as session:
        kind = await session.scalar(text("SELECT answer_kind FROM ai_engine.runs"))
    assert kind == "PromptFailed"


async def test_a_threads_runs_go_one_after_the_other_in_the_order_of_arrival(
    worker: OpenWork,
) -> None:
    first, second, elsewhere = (
        a_new_run(a_question(thread_id=thread)) for thread in ("t", "t", "other")
    )
    assert await take(worker, first) == []
    assert await take(worker, second, elsewhere) == []

    taken = await take_due(worker)
    assert {run.job_id for run in taken} == {first.job_id, elsewhere.job_id}

    head = next(run for run in taken if run.job_id == first.job_id)
    async with worker() as work:
        await work.runs.decide([(head, ANSWER, SPENT)])
    assert [run.job_id for run in await take_due(worker)] == [second.job_id]


async def test_two_tenants_may_use_the_same_thread_id(worker: OpenWork) -> None:
    ours = a_new_run(a_question(thread_id="t"))
    theirs = a_new_run(a_question(thread_id="t"), tenant_id=TENANT)
    await take(worker, ours, theirs)

    assert len(await take_due(worker)) == 2


async def test_many_takers_share_what_is_due_without_taking_anything_twice(
    hire: Hire, worker: OpenWork
) -> None:
    runs = await take(worker, *(a_new_run() for _ in range(30)))
    async with worker() as work:
        await work.runs.decide([(run, Later(0), Spent()) for run in runs])

    shares = await asyncio.gather(*(take_due(hire(), 10) for _ in range(6)))

    taken = [run.job_id for share in shares for run in share]
    assert len(taken) == len(set(taken))
    rest = await take_due(hire(), 30)
    assert len(taken) + len(rest) == 30


async def test_the_deadline_is_kept_to_the_microsecond(worker: OpenWork) -> None:
    asked = a_new_run(deadline_at=datetime(2099, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))

    [run] = await take(worker, asked)

    assert run.deadline_at == asked.deadline_at


async def test_workers_that_were_taken_over_long_ago_are_forgotten(
    worker: OpenWork, sessions: Sessions
) -> None:
    async with transaction(sessions) as session:
        await session.execute(
            text("UPDATE ai_engine.workers SET beat_at = beat_at - interval '2 hours'")
        )

    async with worker() as work:
        await work.workers.forget_the_dead()

    async with transaction(sessions) as session:
        assert await session.scalar(text("SELECT count(*) FROM ai_engine.workers")) == 0


async def test_answers_are_forgotten_after_a_week_and_nothing_else_is(
    worker: OpenWork, sessions: Sessions
) -> None:
    runs = await take(worker, *(a_new_run() for _ in range(3)))
    async with worker() as work:
        await work.runs.decide([(run, ANSWER, SPENT) for run in runs[:2]])
    async with transaction(sessions) as session:
        await session.execute(
            text("""
                UPDATE ai_engine.runs SET created_at = created_at - interval '8 days'
                 WHERE job_id = ANY(:ids)"""),
            {"ids": [runs[0].job_id, runs[2].job_id]},
        )

    await forget_old_runs(sessions)

    async with transaction(sessions) as session:
        left = set(await session.scalars(text("SELECT job_id FROM ai_engine.runs")))
    assert left == {runs[1].job_id, runs[2].job_id}

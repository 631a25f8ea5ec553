"""A worker process: many runs at once, one decision each, nothing lost when it stops."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from ai_engine.application.ports import (
    Ledger,
    OpenWork,
    ThreadHistory,
    Threads,
    TokenSink,
    Work,
)
from ai_engine.application.processing import (
    ModerationUnavailable,
    ProcessingRequest,
    ProcessingResult,
)
from ai_engine.application.runs import RunService
from ai_engine.application.worker import Worker, storable, trouble_of
from ai_engine.domain.run import company
from ai_engine.infrastructure.thread_store import SqlThreadHistory
from ai_engine.infrastructure.work import sql_work
from shared.availability import DatabaseUnavailable
from shared.contracts import PromptsStarted
from shared.infrastructure.database import DatabaseClock, Sessions, transaction
from shared.llm.budgets import BudgetExceeded
from shared.llm.catalogue import ConfigNotFound
from shared.llm.chat import ChatMessage, ModelCall, ModelFailed
from shared.pulse import Pulse
from tests.ai_engine.builders import TENANT, a_new_run, a_question
from tests.waiting import until

CONTRACT_OF = (Ledger, ThreadHistory, Threads, TokenSink)

Answer = Callable[[ProcessingRequest], Awaitable[str]]


async def echo(request: ProcessingRequest) -> str:
    return f"You said: {request.prompt}"


@dataclass
class ScriptedProcessing:
    """Fits ai_engine.application.ports.Processing."""

    answer: Answer = echo
    requests: list[ProcessingRequest] = field(default_factory=list[ProcessingRequest])
    ways: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])

    async def process(self, request: ProcessingRequest, /) -> ProcessingResult:
        self.ways.append(("single", False))
        return await self._answer(request)

    async def process_multi_agent(
        self, request: ProcessingRequest, context: Mapping[str, object], *, needs_moderation: bool
    ) -> ProcessingResult:
        self.ways.append(("multi_agent", needs_moderation))
        return await self._answer(request)

    async def _answer(self, request: ProcessingRequest) -> ProcessingResult:
        self.requests.append(request)
        text = await self.answer(request)
        request.meter.calls.append(
            ModelCall(config_name="c", provider="p", model="m", input_tokens=3, cost_micro_usd=4)
        )
        return ProcessingResult(text=text, provider="p", model="m")


@dataclass
class Words:
    """Fits ai_engine.application.ports.TokenSink."""

    said: list[tuple[UUID, int, str]] = field(default_factory=list[tuple[UUID, int, str]])

    def emit(self, job_id: UUID, attempt: int, text: str, /) -> None:
        self.said.append((job_id, attempt, text))

    def forget(self, job_id: UUID, attempt: int, /) -> None: ...


@dataclass
class Shop:
    """A worker on real tables, with scripted answers."""

    sessions: Sessions
    worker: Worker
    processing: ScriptedProcessing
    words: Words

    async def rows(self, sql: str) -> list[Any]:
        async with transaction(self.sessions) as session:
            return list(await session.execute(text(sql)))

    async def announced(self) -> list[str]:
        return [row.kind for row in await self.rows("SELECT kind FROM ai_engine.outbox")]

    async def done(self, count: int = 1) -> list[Any]:
        """Wait until so many runs are DONE; their rows."""

        async def look() -> list[Any]:
            rows = await self.rows("SELECT * FROM ai_engine.runs WHERE state = 'DONE' ORDER BY seq")
            return rows if len(rows) >= count else []

        return await until(look, f"{count} runs are done", within=10)


Open = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def open_shop(sessions: Sessions) -> AsyncGenerator[Open]:
    async def open_one(answer: Answer = echo, *, capacity: int = 10) -> Shop:
        clock = DatabaseClock(sessions)
        await clock.refresh()
        processing, words = ScriptedProcessing(answer), Words()
        runs = RunService(
            open_work=sql_work(
                sessions, worker_id=uuid7(), result_queue="ai_results", dead_after_s=60
            ),
            jitter=lambda: 0.0,
            pulse=Pulse(dead_after_s=60),
            max_attempts=3,
            retry_base_s=0.01,
            result_limit_bytes=1_000,
        )
        worker = Worker(
            runs=runs,
            processing=processing,
            history=SqlThreadHistory(sessions),
            tokens=words,
            now=clock,
            capacity=capacity,
        )
        await worker.beat()
        shops.append(Shop(sessions, worker, processing, words))
        return shops[-1]

    shops: list[Shop] = []
    yield open_one
    for shop in shops:
        await shop.worker.drain(0.1)


async def test_a_question_is_answered_and_announced(open_shop: Open) -> None:
    shop = await open_shop()

    await shop.worker.take([a_new_run()])

    [row] = await shop.done()
    assert b'"result":"You said: Halo?"' in row.answer
    assert await shop.announced() == ["PromptCompleted"]


async def test_only_what_takes_long_is_announced_before_it_is_answered(open_shop: Open) -> None:
    answer = asyncio.Event()

    async def slow_or_quick(request: ProcessingRequest) -> str:
        if request.prompt == "slow":
            await answer.wait()
        return "done"

    shop = await open_shop(slow_or_quick)
    slow = a_new_run(a_question("slow"))
    await shop.worker.take([slow, a_new_run(a_question("quick"))])
    await shop.done(1)
    telling = asyncio.create_task(shop.worker.tell_what_takes_long(0.02))

    async def told() -> list[Any]:
        return await shop.rows("SELECT body FROM ai_engine.outbox WHERE kind = 'PromptsStarted'")

    rows = await until(told, "the slow one is announced", within=5)
    answer.set()
    await shop.done(2)
    telling.cancel()
    assert [PromptsStarted.model_validate_json(row.body).job_ids for row in rows] == [[slow.job_id]]


async def test_what_it_cost_is_recorded_with_the_answer(open_shop: Open) -> None:
    shop = await open_shop()
    asked = a_new_run(tenant_id=TENANT)

    await shop.worker.take([asked])
    [row] = await shop.done()

    [usage] = await shop.rows("SELECT * FROM platform.llm_usage")
    assert (usage.subject_id, usage.tenant_id, usage.attempt) == (asked.job_id, TENANT, 1)
    assert b'"cost_micro_usd":4' in row.answer


async def test_many_are_answered_at_once_but_no_more_than_there_is_room_for(
    open_shop: Open,
) -> None:
    at_once = most = 0

    async def count(request: ProcessingRequest) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return request.prompt

    shop = await open_shop(count, capacity=4)
    for _ in range(5):
        room = await shop.worker.room()
        await shop.worker.take([a_new_run() for _ in range(room)])

    await shop.done(8)
    assert 1 < most <= 4


@pytest.mark.parametrize(
    ("question", "way"),
    [
        ({}, ("single", False)),
        ({"mode": "multi_agent"}, ("multi_agent", False)),
        ({"mode": "multi_agent", "needs_moderation": True}, ("multi_agent", True)),
        ({"needs_moderation": True}, ("multi_agent", True)),
    ],
)
async def test_the_mode_chooses_the_way_and_moderation_is_never_passed_by(
    open_shop: Open, question: dict[str, Any], way: tuple[str, bool]
) -> None:
    shop = await open_shop()

    await shop.worker.take([a_new_run(a_question(**question))])

    await shop.done()
    assert shop.processing.ways == [way]


async def test_a_thread_remembers_what_was_said_on_it(open_shop: Open) -> None:
    shop = await open_shop()
    loop = asyncio.create_task(shop.worker.take_what_is_due(0.05))

    await shop.worker.take([a_new_run(a_question("satu", thread_id="t"))])
    await shop.worker.take([a_new_run(a_question("dua", thread_id="t"))])
    await shop.worker.take([a_new_run(a_question("lain", thread_id="other"))])
    await shop.done(3)
    loop.cancel()

    histories = {request.prompt: request.history for request in shop.processing.requests}
    assert histories == {
        "satu": [],
        "dua": [ChatMessage("user", "satu"), ChatMessage("assistant", "You said: satu")],
        "lain": [],
    }


async def test_an_outage_is_tried_again_until_it_passes(open_shop: Open) -> None:
    tries = 0

    async def third_time_lucky(request: ProcessingRequest) -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ModelFailed("llm_unavailable", "Nobody answered.")
        return "Halo!"

    shop = await open_shop(third_time_lucky)
    loop = asyncio.create_task(shop.worker.take_what_is_due(0.02))

    await shop.worker.take([a_new_run()])

    [row] = await shop.done()
    loop.cancel()
    assert (row.answer_kind, row.attempt, row.error_attempts) == ("PromptCompleted", 3, 2)


async def test_a_run_that_takes_too_long_ends_at_its_deadline(open_shop: Open) -> None:
    async def for_ever(request: ProcessingRequest) -> str:
        await asyncio.sleep(60)
        return "too late"

    shop = await open_shop(for_ever)
    soon = shop.worker.now() + timedelta(seconds=0.3)

    await shop.worker.take([a_new_run(deadline_at=soon)])

    [row] = await shop.done()
    assert b'"code":"deadline_exceeded"' in row.answer


async def test_an_endless_answer_is_refused(open_shop: Open) -> None:
    async def chatter(request: ProcessingRequest) -> str:
        return "x" * 1_001

    shop = await open_shop(chatter)

    await shop.worker.take([a_new_run()])

    [row] = await shop.done()
    assert b'"code":"result_too_large"' in row.answer


@pytest.mark.parametrize("nasty", ["a\0b", "\ud800", "\udfff ok", "☕\u202e"])
async def test_whatever_a_model_says_can_be_stored(open_shop: Open, nasty: str) -> None:
    async def say(request: ProcessingRequest) -> str:
        return nasty

    shop = await open_shop(say)

    await shop.worker.take([a_new_run()])

    [row] = await shop.done()
    assert row.answer_kind == "PromptCompleted"
    assert "\0" not in storable(nasty)


async def test_what_is_cancelled_is_stopped_at_once(open_shop: Open) -> None:
    stopped = asyncio.Event()

    async def wait(request: ProcessingRequest) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return "never"

    shop = await open_shop(wait)
    asked = a_new_run()
    await shop.worker.take([asked])
    await until(lambda: shop.processing.requests, "it is being answered", within=5)

    await shop.worker.cancel([asked.job_id])

    async with asyncio.timeout(5):
        await stopped.wait()
    assert await shop.rows("SELECT 1 FROM ai_engine.outbox WHERE kind = 'PromptCompleted'") == []


async def test_a_run_that_somebody_else_took_over_is_dropped(open_shop: Open) -> None:
    async def wait(request: ProcessingRequest) -> str:
        await asyncio.sleep(60)
        return "never"

    shop = await open_shop(wait)
    await shop.worker.take([a_new_run()])
    async with transaction(shop.sessions) as session:
        await session.execute(text("UPDATE ai_engine.runs SET worker_id = gen_random_uuid()"))

    async def beat_until_free() -> bool:
        await shop.worker.beat()
        return await shop.worker.room() == 10

    await until(beat_until_free, "the lost run is dropped", within=5)


async def test_a_run_that_was_taken_in_a_commit_that_nobody_confirmed_is_not_forgotten(
    open_shop: Open,
) -> None:
    shop = await open_shop()
    service, asked = shop.worker.runs, a_new_run()
    shop.worker.runs = replace(service, open_work=unconfirmed(service.open_work))
    with pytest.raises(DatabaseUnavailable):
        await shop.worker.take([asked])
    shop.worker.runs = service
    assert [row.state for row in await shop.rows("SELECT state FROM ai_engine.runs")] == ["RUNNING"]

    for _ in range(2):
        await shop.worker.beat()
    loop = asyncio.create_task(shop.worker.take_what_is_due(0.05))

    [row] = await shop.done()
    loop.cancel()
    assert (row.job_id, row.crash_attempts) == (asked.job_id, 0)


def unconfirmed(open_work: OpenWork) -> OpenWork:
    """Commits, but nobody hears of it: the server died just then."""

    @asynccontextmanager
    async def open_and_lose(*, in_one_step: bool = False) -> AsyncGenerator[Work]:
        async with open_work(in_one_step=in_one_step) as work:
            yield work
        raise DatabaseUnavailable

    return open_and_lose


async def test_a_stopping_worker_finishes_what_it_can_and_hands_back_the_rest(
    open_shop: Open,
) -> None:
    async def some_are_slow(request: ProcessingRequest) -> str:
        await asyncio.sleep(60 if request.prompt == "slow" else 0.05)
        return "done"

    shop = await open_shop(some_are_slow)
    await shop.worker.take([a_new_run(a_question("slow")), a_new_run(a_question("quick"))])

    await shop.worker.drain(0.5)

    rows = await shop.rows("SELECT state, crash_attempts FROM ai_engine.runs ORDER BY state")
    assert [(row.state, row.crash_attempts) for row in rows] == [("DONE", 0), ("WAITING", 0)]
    assert await shop.rows("SELECT 1 FROM ai_engine.workers") == []


async def test_those_that_were_in_a_crash_are_run_a_few_at_a_time(open_shop: Open) -> None:
    at_once = most = 0

    async def count(request: ProcessingRequest) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        return "done"

    shop = await open_shop(count, capacity=12)
    async with shop.worker.runs.open_work() as work:
        await work.runs.take_new([a_new_run() for _ in range(12)])
    await shop.rows(
        "UPDATE ai_engine.runs SET state = 'WAITING', crash_attempts = 1 RETURNING job_id"
    )

    loop = asyncio.create_task(shop.worker.take_what_is_due(0.02))
    await shop.done(12)

    loop.cancel()
    assert most == company(1, 12) == 3


async def test_a_suspect_runs_alone(open_shop: Open) -> None:
    company: list[int] = []
    others = asyncio.Event()

    async def watch(request: ProcessingRequest) -> str:
        if request.prompt == "suspect":
            company.append(len(shop.processing.requests) - 1 - len(await finished()))
        else:
            await others.wait()
        return "done"

    async def finished() -> list[Any]:
        return await shop.rows("SELECT 1 FROM ai_engine.runs WHERE state = 'DONE'")

    shop = await open_shop(watch)
    await shop.worker.take([a_new_run(a_question("other"))])
    async with transaction(shop.sessions) as session:
        await session.execute(
            text("""
                INSERT INTO ai_engine.runs (job_id, question, headers, state, attempt,
                       error_attempts, crash_attempts, available_at, deadline_at, spent)
                SELECT gen_random_uuid(), jsonb_set(question, '{prompt}', '"suspect"'), headers,
                       'WAITING', 2, 0, 3, clock_timestamp(), deadline_at, spent
                  FROM ai_engine.runs""")
        )

    lonely = asyncio.create_task(shop.worker.take_a_suspect())
    others.set()
    await lonely

    await shop.done(2)
    assert company == [0]


@pytest.mark.parametrize(
    ("error", "code", "may_pass"),
    [
        (TimeoutError(), "deadline_exceeded", False),
        (ModelFailed("llm_unavailable", "x"), "llm_unavailable", True),
        (ModelFailed("llm_auth", "x"), "llm_auth", False),
        (ModerationUnavailable("x", may_pass=True), "moderation_unavailable", True),
        (BudgetExceeded(scope="platform"), "budget_exceeded", False),
        (ConfigNotFound(name="x"), "config_not_found", False),
        (KeyError("x"), "attempts_exhausted", True),
    ],
)
def test_every_error_has_a_code(error: Exception, code: str, *, may_pass: bool) -> None:
    trouble = trouble_of(error)

    assert (trouble.code, trouble.may_pass) == (code, may_pass)

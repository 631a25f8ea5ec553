"""Runs as tests speak of them: `a_question(thread_id="t")`, `a_new_run()`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from ai_engine.domain.run import Answered, JobId, NewRun, Question, Run, Spent

#: Far enough, whatever the clocks say.
SOME_DAY = datetime(2100, 1, 1, tzinfo=UTC)
TENANT = UUID("00000000-0000-4000-8000-00000000000a")
SPENT = Spent(model_calls=1, input_tokens=20, output_tokens=30, cost_micro_usd=40)
ANSWER = Answered(result="Halo!", agent="main", provider="openai", model="m-1", moderation="passed")


def a_question(prompt: str = "Halo?", **changes: Any) -> Question:
    return Question(
        prompt=prompt,
        config_name="default-smart",
        template_name="default-assistant",
        **changes,
    )


def a_new_run(
    question: Question | None = None,
    *,
    tenant_id: UUID | None = None,
    headers: Mapping[str, str] | None = None,
    deadline_at: datetime = SOME_DAY,
) -> NewRun:
    return NewRun(
        job_id=JobId(uuid7()),
        tenant_id=tenant_id,
        question=question or a_question(),
        deadline_at=deadline_at,
        headers=headers or {},
    )


def a_run(**changes: Any) -> Run:
    asked = a_new_run()
    facts: dict[str, Any] = {
        "job_id": asked.job_id,
        "tenant_id": None,
        "question": asked.question,
        "deadline_at": asked.deadline_at,
        "lease_token": uuid4(),
        "attempt": 1,
        "error_attempts": 0,
        "crash_attempts": 0,
    }
    return Run(**{**facts, **changes})

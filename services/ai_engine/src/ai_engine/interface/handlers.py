"""What ai_engine hears on `ai_tasks`."""

from collections.abc import Sequence

from ai_engine.application.worker import Worker
from ai_engine.domain.run import JobId, NewRun, Question
from shared.contracts import CancelPrompt, ProcessPrompt
from shared.interface.queues import Received, Subscription


def subscriptions(worker: Worker) -> list[Subscription]:
    async def process(heard: Sequence[Received[ProcessPrompt]]) -> None:
        await worker.take([_new_run(one) for one in heard])

    async def cancel(heard: Sequence[Received[CancelPrompt]]) -> None:
        await worker.cancel([JobId(one.message.job_id) for one in heard])

    return [Subscription(ProcessPrompt, process), Subscription(CancelPrompt, cancel)]


def _new_run(heard: Received[ProcessPrompt]) -> NewRun:
    asked = heard.message
    return NewRun(
        job_id=JobId(asked.job_id),
        tenant_id=asked.tenant_id,
        question=Question(
            prompt=asked.prompt,
            config_name=asked.config_name,
            template_name=asked.template_name,
            variables=asked.variables,
            mode=asked.mode,
            needs_moderation=asked.needs_moderation,
            thread_id=asked.thread_id,
        ),
        deadline_at=asked.deadline_at,
        headers=heard.headers,
    )

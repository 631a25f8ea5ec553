"""What the gateway hears on `ai_results`."""

from collections.abc import Sequence

from gateway.application.jobs import JobService
from gateway.domain.job import JobId
from shared.contracts import PromptCompleted, PromptFailed, PromptsStarted
from shared.interface.queues import Received, Subscription


def subscriptions(jobs: JobService) -> list[Subscription]:
    async def started(heard: Sequence[Received[PromptsStarted]]) -> None:
        await jobs.started([JobId(job_id) for one in heard for job_id in one.message.job_ids])

    async def completed(heard: Sequence[Received[PromptCompleted]]) -> None:
        await jobs.completed([one.message for one in heard])

    async def failed(heard: Sequence[Received[PromptFailed]]) -> None:
        await jobs.failed([one.message for one in heard])

    return [
        Subscription(PromptsStarted, started),
        Subscription(PromptCompleted, completed),
        Subscription(PromptFailed, failed),
    ]

"""What the rest of the platform hears about jobs, as one `match`."""

from gateway.domain.job import Job, JobCancelled, JobCreated
from shared.contracts import CancelPrompt, Message, ProcessPrompt
from shared.domain import DomainEvent


def message_about(event: DomainEvent) -> Message | None:
    """The message that ai_engine must hear, if any."""
    match event:
        case JobCreated(job=job):
            return process_prompt(job)
        case JobCancelled(job=job):
            return CancelPrompt(job_id=job.id)
        case _:
            return None


def process_prompt(job: Job) -> ProcessPrompt:
    """The question, whole, so that ai_engine needs none of our tables. Asking twice is harmless."""
    return ProcessPrompt(
        job_id=job.id,
        tenant_id=job.owner,
        prompt=job.request.prompt.text,
        config_name=job.request.config_name,
        template_name=job.request.template_name,
        variables=dict(job.request.variables),
        mode=job.request.mode,
        needs_moderation=job.request.needs_moderation,
        thread_id=job.request.thread_id,
        deadline_at=job.deadline_at,
    )

"""Jobs as the world sees them: the same in answers, events and callbacks."""

from typing import Any

import orjson

from gateway.domain.callback import Callback
from gateway.domain.job import Job


def job_view(job: Job, callback: Callback | None = None) -> dict[str, Any]:
    """A job as plain values; `JobView` documents them."""
    asked, answer, spent = job.request, job.answer, job.spent
    view: dict[str, Any] = {
        "job_id": job.id,
        "status": job.status,
        "result": answer and answer.result,
        "error": job.failure and {"code": job.failure.code, "detail": job.failure.detail},
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "deadline_at": job.deadline_at,
        "prompt": asked.prompt.text,
        "config_name": asked.config_name,
        "template_name": asked.template_name,
        "mode": asked.mode,
        "needs_moderation": asked.needs_moderation,
        "thread_id": asked.thread_id,
        "metadata": asked.metadata,
        "agent": answer and answer.agent,
        "provider": answer and answer.provider,
        "model": answer and answer.model,
        "moderation": answer and answer.moderation,
        "usage": {
            "attempts": spent.attempts,
            "model_calls": spent.model_calls,
            "input_tokens": spent.input_tokens,
            "output_tokens": spent.output_tokens,
            "cost_usd": spent.cost_micro_usd / 1_000_000,
        },
        "callback_url": asked.callback_url,
        "callback": callback and _callback_view(callback),
    }
    return view


def _callback_view(callback: Callback) -> dict[str, Any]:
    return {
        "webhook_id": webhook_id(callback),
        "state": callback.state,
        "attempts": callback.attempts,
        "last_status": callback.last_status,
        "last_error": callback.last_error,
    }


def webhook_id(callback: Callback) -> str:
    """The id that a receiver sees on every try, and drops repeats by."""
    return f"msg_{callback.id.hex}"


def as_bytes(view: object) -> bytes:
    # `default`: the database driver's ids are a subclass that orjson does not know.
    return orjson.dumps(view, default=str, option=orjson.OPT_UTC_Z)

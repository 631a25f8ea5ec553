"""Queues of one test's own, by the settings that name them: the broker is everybody's."""

import secrets

from shared.settings import Infrastructure

#: settings' names, in the order of `Infrastructure.queues`
NAMES = (
    "RABBITMQ_TASK_QUEUE",
    "RABBITMQ_RESULT_QUEUE",
    "RABBITMQ_CRM_QUEUE",
    "RABBITMQ_WA_QUEUE",
    "RABBITMQ_WA_RESULT_QUEUE",
)


def private_queues(prefix: str) -> dict[str, str]:
    """A name that nobody else has for every queue, as settings."""
    token = secrets.token_hex(4)
    defaults = Infrastructure.model_construct().queues
    return {
        setting: f"{prefix}_{default}_{token}"
        for setting, default in zip(NAMES, defaults, strict=True)
    }

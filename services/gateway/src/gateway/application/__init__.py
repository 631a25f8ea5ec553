"""The menu: everything that the gateway can do."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.application.callbacks import CallbackService
from gateway.application.jobs import JobService
from gateway.application.ports import CallbackSecrets, Cursors, JobReader
from gateway.application.watching import Watch
from shared.llm.budgets import Budgets


@dataclass(frozen=True)
class Application:
    """Use cases, and what routes read from."""

    jobs: JobService
    read: JobReader
    watch: Watch
    callbacks: CallbackService
    callback_secrets: CallbackSecrets
    budgets: Budgets
    cursors: Cursors
    #: raises a refusal for a URL that must not be called
    check_callback_url: Callable[[str], object]

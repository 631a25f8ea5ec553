"""What an error means for the turn that it happened in."""

from dataclasses import dataclass

from shared.domain import DomainError
from shared.llm.chat import ModelFailed

UNFORESEEN = "unforeseen"


@dataclass(frozen=True)
class Trouble:
    """Why a try at a turn failed, and whether another may do better."""

    code: str
    may_pass: bool
    retry_after_s: float | None = None


def trouble_of(error: Exception) -> Trouble:
    match error:
        case ModelFailed():
            return Trouble(error.code, error.may_pass, error.retry_after_s)
        case DomainError():
            return Trouble(error.code, may_pass=False)
        case _:
            return Trouble(UNFORESEEN, may_pass=True)

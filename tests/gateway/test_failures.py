"""Why a job may end without an answer: a closed list, which ai_engine and the gateway share."""

from typing import get_args

import pytest

from ai_engine.application.processing import ModerationUnavailable
from ai_engine.application.worker import trouble_of
from ai_engine.domain.run import CRASHED
from gateway.domain.job import FAILURES
from shared.llm.budgets import BudgetExceeded
from shared.llm.catalogue import ConfigNotFound, TemplateNotFound, TemplateVariables
from shared.llm.chat import ModelFailed
from shared.llm.failures import Code

TROUBLES: list[Exception] = [
    *(ModelFailed(code, "why") for code in get_args(Code)),
    ModerationUnavailable("why", may_pass=False),
    BudgetExceeded(scope="platform"),
    ConfigNotFound(name="a"),
    TemplateNotFound(name="a"),
    TemplateVariables(name="a", needed="b", given="none"),
    TimeoutError(),
    LookupError(),
]
#: Decided elsewhere than by an attempt's exception.
DECIDED = {CRASHED.code, "result_too_large", "deadline_exceeded"}


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_whatever_goes_wrong_has_a_documented_code(trouble: Exception) -> None:
    assert trouble_of(trouble).code in FAILURES


def test_every_documented_code_can_come_about() -> None:
    assert {trouble_of(trouble).code for trouble in TROUBLES} | DECIDED == set(FAILURES)

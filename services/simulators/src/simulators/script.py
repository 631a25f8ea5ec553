"""A script: rules, in order, that tell a simulator how to treat which request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from simulators.faults import Fault


class Rule(Fault):
    """A fault, or an answer, and when it applies; a rule without conditions always does."""

    #: only the nth (1, 2, ...) of the requests that meet the rule's other conditions
    nth: int | None = Field(default=None, ge=1)
    #: only so often; then the rule is spent and the next ones get their turn
    times: int | None = Field(default=None, ge=1)


RuleT = TypeVar("RuleT", bound=Rule)


@dataclass
class Line(Generic[RuleT]):
    """A rule, and what came of it so far."""

    rule: RuleT
    met: int = 0  #: requests that met its conditions, `nth` and `times` apart
    used: int = 0

    def takes(self, fits: Callable[[RuleT], bool]) -> bool:
        if not fits(self.rule):
            return False
        self.met += 1
        if self.rule.nth not in {None, self.met}:
            return False
        if self.rule.times is not None and self.used >= self.rule.times:
            return False
        self.used += 1
        return True


class Script(Generic[RuleT]):
    """The first rule that takes a request decides alone how it is treated."""

    def __init__(self, rules: Sequence[RuleT] = ()) -> None:
        self.lines: list[Line[RuleT]] = []
        self.set(rules)

    def set(self, rules: Sequence[RuleT]) -> None:
        """Put these rules in the place of all others; every count starts again."""
        self.lines = [Line(rule) for rule in rules]

    def choose(self, fits: Callable[[RuleT], bool]) -> RuleT | None:
        return next((line.rule for line in self.lines if line.takes(fits)), None)

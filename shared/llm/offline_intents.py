"""An intent of the offline shop assistant: how it is known, what is called, what is said."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.llm.offline_talk_words import Both, Talk
from shared.llm.offline_tools import filled

Fits = Callable[[Talk], object]
#: What to call a tool with, under every name that a tool may have for it.
Values = Callable[[Talk], Mapping[str, Any]]
#: A tool that is to be called, and everything that it may want to know.
Wanted = tuple[str, Mapping[str, Any]]
#: What is to be called next, knowing what was done in this turn; nothing: then it is told.
Steps = Callable[[Talk], Sequence[Wanted]]

#: In one answer, and in one turn; who calls the model allows no more.
_MOST_CALLS, _MOST_IN_A_TURN, _MOST_ROUNDS = 5, 11, 6
#: The same call again may be sensible once, after what stood in its way is gone.
_MOST_ALIKE = 2


@dataclass(frozen=True)
class Intent:
    """Something that customers want.

    Of its tools the first one is called that is offered and needs nothing else; or it takes
    `steps`, one after another. If there is nothing to call although a tool is offered, it `asks`;
    if none is offered, it `says` something.
    """

    fits: Fits
    says: Both | Callable[[Talk], str]
    tools: Sequence[str] = ()
    values: Values = lambda _: {}
    asks: Both | Callable[[Talk], str] | None = None
    steps: Steps | None = None
    #: refused as a whole, without so much as a greeting
    is_refused: bool = False

    def calls(self, talk: Talk) -> Sequence[Wanted]:
        """What to call now, as far as it may be called."""
        if len(talk.done) >= _MOST_IN_A_TURN or (talk.done and talk.done[-1].step >= _MOST_ROUNDS):
            return ()
        wanted = self.steps(talk) if self.steps else self._first(talk)
        room = min(_MOST_CALLS, _MOST_IN_A_TURN - len(talk.done))
        return list(_allowed(talk, wanted))[:room]

    def answer(self, talk: Talk) -> str:
        if self.asks and any(tool in talk.tools for tool in self.tools):
            return _said(talk, self.asks)
        return _said(talk, self.says)

    def _first(self, talk: Talk) -> Sequence[Wanted]:
        if talk.done:
            return ()
        values = self.values(talk)
        offered = (talk.tools[tool] for tool in self.tools if tool in talk.tools)
        return [(tool.name, values) for tool in offered if filled(tool, values) is not None][:1]


def _allowed(talk: Talk, wanted: Sequence[Wanted]) -> Iterator[Wanted]:
    """With those values alone that the tools have parameters for."""
    seen = [(done.tool, done.arguments) for done in talk.done]
    for name, values in wanted:
        tool = talk.tools.get(name)
        arguments = filled(tool, values) if tool else None
        if arguments is not None and seen.count((name, arguments)) < _MOST_ALIKE:
            yield name, arguments


def _said(talk: Talk, words: Both | Callable[[Talk], str]) -> str:
    return talk.say(words) if isinstance(words, Both) else words(talk)


def said_like(pattern: re.Pattern[str]) -> Fits:
    return lambda talk: pattern.search(talk.words)


def is_yes_to(yes: re.Pattern[str], question: re.Pattern[str]) -> Fits:
    """A yes means something only after a question."""
    return lambda talk: yes.search(talk.words) and question.search(talk.last_answer)


OFFER = Both("Shall I call one of our staff?", "Mau saya panggilkan staf kami?")
BY_STAFF = Both(
    "I cannot do that by myself. Shall I call one of our staff?",
    "Itu belum bisa saya kerjakan sendiri. Mau saya panggilkan staf kami?",
)

"""An intent of the offline shop assistant: how it is known, what is called, what is said."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.llm.offline_talk_words import Both, Talk
from shared.llm.offline_tools import filled

Fits = Callable[[Talk], object]
#: What to call a tool with, under every name that a tool may have for it.
Values = Callable[[Talk], Mapping[str, Any]]


@dataclass(frozen=True)
class Intent:
    """Something that customers want.

    Of its tools the first one is called that is offered and needs nothing else. If all that are
    offered need more, it `asks`; if none is offered, it `says` something.
    """

    fits: Fits
    says: Both | Callable[[Talk], str]
    tools: Sequence[str] = ()
    values: Values = lambda _: {}
    asks: Both | None = None
    #: refused as a whole, without so much as a greeting
    is_refused: bool = False

    def call(self, talk: Talk) -> tuple[str, Mapping[str, Any]] | None:
        """The tool to call, and with what."""
        for tool in filter(None, map(talk.tools.get, self.tools)):
            if (arguments := filled(tool, self.values(talk))) is not None:
                return tool.name, arguments
        return None

    def answer(self, talk: Talk) -> str:
        if self.asks and any(tool in talk.tools for tool in self.tools):
            return talk.say(self.asks)
        return talk.say(self.says) if isinstance(self.says, Both) else self.says(talk)


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

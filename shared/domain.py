"""What every domain model is made of: aggregates, their events, and the three ways to say no."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Something that happened to an aggregate; named in the past tense."""

    occurred_at: datetime


class Aggregate:
    """A consistency boundary: loaded whole, saved whole, the only recorder of events."""

    def _record(self, event: DomainEvent) -> None:
        # Kept out of __init__, so that a repository may rebuild an instance without an event.
        self.__dict__.setdefault("_events", []).append(event)

    def release_events(self) -> list[DomainEvent]:
        """Hand over what happened since the last call; the caller now owns it."""
        events: list[DomainEvent] = self.__dict__.pop("_events", [])
        return events


class DomainError(Exception):
    """A rule said no. Subclass one of the three refusals below, never this class.

    ```
    DomainError
    |- Invalid     what was asked for makes no sense      HTTP 422
    |- NotFound    it is not there, or not yours          HTTP 404
    `- Conflict    it makes sense, but not now            HTTP 409
    ```
    """

    message: ClassVar[str]
    #: the stable name clients may switch on; from the class: `CartIsEmpty` -> `cart_is_empty`
    code: ClassVar[str]
    #: where in the caller's input the trouble lies: a JSON pointer, with facts filled in
    at: ClassVar[str | None] = None

    def __init_subclass__(cls, code: str | None = None) -> None:
        cls.code = code or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.message.format(**facts))

    @property
    def pointer(self) -> str | None:
        return self.at and self.at.format(**self.facts)


class Invalid(DomainError):
    """What was asked for makes no sense, whatever the state of the world."""


class NotFound(DomainError):
    """It is not there, or it is another tenant's: the two look the same on purpose."""


class Conflict(DomainError):
    """It makes sense, but not in the state that things are in."""


class ChangedSince(Conflict, code="conflict"):
    """The optimistic lock: what the caller read is no longer what is stored."""

    message = "{name!r} was changed meanwhile: it is at version {version}."


class ChangedMeanwhile(Exception):
    """Somebody else changed the aggregate since it was loaded; trying again may work."""


def says_something(text: str) -> bool:
    """Whether anybody would see it: spaces, controls and zero-width characters say nothing."""
    return any(not c.isspace() and unicodedata.category(c) not in {"Cf", "Cc"} for c in text)

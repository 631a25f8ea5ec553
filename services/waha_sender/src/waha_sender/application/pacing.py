"""How humanly a session sends: pure arithmetic over what PostgreSQL has counted.

The numbers follow WAHA's own guide on how not to be banned, for a bot that only answers.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from shared.contracts import WhatsAppContent, WhatsAppFile, WhatsAppText

UNKNOWN = "UNKNOWN"
WORKING = "WORKING"

#: No pause after trouble is longer than this (seconds).
LONGEST_PAUSE_S = 60.0
#: After error 463, where WAHA does not say for how long.
RESTRICTED_S = 3_600.0

_TYPING_S = (1.0, 8.0)
#: A quarter of a minute's messages may leave at once, after a while of silence.
_BURST_S = 15.0
#: What waits for tomorrow does not all leave at midnight.
_SPREAD_S = 1_800.0


@dataclass(frozen=True)
class Rules:
    """What the operator allows; for each session."""

    is_on: bool = True
    messages_per_minute: int = 20
    chat_gap_s: float = 1.0
    typing_s_per_character: float = 0.05
    messages_per_day: int = 1_000
    first_day_messages: int = 100

    @property
    def per_second(self) -> float:
        return self.messages_per_minute / 60

    @property
    def burst(self) -> float:
        return max(1.0, _BURST_S * self.per_second)


@dataclass(kw_only=True)
class Pace:
    """A session's state, and what it has sent. Changed only while its row is locked."""

    session: str
    status: str = UNKNOWN
    #: in a row
    failures: int = 0
    paused_until: datetime | None = None
    restricted_until: datetime | None = None
    #: may go below zero: whoever takes one then waits until it would be there
    tokens: float | None = None
    refilled_at: datetime | None = None
    first_sent_at: datetime | None = None
    day: date | None = None
    sent_today: int = 0

    def is_paused(self, now: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > now

    def is_restricted(self, now: datetime) -> bool:
        return self.restricted_until is not None and self.restricted_until > now

    def works(self) -> None:
        """WAHA says so, or a message has just left."""
        self.status, self.failures, self.paused_until = WORKING, 0, None

    def stumble(self, status: str, now: datetime, *, at_least_s: float = 0.0) -> None:
        """It did not work: try again after a growing pause. Counted once for each pause."""
        self.status = status
        if self.is_paused(now):
            return
        pause = min(2.0**self.failures, LONGEST_PAUSE_S)
        self.failures += 1
        self.paused_until = now + timedelta(seconds=max(pause, at_least_s))

    def restrict(self, now: datetime) -> None:
        self.restricted_until = now + timedelta(seconds=RESTRICTED_S)


@dataclass(frozen=True)
class Slot:
    """When a message may leave, or when to ask again because today there is no place for it."""

    at: datetime
    is_reserved: bool = True


def reserve(
    pace: Pace,
    rules: Rules,
    now: datetime,
    *,
    last_in_chat: datetime | None = None,
    is_urgent: bool = False,
    jitter: float = 0.5,
) -> Slot:
    """Take the session's next slot; `jitter` is a random number between 0 and 1.

    What is urgent (a person wrote it) is counted, but does not wait.
    """
    today = now.date()
    if pace.day != today:
        pace.day, pace.sent_today = today, 0
    if not is_urgent and pace.sent_today >= allowance(pace.first_sent_at, rules, today):
        return Slot(_tomorrow(now) + timedelta(seconds=jitter * _SPREAD_S), is_reserved=False)
    pace.sent_today += 1
    pace.first_sent_at = pace.first_sent_at or now
    waits = (_token_wait(pace, rules, now, jitter), _chat_wait(last_in_chat, rules, now, jitter))
    return Slot(now if is_urgent else now + timedelta(seconds=max(waits)))


def allowance(first_sent_at: datetime | None, rules: Rules, today: date) -> int:
    """How many messages a session may send today: a young number is warmed up slowly."""
    age = (today - first_sent_at.date()).days if first_sent_at else 0
    warmed_up: int = rules.first_day_messages << min(max(age, 0), 30)
    return min(rules.messages_per_day, warmed_up)


def typing_s(content: WhatsAppContent, rules: Rules, *, jitter: float = 0.5) -> float:
    """How long it takes to type, give or take 30 %; what is not typed takes least."""
    shortest, longest = _TYPING_S
    seconds = len(_words(content)) * rules.typing_s_per_character
    return min(max(seconds, shortest), longest) * (0.7 + 0.6 * jitter)


def backoff_s(failures: int, *, jitter: float = 0.5) -> float:
    """The pause before the next try of one message: 1 s, 2 s, 4 s, ... give or take a quarter."""
    return min(2.0**failures, LONGEST_PAUSE_S) * (0.75 + 0.5 * jitter)


def _token_wait(pace: Pace, rules: Rules, now: datetime, jitter: float) -> float:
    tokens = rules.burst if pace.tokens is None else pace.tokens
    if pace.refilled_at is not None:
        passed = max((now - pace.refilled_at).total_seconds(), 0.0)
        tokens = min(rules.burst, tokens + passed * rules.per_second)
    pace.tokens, pace.refilled_at = tokens - 1, now
    if pace.tokens >= 0:
        return 0.0
    # Never a fixed interval: up to a third of one earlier or later.
    interval = 1 / rules.per_second
    return max(-pace.tokens * interval + interval * (jitter - 0.5) * 2 / 3, 0.0)


def _chat_wait(last: datetime | None, rules: Rules, now: datetime, jitter: float) -> float:
    if last is None:
        return 0.0
    gap = rules.chat_gap_s * (1 + 2 * jitter)
    return gap - (now - last).total_seconds()


def _tomorrow(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), time(), tzinfo=now.tzinfo)


def _words(content: WhatsAppContent) -> str:
    if isinstance(content, WhatsAppText):
        return content.text
    return content.caption if isinstance(content, WhatsAppFile) else ""

"""The verdict: why the bot does, or does not, answer at this moment, in one sentence."""

import zoneinfo
from collections.abc import Callable, Mapping
from datetime import datetime

from crm_chatbot.application.conversations.looking import LastSpoken, Situation, Status
from crm_chatbot.application.conversations.reasons import WHO_ANSWERS, in_words
from crm_chatbot.domain.conversations.conversation import Mode
from crm_chatbot.domain.conversations.message import Author, MessageState
from crm_chatbot.domain.turns.turn import Outcome

HOW_ANSWERED: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "The bot has answered the last message",
    Outcome.FALLBACK: "The bot came to no end, and gave a fixed answer",
    Outcome.REFUSED: "Moderation let nothing through, and a fixed answer was given",
    Outcome.HANDED_OVER: "The bot has called a person",
    Outcome.LIMITED: "This chat, or this shop, has had its share: a fixed answer was given",
    Outcome.SWAMPED: "Too many messages waited: a fixed answer was given, and a person called",
    Outcome.UNHEARD: "The bot cannot take in this kind of message, and has said so",
    Outcome.SILENT: "The bot cannot take in this kind of message, and said so a while ago",
    Outcome.GIVEN_UP: "The bot failed again and again, and has called a person",
}

HOW_IT_WENT: Mapping[Status, str] = {
    Status.QUEUED: "the reply waits to leave",
    Status.HANDED: "the reply is with the sender",
    Status.SENT: "the reply was sent",
    Status.DELIVERED: "the reply was delivered",
    Status.READ: "the reply was read",
    Status.FAILED: "the reply could not be sent{why}",
    Status.UNKNOWN: "nobody can tell whether the reply arrived{why}",
    Status.WITHDRAWN: "the reply was taken back{why}",
}

#: Neither needs explaining.
_FINE = {None, "WORKING", "UNKNOWN"}

Told = str | None


def verdict(situation: Situation) -> str:
    """The first that applies."""
    for rule in _RULES:
        if told := rule(situation):
            return told
    return "The bot answers what comes next."


def _suspended(situation: Situation) -> Told:
    if not situation.is_suspended:
        return None
    return "The shop is suspended: what customers write is recorded, and nobody answers."


def _person(situation: Situation) -> Told:
    if situation.mode is not Mode.HUMAN:
        return None
    reason = situation.mode_reason
    why = f" ({WHO_ANSWERS[reason]})" if reason else ""
    since = _time(situation.mode_since, situation)
    until = "until it is handed back"
    if situation.handback_at:
        until += f", or until {_time(situation.handback_at, situation)} if nobody writes"
    stuck = f" {_stuck(situation)}" if _stuck(situation) else ""
    return f"A person has taken over{why} since {since}; the bot is silent {until}.{stuck}"


def _stuck(situation: Situation) -> Told:
    if not situation.leaving or situation.session_status in _FINE:
        return None
    return f"The reply waits for the WhatsApp session, which is {situation.session_status}."


def _nothing_heard(situation: Situation) -> Told:
    return None if situation.heard else "The customer has not written anything yet."


def _new(situation: Situation) -> Told:
    if situation.heard is None or situation.heard.state is not MessageState.NEW:
        return None
    return _being_decided(situation) or _waiting(situation)


def _being_decided(situation: Situation) -> Told:
    deciding, ready_at = situation.deciding, situation.ready_at
    if deciding is None:
        return None
    since = _time(deciding.started_at, situation, is_exact=True)
    if deciding.failures and ready_at and not situation.is_held:
        again = _time(ready_at, situation, is_exact=True)
        return f"The bot failed {_times(deciding.failures)}, and tries again at {again}."
    return f"The bot has been deciding on an answer since {since}."


def _waiting(situation: Situation) -> Told:
    if situation.ready_at is None:
        return "The last message is new, and waits to be looked at."
    ready_at = _time(situation.ready_at, situation, is_exact=True)
    return f"The bot waits for the customer to finish, and answers from {ready_at} on."


def _opted_out(situation: Situation) -> Told:
    if situation.heard is None or situation.heard.reason != "opted_out":
        return None
    return (
        "The customer wants to hear nothing more: the bot is silent until they ask to be "
        "answered again."
    )


def _ignored(situation: Situation) -> Told:
    heard = situation.heard
    if heard is None or heard.state is not MessageState.IGNORED or _is_answered(situation):
        return None
    return f"The last message was ignored: {_why(heard.reason)}."


def _left(situation: Situation) -> Told:
    heard = situation.heard
    if heard is None or heard.state is not MessageState.FOR_PERSON or _is_answered(situation):
        return None
    return (
        f"The last message was left to a person: {_why(heard.reason)}; the bot answers from the "
        "next one on."
    )


def _answered(situation: Situation) -> Told:
    heard, spoken = situation.heard, situation.spoken
    how = _author(spoken) if heard is None or heard.outcome is None else HOW_ANSWERED[heard.outcome]
    if spoken is None or not spoken.is_after_heard:
        return f"{how}." if how else None
    why = f": {in_words(spoken.reason)}" if spoken.reason else ""
    return f"{how}; {HOW_IT_WENT[spoken.status].format(why=why)}."


def _author(spoken: LastSpoken | None) -> str:
    if spoken is None or not spoken.is_after_heard:
        return ""
    is_bots = spoken.author in {Author.BOT, Author.SYSTEM}
    return "The bot has answered" if is_bots else "A person has answered"


def _is_answered(situation: Situation) -> bool:
    return situation.spoken is not None and situation.spoken.is_after_heard


def _why(code: str | None) -> str:
    return in_words(code) if code else "nobody noted why"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _time(at: datetime, situation: Situation, *, is_exact: bool = False) -> str:
    """On the shop's own clock."""
    local = at.astimezone(zoneinfo.ZoneInfo(situation.time_zone))
    return f"{local:%Y-%m-%d %H:%M:%S}" if is_exact else f"{local:%Y-%m-%d %H:%M}"


_RULES: tuple[Callable[[Situation], Told], ...] = (
    _suspended,
    _person,
    _nothing_heard,
    _stuck,
    _new,
    _opted_out,
    _ignored,
    _left,
    _answered,
)

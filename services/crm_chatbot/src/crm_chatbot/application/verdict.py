"""The verdict: why the bot does, or does not, answer at this moment, in one sentence."""

import zoneinfo
from collections.abc import Callable, Mapping
from datetime import datetime

from crm_chatbot.application.looking import LastHeard, LastSpoken, Situation, Status
from crm_chatbot.domain.conversation import Mode, TakeoverReason
from crm_chatbot.domain.message import Author, MessageState
from crm_chatbot.domain.turn import Outcome

WHY_A_PERSON: Mapping[TakeoverReason, str] = {
    TakeoverReason.API: "somebody asked for it through the API",
    TakeoverReason.PHONE: "the owner typed on the phone",
    TakeoverReason.CUSTOMER: "the customer asked for one",
    TakeoverReason.FAILURE: "the bot failed again and again",
    TakeoverReason.LOOP: "the other side seems to be a bot, too",
    TakeoverReason.BUDGET: "this chat, or this shop, has had its share of answers",
    TakeoverReason.STALE: "messages arrived long after they were sent",
    TakeoverReason.SAFETY: "somebody may come to harm",
    TakeoverReason.TIMEOUT: "no person wrote for a while",
}

#: Why a message is nobody's to answer, by its code.
WHY_IGNORED: Mapping[str, str] = {
    "call": "it was a call, which nobody here can take",
    "empty": "there was nothing in it",
    "stale": "it arrived long after it was sent",
    "opted_out": "the customer wants to hear nothing more",
    "opted_in": "the customer only said that they want to hear from us again",
    "revoked": "the customer took it back",
    "reaction": "it was a reaction only",
}

WHY_LEFT: Mapping[str, str] = {
    "tenant_suspended": "the shop was suspended",
    "person_answered": "a person was answering",
    "opted_out": "the customer wants to hear nothing more",
    "merged": "a person was answering when two chats turned out to be one",
    "erased": "the customer was erased",
}

HOW_ANSWERED: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "The bot has answered the last message",
    Outcome.FALLBACK: "The bot came to no end, and gave a fixed answer",
    Outcome.REFUSED: "Moderation let nothing through, and a fixed answer was given",
    Outcome.HANDED_OVER: "The bot has called a person",
    Outcome.LIMITED: "This chat, or this shop, has had its share: a fixed answer was given",
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
    Status.FAILED: "the reply could not be sent{code}",
    Status.UNKNOWN: "nobody can tell whether the reply arrived{code}",
    Status.WITHDRAWN: "the reply was taken back{code}",
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
    why = f" ({WHY_A_PERSON[reason]})" if reason else ""
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


def _ignored(situation: Situation) -> Told:
    heard = situation.heard
    if heard is None or heard.state is not MessageState.IGNORED or _is_answered(situation):
        return None
    return f"The last message was ignored: {_why(WHY_IGNORED, heard)}."


def _left(situation: Situation) -> Told:
    heard = situation.heard
    if heard is None or heard.state is not MessageState.FOR_PERSON or _is_answered(situation):
        return None
    reasons = {**{reason.value: why for reason, why in WHY_A_PERSON.items()}, **WHY_LEFT}
    return (
        f"The last message was left to a person: {_why(reasons, heard)}; "
        "the bot answers from the next one on."
    )


def _answered(situation: Situation) -> Told:
    heard, spoken = situation.heard, situation.spoken
    how = _author(spoken) if heard is None or heard.outcome is None else HOW_ANSWERED[heard.outcome]
    if spoken is None or not spoken.is_after_heard:
        return f"{how}." if how else None
    code = f" ({spoken.reason})" if spoken.reason else ""
    return f"{how}; {HOW_IT_WENT[spoken.status].format(code=code)}."


def _author(spoken: LastSpoken | None) -> str:
    if spoken is None or not spoken.is_after_heard:
        return ""
    is_bots = spoken.author in {Author.BOT, Author.SYSTEM}
    return "The bot has answered" if is_bots else "A person has answered"


def _is_answered(situation: Situation) -> bool:
    return situation.spoken is not None and situation.spoken.is_after_heard


def _why(reasons: Mapping[str, str], heard: LastHeard) -> str:
    return reasons.get(heard.reason or "", heard.reason or "nobody noted why")


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
    _ignored,
    _left,
    _answered,
)

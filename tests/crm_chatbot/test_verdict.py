"""The verdict says in one sentence how a conversation stands, whatever that is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crm_chatbot.application.conversations.looking import (
    Deciding,
    LastHeard,
    LastSpoken,
    Situation,
    Status,
)
from crm_chatbot.application.conversations.reasons import WHO_ANSWERS
from crm_chatbot.application.conversations.verdict import HOW_ANSWERED, HOW_IT_WENT, verdict
from crm_chatbot.domain.conversations.conversation import Mode, TakeoverReason
from crm_chatbot.domain.conversations.message import Author, MessageState
from crm_chatbot.domain.turns.turn import Outcome
from tests.crm_chatbot.builders import LATER, NOON

COVERED = LastHeard(state=MessageState.COVERED, reason=None, outcome=Outcome.ANSWERED)
NEW = replace(COVERED, state=MessageState.NEW, outcome=None)
STALE = LastHeard(state=MessageState.IGNORED, reason="stale", outcome=None)
LEFT = LastHeard(state=MessageState.FOR_PERSON, reason="person_answered", outcome=None)
SPOKEN = LastSpoken(author=Author.BOT, status=Status.DELIVERED, reason=None, is_after_heard=True)
BY_PERSON = replace(SPOKEN, author=Author.PERSON, status=Status.SENT)
WELL = Situation(
    is_suspended=False,
    time_zone="Asia/Jakarta",
    mode=Mode.BOT,
    mode_reason=None,
    mode_since=NOON,
    handback_at=None,
    ready_at=None,
    is_held=False,
    session_status="WORKING",
    heard=COVERED,
    spoken=SPOKEN,
    leaving=0,
    deciding=None,
)
HUMAN = replace(WELL, mode=Mode.HUMAN, mode_reason=TakeoverReason.CUSTOMER)
UNANSWERED = replace(WELL, heard=NEW, spoken=replace(SPOKEN, is_after_heard=False))
STUCK: dict[str, Any] = {"leaving": 1, "session_status": "SCAN_QR_CODE"}
DECIDING = Deciding(started_at=NOON, failures=0)
FAILED = Deciding(started_at=NOON, failures=2)

SENTENCES: list[tuple[Situation, str]] = [
    (WELL, "The bot has answered the last message; the reply was delivered."),
    (
        HUMAN,
        (
            "A person has taken over (the customer asked for one) since 2026-05-04 19:00; "
            "the bot is silent until it is handed back."
        ),
    ),
    (
        replace(HUMAN, handback_at=NOON + timedelta(hours=1)),
        (
            "A person has taken over (the customer asked for one) since 2026-05-04 19:00; the bot "
            "is silent until it is handed back, or until 2026-05-04 20:00 if nobody writes."
        ),
    ),
    (
        replace(HUMAN, mode_reason=None, time_zone="UTC", **STUCK),
        (
            "A person has taken over since 2026-05-04 12:00; the bot is silent until it is handed "
            "back. The reply waits for the WhatsApp session, which is SCAN_QR_CODE."
        ),
    ),
    (
        replace(HUMAN, is_suspended=True),
        "The shop is suspended: what customers write is recorded, and nobody answers.",
    ),
    (
        replace(WELL, heard=None, spoken=None),
        "The customer has not written anything yet.",
    ),
    (
        replace(WELL, spoken=replace(SPOKEN, status=Status.HANDED), **STUCK),
        "The reply waits for the WhatsApp session, which is SCAN_QR_CODE.",
    ),
    (
        replace(WELL, spoken=replace(SPOKEN, status=Status.HANDED), leaving=1),
        "The bot has answered the last message; the reply is with the sender.",
    ),
    (
        replace(UNANSWERED, deciding=DECIDING, is_held=True),
        "The bot has been deciding on an answer since 2026-05-04 19:00:00.",
    ),
    (
        replace(UNANSWERED, deciding=FAILED, ready_at=LATER),
        "The bot failed twice, and tries again at 2026-05-04 19:00:05.",
    ),
    (
        replace(UNANSWERED, deciding=FAILED, ready_at=LATER, is_held=True),
        "The bot has been deciding on an answer since 2026-05-04 19:00:00.",
    ),
    (
        replace(UNANSWERED, ready_at=LATER),
        "The bot waits for the customer to finish, and answers from 2026-05-04 19:00:05 on.",
    ),
    (UNANSWERED, "The last message is new, and waits to be looked at."),
    (
        replace(UNANSWERED, heard=STALE),
        "The last message was ignored: it arrived long after it was sent.",
    ),
    (
        replace(UNANSWERED, heard=replace(STALE, reason=None)),
        "The last message was ignored: nobody noted why.",
    ),
    (
        replace(UNANSWERED, heard=replace(STALE, reason="of_tomorrow")),
        "The last message was ignored: of_tomorrow.",
    ),
    (
        replace(UNANSWERED, heard=LEFT),
        (
            "The last message was left to a person: a person was answering; the bot answers from "
            "the next one on."
        ),
    ),
    (
        replace(WELL, heard=LEFT, spoken=BY_PERSON),
        "A person has answered; the reply was sent.",
    ),
    (
        replace(WELL, heard=replace(STALE, reason="opted_out")),
        (
            "The customer wants to hear nothing more: the bot is silent until they ask to be "
            "answered again."
        ),
    ),
    (
        replace(WELL, heard=replace(COVERED, outcome=Outcome.SILENT), spoken=None),
        "The bot cannot take in this kind of message, and said so a while ago.",
    ),
    (
        replace(WELL, spoken=replace(SPOKEN, status=Status.FAILED, reason="not_sent_in_time")),
        (
            "The bot has answered the last message; the reply could not be sent: it could not "
            "leave for too long."
        ),
    ),
    (
        replace(WELL, heard=replace(COVERED, outcome=None), spoken=None),
        "The bot answers what comes next.",
    ),
]


@pytest.mark.parametrize(("situation", "sentence"), SENTENCES)
def test_each_situation_has_its_sentence(situation: Situation, sentence: str) -> None:
    assert verdict(situation) == sentence


def test_nothing_that_may_be_said_lacks_words() -> None:
    assert set(WHO_ANSWERS) == set(TakeoverReason)
    assert set(HOW_ANSWERED) == set(Outcome)
    assert set(HOW_IT_WENT) == set(Status)

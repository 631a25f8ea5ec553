"""Pictures and voices: told in words where something can take them in, politely declined else."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.turns.answering import Brief
from crm_chatbot.domain.conversations.message import TOLD, Kind, Message, MessageId
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.turns.turn import TurnLost
from shared.llm.storable import storable

#: What can be answered although it has no words: a model is told of it.
_TELLING = {Kind.LOCATION, Kind.CONTACT, Kind.POLL, Kind.FILE, Kind.CALL}

#: What a reader is asked about.
READABLE = {Kind.VOICE, Kind.IMAGE}

#: Of one turn; who sends more at a time is asked about the rest.
MOST_READ = 5
LONGEST_TOLD = 2_000

_PHRASES = {Kind.VOICE: Phrase.CANNOT_HEAR, Kind.IMAGE: Phrase.CANNOT_SEE}


@dataclass(frozen=True)
class Reading:
    """What a picture shows or a voice says; or why nobody can tell, as a code."""

    words: str = ""
    why: str | None = None


class MediaReader(Protocol):
    """Takes in what is no text: a voice message is transcribed, a picture described."""

    async def __call__(self, brief: Brief, message: Message, /) -> Reading:
        """What it cost is in the brief's meter. Raises nothing but DatabaseUnavailable."""
        ...


async def nothing_but_text(_brief: Brief, _message: Message, /) -> Reading:
    """Fits MediaReader: takes in nothing."""
    return Reading(why="not_able")


@dataclass(frozen=True, kw_only=True)
class Senses:
    """Takes in what a turn is to answer, once, and keeps it beside the messages."""

    open_work: OpenWork
    read: MediaReader = nothing_but_text

    async def take_in(self, brief: Brief) -> Brief:
        """The same turn, with what could be read in its messages. Raises TurnLost."""
        unread = [one for one in brief.heard if one.kind in READABLE and not one.told][-MOST_READ:]
        if not unread:
            return brief
        readings = await asyncio.gather(*(self.read(brief, one) for one in unread))
        read = {
            message.id: replace(reading, words=storable(reading.words)[:LONGEST_TOLD].strip())
            for message, reading in zip(unread, readings, strict=True)
        }
        async with self.open_work(brief.tenant.id) as work:
            await _keep(work, brief, read)
        heard = [_with_words(one, read.get(one.id, Reading()).words) for one in brief.heard]
        return replace(brief, heard=heard)


async def _keep(work: Work, brief: Brief, read: Mapping[MessageId, Reading]) -> None:
    """So that whoever takes the turn up after a crash need not read it again."""
    conversation = await work.conversations.lock(brief.claim.conversation_id)
    if conversation.epoch != brief.claim.epoch:
        raise TurnLost
    for message_id, reading in read.items():
        message = await work.messages.get(message_id)
        # What was taken back meanwhile is nobody's business any more.
        if reading.words and message.revoked_at is None:
            await work.messages.save(_with_words(message, reading.words))
        what = "media.read" if reading.words else "media.unread"
        facts = {"message_id": message.id, "turn_id": brief.turn_id, "kind": message.kind}
        await work.timeline.note(conversation.id, what, **facts, code=reading.why)
    # The turn's end notes them once more, which changes nothing; a crash must not lose them.
    await work.ledger.record(brief.turn_id, brief.meter.spent, ())


def _with_words(message: Message, words: str) -> Message:
    if not words:
        return message
    return replace(message, content={**message.content, TOLD: words})


def has_words(brief: Brief) -> bool:
    """Whether there is anything in it that could be answered."""
    return any(
        message.text.strip() or message.told or message.kind in _TELLING for message in brief.heard
    )


def unheard_text(brief: Brief) -> str:
    """What is said to somebody whose messages nobody here can take in."""
    return said(_phrase_for(brief.heard), brief.language)


def _phrase_for(heard: Sequence[Message]) -> Phrase:
    kinds = {message.kind for message in heard}
    return next((phrase for kind, phrase in _PHRASES.items() if kind in kinds), Phrase.TEXT_ONLY)

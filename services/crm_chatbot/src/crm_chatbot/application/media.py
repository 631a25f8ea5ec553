"""Pictures and voices: told in words where something can take them in, politely declined else."""

from collections.abc import Sequence
from typing import Protocol

from crm_chatbot.application.answering import Brief
from crm_chatbot.domain.message import Kind, Message
from crm_chatbot.domain.phrases import Phrase, said
from crm_chatbot.domain.tenant import Tenant

#: What can be answered although it has no words: a model is told of it.
_TELLING = {Kind.LOCATION, Kind.CONTACT, Kind.POLL, Kind.FILE, Kind.CALL}

#: What a reader is asked about.
READABLE = {Kind.VOICE, Kind.IMAGE}

_PHRASES = {Kind.VOICE: Phrase.CANNOT_HEAR, Kind.IMAGE: Phrase.CANNOT_SEE}


class MediaReader(Protocol):
    """Takes in what is no text: a voice message is transcribed, a picture described."""

    async def __call__(self, tenant: Tenant, message: Message, /) -> str | None:
        """What it says or shows; None where nothing here can tell. Never raises."""
        ...


async def nothing_but_text(_tenant: Tenant, _message: Message, /) -> str | None:
    """Fits MediaReader: takes in nothing."""
    return None


def has_words(brief: Brief) -> bool:
    """Whether there is anything in it that could be answered."""
    return any(
        message.text.strip() or message.id in brief.media or message.kind in _TELLING
        for message in brief.heard
    )


def unheard_text(brief: Brief) -> str:
    """What is said to somebody whose messages nobody here can take in."""
    return said(_phrase_for(brief.heard), brief.language)


def _phrase_for(heard: Sequence[Message]) -> Phrase:
    kinds = {message.kind for message in heard}
    return next((phrase for kind, phrase in _PHRASES.items() if kind in kinds), Phrase.TEXT_ONLY)

"""Where an answer takes long, the customer hears once that it is on its way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid5

from crm_chatbot.application.conversations.outbound import hand_next, our_words
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.turns.answering import Brief
from crm_chatbot.domain.conversations.conversation import ConversationNotFound
from crm_chatbot.domain.conversations.message import Author, MessageId, MessageNotFound, TurnId
from crm_chatbot.domain.tenants.phrases import Phrase, said
from shared.availability import DatabaseUnavailable
from shared.domain import Clock


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Asks customers for it: once in a turn, however many workers try at that turn."""

    open_work: OpenWork
    now: Clock
    #: how long a turn may take before; 0: nobody is ever asked
    after_s: float
    #: how long the sender may be silent before it is asked again
    resend_after_s: float

    @asynccontextmanager
    async def asked_for(self, brief: Brief) -> AsyncGenerator[None]:
        """While an answer is looked for in the block."""
        if not self.after_s:
            yield
            return
        is_found = asyncio.Event()
        asking = asyncio.create_task(self._ask_in_time(brief, is_found))
        try:
            yield
        finally:
            is_found.set()
            # What has begun to be said is said before the answer is.
            await asking

    async def _ask_in_time(self, brief: Brief, is_found: asyncio.Event) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self.after_s - brief.age_s)):
                await is_found.wait()
                return
        with suppress(DatabaseUnavailable, ConversationNotFound):
            await self._ask(brief)

    async def _ask(self, brief: Brief) -> None:
        """Unless it was asked before, or somebody else decides by now: a person, perhaps."""
        message_id = patience_id(brief.turn_id)
        async with self.open_work(brief.tenant.id) as work:
            conversation = await work.conversations.lock(brief.claim.conversation_id)
            if conversation.epoch != brief.claim.epoch or await _is_known(work, message_id):
                return
            now, text = self.now(), said(Phrase.PATIENCE, brief.language)
            message = our_words(
                conversation, message_id, text, author=Author.BOT, now=now, turn_id=brief.turn_id
            )
            await work.messages.add([message])
            facts = {"message_id": message_id, "turn_id": brief.turn_id}
            await work.timeline.note(conversation.id, "turn.delayed", **facts)
            await work.conversations.save(conversation)
            await hand_next(work, conversation, now=now, patience_s=self.resend_after_s)


def patience_id(turn_id: TurnId) -> MessageId:
    """The same whoever works on the turn: who asks a second time finds that it was asked."""
    return MessageId(uuid5(turn_id, "patience"))


async def _is_known(work: Work, message_id: MessageId) -> bool:
    try:
        await work.messages.get(message_id)
    except MessageNotFound:
        return False
    return True

"""What is done when nobody has done it: ask the sender again, hand chats back that people left."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm_chatbot.application.backlog import Backlog, Place
from crm_chatbot.application.conversations.outbound import ask_again, hand_next
from crm_chatbot.application.conversations.takeover import hand_back
from crm_chatbot.application.customers import have_forgotten
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationNotFound,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import Message, MessageState
from shared import logs, metrics
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import Clock

log = logs.get()

#: Conversations of one round. Whatever is left over waits for the next.
MOST = 200
#: Erasures are rare, and telling of one takes little.
MOST_ERASED = 10_000
FORGOTTEN_WITHIN_S = 86_400.0

Step = Callable[[Work, Conversation], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Looks again under the conversation's lock: many may sweep at once."""

    backlog: Backlog
    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]
    #: how long the sender may be silent; doubles each time
    patience_s: float

    async def ask_again(self) -> int:
        """Ask the sender for what it should have told of; returns in how many chats it was."""
        return await self._each(await self.backlog.unheard_of(MOST), self._ask_again)

    async def forget_again(self) -> int:
        """Tell the sender once more whom it must forget; returns of how many chats.

        It answers nothing, so that nobody knows whether it has heard: for a day it is told again.
        """
        erased = await self.backlog.erased(MOST_ERASED, within_s=FORGOTTEN_WITHIN_S)
        return await self._each(erased, _forget_again)

    async def hand_back(self) -> int:
        """Let the bot answer where no person does any more; returns in how many chats."""
        return await self._each(await self.backlog.left_alone(MOST), self._hand_back)

    async def _each(self, places: Sequence[Place], step: Step) -> int:
        """Each in a transaction of its own; one that fails does not hold up the others."""
        done = 0
        for tenant_id, conversation_id in places:
            try:
                async with self.open_work(tenant_id) as work:
                    conversation = await work.conversations.lock(conversation_id)
                    done += await step(work, conversation)
                crash_point("crm.swept")
            except ConversationNotFound:
                continue
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("sweep.failed", conversation_id=str(conversation_id))
        return done

    async def _ask_again(self, work: Work, conversation: Conversation) -> bool:
        now = self.now()
        late = [one for one in await work.messages.leaving(conversation.id) if _is_late(one, now)]
        for message in late:
            await ask_again(work, conversation, message, now=now, patience_s=self.patience_s)
        await hand_next(work, conversation, now=now, patience_s=self.patience_s)
        metrics.outbound_asked_again.inc(len(late))
        return bool(late)

    async def _hand_back(self, work: Work, conversation: Conversation) -> bool:
        now = self.now()
        if conversation.handback_at is None or conversation.handback_at > now:
            return False
        await hand_back(work, conversation, TakeoverReason.TIMEOUT, now=now, new_id=self.new_id)
        await work.conversations.save(conversation)
        return True


async def _forget_again(work: Work, conversation: Conversation) -> bool:
    await have_forgotten(work, conversation)
    return True


def _is_late(message: Message, now: datetime) -> bool:
    is_handed = message.state is MessageState.HANDED
    return is_handed and (message.ask_at is None or message.ask_at <= now)

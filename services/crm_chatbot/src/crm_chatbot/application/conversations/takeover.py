"""Who answers: a person takes over, and the bot falls silent at once; or the bot answers again."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from crm_chatbot.application.conversations.outbound import end
from crm_chatbot.application.ports import Work
from crm_chatbot.application.tickets.occasions import handed_back, handed_over
from crm_chatbot.domain.conversations.conversation import Conversation, TakeoverReason
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Message,
    MessageId,
    MessageState,
)
from shared.contracts import WithdrawWhatsApp

NewId = Callable[[], UUID]

#: What the history shows, to people and to models alike.
PERSON_ANSWERS = "A colleague of the shop answers from here on."
BOT_ANSWERS = "The assistant answers again from here on."


async def take_over(
    work: Work,
    conversation: Conversation,
    reason: TakeoverReason,
    *,
    now: datetime,
    new_id: NewId,
    handback_after_s: int,
) -> bool:
    """Silence the bot, also for what it has decided but not sent; False if it was silent already.

    The conversation is locked by the caller, who saves it. What the customer said and has no
    answer to is left to the person. Only the bot's own messages are taken back: what shall leave
    all the same, a goodbye, say, is written by Author.SYSTEM. A ticket calls somebody, where nobody
    is there already.
    """
    is_news = await silence(
        work, conversation, reason, now=now, new_id=new_id, handback_after_s=handback_after_s
    )
    if is_news:
        await handed_over(work, conversation, reason, now=now, new_id=new_id)
    return is_news


async def silence(
    work: Work,
    conversation: Conversation,
    reason: TakeoverReason,
    *,
    now: datetime,
    new_id: NewId,
    handback_after_s: int,
) -> bool:
    """The same, but nobody is called: the caller does that, by `handed_over`, as the last thing."""
    if not conversation.take_over(reason, now, handback_after_s=handback_after_s):
        return False
    await work.messages.leave_to_person(conversation.id, reason=reason)
    await withdraw(work, conversation)
    await _mark(work, conversation, PERSON_ANSWERS, reason, MessageId(new_id()), now)
    await work.timeline.note(conversation.id, "conversation.taken_over", reason=reason)
    return True


async def hand_back(
    work: Work, conversation: Conversation, reason: TakeoverReason, *, now: datetime, new_id: NewId
) -> None:
    """Let the bot answer again, from the next message on. Raises AlreadyInMode."""
    conversation.hand_back(reason, now)
    await work.messages.leave_to_person(conversation.id, reason="person_answered")
    await _mark(work, conversation, BOT_ANSWERS, reason, MessageId(new_id()), now)
    await work.timeline.note(conversation.id, "conversation.handed_back", reason=reason)
    if reason is not TakeoverReason.TIMEOUT:  # then nobody has looked at it
        await handed_back(work, conversation, now=now)


async def withdraw(work: Work, conversation: Conversation) -> None:
    """Take back what the bot wanted to say, as far as it has not left."""
    handed: list[UUID] = []
    for message in await work.messages.leaving(conversation.id):
        if message.author is not Author.BOT:
            continue
        if message.state is MessageState.QUEUED:
            await end(work, message, MessageState.WITHDRAWN, "suppressed_takeover")
        else:
            handed.append(message.id)
    if handed:
        withdrawal = WithdrawWhatsApp(tenant_id=conversation.tenant_id, message_ids=handed)
        await work.outbox.say(withdrawal)


async def _mark(
    work: Work,
    conversation: Conversation,
    text: str,
    reason: TakeoverReason,
    message_id: MessageId,
    now: datetime,
) -> None:
    marker = Message(
        id=message_id,
        conversation_id=conversation.id,
        seq=conversation.next_seq(now),
        direction=Direction.MARKER,
        author=Author.SYSTEM,
        created_at=now,
        state=MessageState.KEPT,
        text=text,
        reason=reason,
    )
    await work.messages.add([marker])

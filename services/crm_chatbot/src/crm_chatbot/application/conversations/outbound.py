"""What goes out: one message of a conversation at a time, in order, until its fate is known."""

from datetime import datetime, timedelta

from pydantic import TypeAdapter

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.conversation import Conversation
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Kind,
    Message,
    MessageId,
    MessageState,
    TurnId,
)
from shared.contracts import SendWhatsApp, WhatsAppContent, WhatsAppText, WithdrawWhatsApp

#: However often the sender was asked in vain, it is asked again within this.
LONGEST_SILENCE_S = 300.0
#: More could not be told from the limit, and in the end not be counted.
_MOST_DOUBLINGS = 20

_CONTENT = TypeAdapter[WhatsAppContent](WhatsAppContent)


def our_words(
    conversation: Conversation,
    message_id: MessageId,
    text: str,
    *,
    author: Author,
    now: datetime,
    turn_id: TurnId | None = None,
) -> Message:
    """A text at the conversation's next place, which waits to leave."""
    return Message(
        id=message_id,
        conversation_id=conversation.id,
        seq=conversation.next_seq(now),
        direction=Direction.OUT,
        author=author,
        created_at=now,
        state=MessageState.QUEUED,
        text=text,
        session=conversation.session,
        turn_id=turn_id,
    )


async def say(
    work: Work, conversation: Conversation, message: Message, *, patience_s: float
) -> None:
    """Words that code has chosen (`our_words`), to leave after those that wait already.

    The caller has locked the conversation; it is saved here. What a bot says is taken back when a
    person takes over; what Author.SYSTEM says leaves all the same.
    """
    await work.messages.add([message])
    facts = {"message_id": message.id, "turn_id": message.turn_id}
    await work.timeline.note(conversation.id, "message.queued", **facts)
    await work.conversations.save(conversation)
    await hand_next(work, conversation, now=message.created_at, patience_s=patience_s)


async def hand_next(
    work: Work, conversation: Conversation, *, now: datetime, patience_s: float
) -> None:
    """Hand the oldest message that waits to the sender, unless it has one of this chat already.

    Call it, with the conversation locked, whenever a message was queued or ended. `patience_s` is
    how long the sender may be silent before it is asked again. A bot's message does not leave
    while a person answers.
    """
    for message in await work.messages.leaving(conversation.id):
        if message.state is MessageState.HANDED:
            return
        if message.author is Author.BOT and not conversation.is_answered_by_bot:
            await end(work, message, MessageState.WITHDRAWN, "suppressed_takeover")
            continue
        await hand(work, conversation, message, now=now, patience_s=patience_s)
        return


async def hand(
    work: Work, conversation: Conversation, message: Message, *, now: datetime, patience_s: float
) -> None:
    """Ask the sender for it, for the first time or again."""
    message.state = MessageState.HANDED
    if message.asks == 0:
        await work.timeline.note(conversation.id, "message.handed", message_id=message.id)
    await _ask(work, message, sending_of(message, conversation), now=now, patience_s=patience_s)


async def ask_again(
    work: Work, conversation: Conversation, message: Message, *, now: datetime, patience_s: float
) -> None:
    """The sender was silent about a message for too long: tell it again what it was told last."""
    asked: SendWhatsApp | WithdrawWhatsApp = sending_of(message, conversation)
    if message.author is Author.BOT and not conversation.is_answered_by_bot:
        asked = WithdrawWhatsApp(tenant_id=conversation.tenant_id, message_ids=[message.id])
    await _ask(work, message, asked, now=now, patience_s=patience_s)


async def end(work: Work, message: Message, state: MessageState, reason: str | None = None) -> None:
    """It is sent, or will not be: note why."""
    message.end(state, reason)
    await work.messages.save(message)
    what = "message.sent" if state is MessageState.SENT else "message.not_sent"
    facts = {"message_id": message.id, "state": state, "code": reason}
    await work.timeline.note(message.conversation_id, what, **facts)


async def _ask(
    work: Work,
    message: Message,
    asked: SendWhatsApp | WithdrawWhatsApp,
    *,
    now: datetime,
    patience_s: float,
) -> None:
    """Each time with twice the patience, up to a limit."""
    doublings = min(message.asks, _MOST_DOUBLINGS)
    silence = min(patience_s * 2**doublings, LONGEST_SILENCE_S)
    message.ask_at, message.asks = now + timedelta(seconds=silence), message.asks + 1
    await work.messages.save(message)
    await work.outbox.say(asked)


def sending_of(message: Message, conversation: Conversation) -> SendWhatsApp:
    """The message as the sender must hear it."""
    return SendWhatsApp(
        message_id=message.id,
        tenant_id=conversation.tenant_id,
        session=message.session or conversation.session,
        chat_id=conversation.chat_id,
        content=content_of(message),
        is_reply=conversation.last_inbound_at is not None,
        by_person=message.author is Author.PERSON,
    )


def content_of(message: Message) -> WhatsAppContent:
    """What is sent: a text's is its words, anything else lies in `content`."""
    if message.kind is Kind.TEXT:
        return WhatsAppText(text=message.text)
    return _CONTENT.validate_python({**message.content, "kind": message.kind.value})

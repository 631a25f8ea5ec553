"""What happens to messages that were heard already: edited, taken back, reacted to; and calls."""

from dataclasses import replace

from crm_chatbot.application.whatsapp.acquaintance import Chat
from crm_chatbot.application.whatsapp.hearing import Fate, Hearing, Reception
from crm_chatbot.application.whatsapp.listening import customer_wrote
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Kind,
    Message,
    MessageId,
    MessageState,
)
from crm_chatbot.domain.customers.opting import wants_in, wants_out
from crm_chatbot.domain.whatsapp import (
    Called,
    Edited,
    MessageCame,
    Reacted,
    Revoked,
    message_key,
)

_UNANSWERED = {MessageState.NEW, MessageState.FOR_PERSON, MessageState.IGNORED}


async def edited(hearing: Hearing, event: Edited) -> Reception:
    """An unanswered message says the new words; of an answered one it is noted."""
    changes_customer = wants_out(event.text) or wants_in(event.text)
    message = await _message_of(hearing, event, changes_customer=changes_customer)
    if message is None:
        if event.is_ours:
            return await hearing.record(event, "unknown_message")
        # Faster than the message itself, which will be heard as a duplicate.
        await hearing.record(event)
        return await customer_wrote(hearing, _as_message(event, event.text))
    chat, message = await _locked(hearing, message)
    if chat.conversation.is_forgotten:
        return await _about_nothing(hearing, event, chat)
    if message.content.get("edited_to", message.text) == event.text:
        # A webhook and WAHA's history name the same edit differently.
        return await hearing.record(event, "unchanged", conversation=chat.conversation)
    reception = await hearing.record(event, conversation=chat.conversation, message_id=message.id)
    message.edited_at = hearing.now
    is_being_decided = message.state is MessageState.NEW and chat.conversation.lease_worker
    if message.state in _UNANSWERED and not is_being_decided:
        message.text = event.text
    else:
        message.content = {**message.content, "edited_to": event.text}
    await hearing.work.messages.save(message)
    await _note(hearing, message, "message.edited")
    if is_being_decided:
        # Whoever decides has read the old words: the new ones are news to them.
        news = _as_message(event, event.text, key=f"{event.key}:again")
        await customer_wrote(hearing, replace(news, stanza_id=f"{event.stanza_id}:{message.seq}"))
    return reception


async def revoked(hearing: Hearing, event: Revoked) -> Reception:
    """An unanswered message needs no answer any more."""
    message = await _message_of(hearing, event)
    if message is None:
        if event.is_ours:
            return await hearing.record(event, "unknown_message")
        return await _revoked_before_it_came(hearing, event)
    chat, message = await _locked(hearing, message)
    reception = await hearing.record(event, conversation=chat.conversation, message_id=message.id)
    message.revoked_at = hearing.now
    if message.state is MessageState.NEW:
        message.end(MessageState.IGNORED, "revoked")
    await hearing.work.messages.save(message)
    await _note(hearing, message, "message.revoked")
    await _settle_if_nothing_waits(hearing, chat)
    return reception


async def reacted(hearing: Hearing, event: Reacted) -> Reception:
    """A reaction wants no answer; in the history it is seen."""
    message = await hearing.work.messages.by_stanza(event.session, event.stanza_id)
    if message is None:
        return await hearing.record(event, "reaction")
    chat, message = await _locked(hearing, message)
    if chat.conversation.is_forgotten:
        return await _about_nothing(hearing, event, chat)
    reception = await hearing.record(
        event, "reaction", conversation=chat.conversation, message_id=message.id
    )
    if not event.is_ours:
        message.reaction = event.emoji
        await hearing.work.messages.save(message)
        await _note(hearing, message, "message.reaction", is_removed=event.emoji is None)
    return reception


async def called(hearing: Hearing, event: Called) -> Reception:
    """A known customer's call is part of the history; nobody here can answer it."""
    chat = await hearing.acquaintance.known_chat_of(event)
    if chat is None:
        return await hearing.record(event, "call")
    conversation = chat.conversation
    reception = await hearing.record(event, "call", conversation=conversation)
    if event.outcome != "received":
        await hearing.work.timeline.note(conversation.id, f"call.{event.outcome}")
        return reception
    call = Message(
        id=MessageId(hearing.new_id()),
        conversation_id=conversation.id,
        seq=0,
        direction=Direction.IN,
        author=Author.CUSTOMER,
        created_at=hearing.now,
        state=MessageState.IGNORED,
        reason="call",
        kind=Kind.CALL,
        content={"is_video": event.is_video},
        session=event.session,
        provider_at=event.at,
    )
    await hearing.add(conversation, call)
    return reception


async def _message_of(
    hearing: Hearing, event: Edited | Revoked, *, changes_customer: bool = False
) -> Message | None:
    """The message that it is about, unless it has not come yet.

    Its chat is locked first: it cannot come while we look.
    """
    await hearing.acquaintance.known_chat_of(event, is_locked=changes_customer)
    return await hearing.work.messages.by_stanza(event.session, event.stanza_id)


async def _about_nothing(hearing: Hearing, event: Edited | Reacted, chat: Chat) -> Reception:
    """Its customer was erased: what is said of it now must not bring anything back."""
    return await hearing.record(event, "erased", conversation=chat.conversation)


async def _locked(hearing: Hearing, message: Message) -> tuple[Chat, Message]:
    """Its conversation, locked, and the message as it is now."""
    conversation = await hearing.work.conversations.lock(message.conversation_id)
    customer = await hearing.work.customers.get(conversation.customer_id)
    return Chat(customer, conversation), await hearing.work.messages.get(message.id)


async def _revoked_before_it_came(hearing: Hearing, event: Revoked) -> Reception:
    chat = await hearing.acquaintance.chat_of(event)
    await hearing.record(event, conversation=chat.conversation)
    fate = Fate(MessageState.IGNORED, "revoked")
    came = _as_message(event, "", kind=Kind.UNKNOWN)
    reception, message = await hearing.keep(came, chat, fate, revoked_at=hearing.now)
    await hearing.add(chat.conversation, message)
    return reception


async def _settle_if_nothing_waits(hearing: Hearing, chat: Chat) -> None:
    conversation = chat.conversation
    if conversation.ready_at is None or conversation.lease_worker is not None:
        return
    if not await hearing.work.messages.unanswered(conversation.id, most=1):
        conversation.settle()
        await hearing.work.conversations.save(conversation)


def _as_message(
    event: Edited | Revoked, text: str, *, kind: Kind = Kind.TEXT, key: str | None = None
) -> MessageCame:
    """The message that an event is about, as if it had come with these words."""
    return MessageCame(
        key=key or message_key(event.session, event.stanza_id),
        name=event.name,
        session=event.session,
        chat_id=event.chat_id,
        identities=event.identities,
        stanza_id=event.stanza_id,
        text=text,
        kind=kind,
        sent_at=event.at,
    )


async def _note(hearing: Hearing, message: Message, what: str, **facts: object) -> None:
    await hearing.work.timeline.note(
        message.conversation_id, what, message_id=message.id, seq=message.seq, **facts
    )

"""The customer wrote, or the owner typed on the phone: what follows from their words."""

from dataclasses import replace
from datetime import datetime, timedelta

from crm_chatbot.application.automation import run_rules
from crm_chatbot.application.conversations.takeover import withdraw
from crm_chatbot.application.payments.transfers import keep_proof
from crm_chatbot.application.payments.wording import proof_kept
from crm_chatbot.application.whatsapp.acquaintance import Chat
from crm_chatbot.application.whatsapp.hearing import Fate, Hearing, Reception
from crm_chatbot.domain.automation import CustomerWrote
from crm_chatbot.domain.conversations.conversation import Conversation, TakeoverReason
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Kind,
    Message,
    MessageState,
    is_loop,
    may_loop,
)
from crm_chatbot.domain.customers.opting import wants_in, wants_out
from crm_chatbot.domain.customers.speech import language_of
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.whatsapp import MessageCame, OwnerTyped, Said
from shared.contracts import TurnDue

#: An echo of what was said before these comes too late to be one.
_ECHOED_AMONG = 20

_LOOP, _STALE = TakeoverReason.LOOP, TakeoverReason.STALE


async def customer_wrote(hearing: Hearing, event: MessageCame) -> Reception:
    """Keep it, and see to it that it is answered: by the bot, by a person, or not at all."""
    changes_customer = wants_out(event.text) or wants_in(event.text)
    who = hearing.acquaintance
    chat = await who.chat_of(event, name=event.push_name, is_locked=changes_customer)
    fate = _fate_of(hearing, event, chat)
    reception, message = await hearing.keep(event, chat, fate)
    if fate.reason == "stale":
        await hearing.person_takes_over(chat.conversation, _STALE)
    if fate.state is MessageState.NEW and await _is_loop(hearing, chat.conversation, message):
        await hearing.person_takes_over(chat.conversation, _LOOP)
        message.state, message.reason = MessageState.FOR_PERSON, _LOOP
    await _place(hearing, chat.conversation, message)
    if event.kind is Kind.IMAGE and await keep_proof(
        hearing.work, chat.customer, message, now=hearing.now
    ):
        language = chat.customer.language or hearing.tenant.language
        await hearing.say(chat.conversation, proof_kept(language))
    if fate.ignored in {"opted_out", "opted_in"}:
        await _opt(hearing, chat, message)
    await _run_rules(hearing, chat.conversation, message)
    return reception


async def owner_typed(hearing: Hearing, event: OwnerTyped) -> Reception:
    """A person answers on the phone: keep what they say, and be silent from now on."""
    if await hearing.work.messages.by_stanza(event.session, event.stanza_id) is not None:
        return await hearing.record(event, "own_echo")
    chat = await hearing.acquaintance.chat_of(event)
    conversation = chat.conversation
    if await _is_being_sent(hearing, conversation, event):
        return await hearing.record(event, "own_echo", conversation=conversation)
    reception, message = await hearing.keep(event, chat, Fate(MessageState.KEPT))
    message.direction, message.author = Direction.OUT, Author.PHONE
    message.sent_at = event.sent_at or hearing.now
    if _is_person_still_there(hearing, message.sent_at):
        await hearing.person_takes_over(conversation, TakeoverReason.PHONE)
    await hearing.add(conversation, message)
    await hearing.hand_next(conversation)
    return reception


def _fate_of(hearing: Hearing, event: MessageCame, chat: Chat) -> Fate:
    """The first that applies."""
    is_out = chat.customer.opted_out_at is not None
    is_silent = event.kind is Kind.UNKNOWN and not event.text.strip()
    by_person = not chat.conversation.is_answered_by_bot
    reason = chat.conversation.mode_reason
    fates = (
        (event.kind is Kind.CALL, Fate(MessageState.IGNORED, "call")),
        (is_silent, Fate(MessageState.IGNORED, "empty")),
        (wants_out(event.text), Fate(MessageState.IGNORED, "opted_out")),
        (is_out and wants_in(event.text), Fate(MessageState.IGNORED, "opted_in")),
        (is_out, Fate(MessageState.FOR_PERSON, "opted_out")),
        (hearing.is_stale(event.sent_at), Fate(MessageState.IGNORED, "stale")),
        (by_person, Fate(MessageState.FOR_PERSON, reason)),
    )
    return next((fate for applies, fate in fates if applies), Fate(MessageState.NEW))


async def _is_loop(hearing: Hearing, conversation: Conversation, message: Message) -> bool:
    if not may_loop(conversation.last_seq, hearing.now - conversation.last_message_at):
        return False
    lately = await hearing.work.messages.lately(message.conversation_id, hearing.now)
    text = message.text if message.kind is Kind.TEXT else ""
    return is_loop(replace(lately, texts=(*lately.texts, text)))


async def _place(hearing: Hearing, conversation: Conversation, message: Message) -> None:
    """Put it into the history, and ring for an answer where the bot owes one."""
    now = conversation.last_inbound_at = hearing.now
    if message.state is MessageState.NEW:
        is_awaited = conversation.ready_at is not None
        conversation.hear(hearing.tenant.pace, now)
        if not is_awaited:  # else somebody waits for it, and looks again when its time has come
            await _ring(hearing, conversation)
    await hearing.add(conversation, message)


async def _ring(hearing: Hearing, conversation: Conversation) -> None:
    in_s = ((conversation.ready_at or hearing.now) - hearing.now).total_seconds()
    bell = TurnDue(tenant_id=hearing.tenant.id, conversation_id=conversation.id, in_s=in_s)
    await hearing.work.outbox.say(bell)


async def _run_rules(hearing: Hearing, conversation: Conversation, message: Message) -> None:
    """Not for what nobody is to answer."""
    if message.state is MessageState.IGNORED or message.reason == "opted_out":
        return
    tenant, now = hearing.tenant, hearing.now
    is_closed = not tenant.business_hours.is_open(tenant.local(now))
    wrote = CustomerWrote(message.text, is_closed=is_closed)
    await run_rules(hearing.work, wrote, conversation=conversation, now=now)


async def _opt(hearing: Hearing, chat: Chat, message: Message) -> None:
    """Out: the bot says so once, and nothing more. In: it is glad."""
    customer, conversation = chat.customer, chat.conversation
    is_out = message.reason == "opted_out"
    if not (customer.opt_out(hearing.now) if is_out else customer.opt_in(hearing.now)):
        return
    await hearing.work.customers.save(customer)
    if is_out:
        conversation.interrupt()
        await hearing.work.messages.leave_to_person(conversation.id, reason="opted_out")
        await withdraw(hearing.work, conversation)
    phrase = Phrase.OPTED_OUT if is_out else Phrase.OPTED_IN
    language = customer.language or language_of(message.text) or hearing.tenant.language
    await hearing.say(conversation, said(phrase, language))
    what = "customer.opted_out" if is_out else "customer.opted_in"
    await hearing.work.timeline.note(conversation.id, what)


async def _is_being_sent(hearing: Hearing, conversation: Conversation, event: Said) -> bool:
    """Whether it is what the sender sent: its echo may be faster than its report, or nameless."""
    leaving = await hearing.work.messages.leaving(conversation.id)
    newest = await hearing.work.messages.newest(conversation.id, most=_ECHOED_AMONG)
    return bool(event.text) and any(
        _may_be_echoed(one) and event.text.strip() in one.text for one in (*leaving, *newest)
    )


def _may_be_echoed(message: Message) -> bool:
    """It is, or may be, on the customer's phone, and nobody knows under which id."""
    is_nameless = message.state is MessageState.SENT and not message.wa_ids
    return is_nameless or message.state in {MessageState.HANDED, MessageState.UNKNOWN}


def _is_person_still_there(hearing: Hearing, typed_at: datetime) -> bool:
    """Of what was typed so long ago that the bot would have the chat back, nothing follows."""
    rest = hearing.tenant.handback_after_s
    return not rest or hearing.now - typed_at < timedelta(seconds=rest)

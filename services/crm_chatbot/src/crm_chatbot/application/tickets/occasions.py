"""The occasions on which tickets open by themselves: always when somebody of the shop must act.

They open, and are resolved, in the transaction of what happened. Each has a reason, of which one is
open at a time. A suspended shop has nobody who would see to them: none opens.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import uuid5

from crm_chatbot.application.ports import Work
from crm_chatbot.application.tickets import clock
from crm_chatbot.application.tickets.opening import NewId, NewTicket, open_ticket
from crm_chatbot.domain.conversations.conversation import Conversation, TakeoverReason
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.concern import Concern
from crm_chatbot.domain.tickets.clock import Standing
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import OVER, Priority, Wanted

_R, _P, _ID, _EN = TakeoverReason, Priority, Language.INDONESIAN, Language.ENGLISH
#: Who opens and resolves them.
SYSTEM = "system"

HANDOVER, CONCERN, UNSENT, SESSION = "handover", "concern", "unsent", "session"
#: What WAHA says of a session that will not work again until somebody sees to it.
_BROKEN = frozenset({"FAILED", "STOPPED"})
_WORKING = "WORKING"
#: Of one conversation; more hand-overs than this are not open, whatever was merged.
_MOST = 50

#: Why somebody has to answer a chat, and how much it presses. Whoever took it over by API or phone
#: is there already.
_HANDOVERS: Mapping[TakeoverReason, tuple[Priority, Mapping[Language, str]]] = {
    _R.CUSTOMER: (
        _P.HIGH,
        {_ID: "Pelanggan minta dijawab orang", _EN: "A customer asks for a person"},
    ),
    _R.FAILURE: (
        _P.HIGH,
        {_ID: "Bot gagal menjawab pelanggan", _EN: "The bot failed to answer a customer"},
    ),
    _R.SAFETY: (
        _P.URGENT,
        {
            _ID: "Seseorang mungkin dalam bahaya: jawab sekarang",
            _EN: "Somebody may come to harm: answer now",
        },
    ),
    _R.LOOP: (
        _P.MEDIUM,
        {
            _ID: "Chat ini tampaknya dengan bot lain",
            _EN: "The other side of a chat seems to be a bot",
        },
    ),
    _R.BUDGET: (
        _P.MEDIUM,
        {
            _ID: "Jatah jawaban bot habis: pelanggan menunggu",
            _EN: "The bot's share of answers is spent: a customer waits",
        },
    ),
    _R.STALE: (
        _P.MEDIUM,
        {
            _ID: "Pesan pelanggan datang terlambat, belum dijawab",
            _EN: "A customer's messages came late, and are not answered",
        },
    ),
    _R.RULE: (
        _P.MEDIUM,
        {
            _ID: "Aturan toko meminta chat ini dijawab orang",
            _EN: "A rule of the shop calls a person to a chat",
        },
    ),
    _R.FLOOD: (
        _P.MEDIUM,
        {
            _ID: "Pesan pelanggan terlalu banyak untuk bot",
            _EN: "A customer wrote more than the bot can answer",
        },
    ),
}
_NOT_SENT: Mapping[Language, str] = {
    _ID: "Pesan ke pelanggan tidak terkirim",
    _EN: "A message to a customer could not be sent",
}
_BROKE: Mapping[Language, str] = {
    _ID: "WhatsApp terputus: sesi {session} {status}",
    _EN: "WhatsApp is down: session {session} is {status}",
}
_ANSWERED: Mapping[Language, str] = {
    _ID: "Percakapan dikembalikan ke bot.",
    _EN: "The conversation was handed back to the bot.",
}
_WORKS: Mapping[Language, str] = {
    _ID: "Sesi WhatsApp bekerja lagi.",
    _EN: "The WhatsApp session works again.",
}


async def handed_over(
    work: Work, conversation: Conversation, reason: TakeoverReason, *, now: datetime, new_id: NewId
) -> None:
    """The bot has fallen silent, and waits for a person: one ticket for the conversation."""
    if reason in _HANDOVERS and not conversation.is_forgotten:
        priority, subjects = _HANDOVERS[reason]
        wish = _about(conversation, HANDOVER, priority)
        await _open(work, wish, subjects, now=now, new_id=new_id)


async def handed_back(work: Work, conversation: Conversation, *, now: datetime) -> None:
    """Whoever was called has seen to it; of chats that became one, all that were called."""
    wanted = Wanted(conversation_id=conversation.id, statuses=frozenset(Status) - OVER)
    for ticket in await work.tickets.page(wanted, before=None, limit=_MOST):
        if ticket.reason is not None and ticket.reason.startswith(f"{HANDOVER}:"):
            await _resolve(work, ticket.reason, _ANSWERED, now=now)


async def unsent(work: Work, conversation: Conversation, *, now: datetime, new_id: NewId) -> None:
    """The sender gave a message up: the customer waits for what nobody will bring."""
    if not conversation.is_forgotten:
        wish = _about(conversation, UNSENT, _P.MEDIUM)
        await _open(work, wish, _NOT_SENT, now=now, new_id=new_id)


async def concern_raised(
    work: Work, concern: Concern, *, conversation: Conversation | None, now: datetime
) -> None:
    """Something about an order's money is to be decided."""
    wish = NewTicket(
        subject=f"{concern.facts.get('number', '?')}: {concern.sentence}",
        priority=_P.HIGH,
        conversation_id=None if conversation is None else conversation.id,
        customer_id=concern.customer_id,
        order_id=concern.order_id,
        reason=f"{CONCERN}:{concern.id}",
    )
    # One that is settled may be raised again: that is another ticket, with a number of its own.
    earlier = await work.tickets.page(Wanted(order_id=concern.order_id), before=None, limit=1)
    named = uuid5(concern.id, f"ticket after {[one.number for one in earlier]}")
    await _open(work, wish, now=now, new_id=lambda: named)


async def concern_settled(work: Work, concern: Concern, *, now: datetime) -> None:
    """By whoever settled it, in their own words."""
    words = dict.fromkeys(Language, concern.note)
    by = concern.settled_by or SYSTEM
    await _resolve(work, f"{CONCERN}:{concern.id}", words, now=now, by=by)


async def session_told(
    work: Work, session: str, status: str, *, now: datetime, new_id: NewId
) -> None:
    """A session that does not work any more is a ticket until it does again."""
    reason = f"{SESSION}:{session}"
    if status == _WORKING:
        await _resolve(work, reason, _WORKS, now=now)
    elif status in _BROKEN:
        subjects = {
            language: text.format(session=session, status=status)
            for language, text in _BROKE.items()
        }
        wish = NewTicket(subject="", priority=_P.HIGH, reason=reason)
        await _open(work, wish, subjects, now=now, new_id=new_id)


def _about(conversation: Conversation, kind: str, priority: Priority) -> NewTicket:
    """Its subject is said when it is known in which language."""
    return NewTicket(
        subject="",
        priority=priority,
        conversation_id=conversation.id,
        customer_id=conversation.customer_id,
        reason=f"{kind}:{conversation.id}",
    )


async def _open(
    work: Work,
    wish: NewTicket,
    subjects: Mapping[Language, str] | None = None,
    *,
    now: datetime,
    new_id: NewId,
) -> None:
    tenant = await work.tenants.get(work.tenant_id)
    if tenant.is_active:
        told = replace(wish, subject=subjects[tenant.language]) if subjects else wish
        await open_ticket(work, told, by=SYSTEM, now=now, new_id=new_id)


async def _resolve(
    work: Work, reason: str, words: Mapping[Language, str], *, now: datetime, by: str = SYSTEM
) -> None:
    """The one for this reason, if it is open."""
    ticket = await work.tickets.open_for(reason)
    if ticket is None:
        return
    language = (await work.tenants.get(work.tenant_id)).language
    was = Standing.of(ticket)
    ticket.move_to(Status.RESOLVED, now, by=by, resolution=words[language])
    await clock.follow(work, ticket, was, now=now)
    await work.tickets.save(ticket)
    if ticket.conversation_id is not None:
        await work.timeline.note(ticket.conversation_id, "ticket.resolved", number=ticket.number)

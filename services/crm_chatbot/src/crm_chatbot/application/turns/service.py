"""A claimed conversation, from what was heard to what is answered; nothing slow under a lock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.turns.answering import Agent, Books, Brief, Meter, Progress
from crm_chatbot.application.turns.closing import Closing
from crm_chatbot.application.turns.limits import has_had_its_share
from crm_chatbot.application.turns.media import (
    MediaReader,
    Senses,
    has_words,
    nothing_but_text,
    unheard_text,
)
from crm_chatbot.application.turns.patience import Patience
from crm_chatbot.application.turns.prompting import MOST_HISTORY, history_of
from crm_chatbot.application.turns.steps import limited_text
from crm_chatbot.application.turns.trouble import UNFORESEEN, Trouble, trouble_of
from crm_chatbot.domain.conversations.conversation import (
    Claim,
    Conversation,
    ConversationId,
    ConversationNotFound,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import Message, MessageState, TurnId
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.customers.speech import language_of
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.turns.turn import (
    MOST_MESSAGES,
    MOST_WAITING,
    NewerWords,
    Outcome,
    Turn,
    TurnLimits,
    TurnLost,
    TurnStatus,
)
from shared import logs
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import Clock
from shared.llm.chat import ChatMessage

log = logs.get()

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Remembered:
    """What was said up to, and with, the message at a place; as a model is told of it."""

    seq: int
    said: Sequence[ChatMessage]


class Histories(Protocol):
    """What was said lately in each conversation: a hint, which may be gone or out of date."""

    async def get(
        self, tenant_id: TenantId, conversation_id: ConversationId, /
    ) -> Remembered | None: ...

    async def put(
        self, tenant_id: TenantId, conversation_id: ConversationId, remembered: Remembered, /
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class TurnService:
    """Decides turns, one claimed conversation at a time. Knows nothing of models."""

    open_work: OpenWork
    agent: Agent
    histories: Histories
    closing: Closing
    patience: Patience
    now: Clock
    new_id: NewId
    read_media: MediaReader = nothing_but_text
    limits: TurnLimits = field(default_factory=TurnLimits)
    sleep: Sleep = asyncio.sleep

    async def answer(self, claim: Claim, books: Books) -> None:
        """Decide on what is unanswered, until that is recorded, or is somebody else's business."""
        restarts = 0
        while True:
            try:
                if await self._is_answered(claim, books, restarts=restarts):
                    return
                restarts += 1
            except DatabaseUnavailable:
                # What is decided so far is kept; whoever lost the claim meanwhile learns so.
                await self.sleep(0.5)
            except (TurnLost, ConversationNotFound):
                await self.suppress(claim, books)
                return

    async def suppress(self, claim: Claim, books: Books) -> None:
        """Somebody took the conversation over: what was being decided is nobody's any more."""
        await self.closing.suppress(claim, books)

    async def _is_answered(self, claim: Claim, books: Books, *, restarts: int) -> bool:
        """False when newer words came before anything was done: then it begins anew."""
        brief: Brief | None = None
        try:
            brief = await self._open(claim, books, restarts=restarts)
            if brief is None:
                return True
            async with self.patience.asked_for(brief):
                brief, progress = await self._decide(brief)
            return await self._close(brief, progress)
        except (DatabaseUnavailable, TurnLost, ConversationNotFound):
            raise
        except NewerWords:
            if brief is not None:
                await self.closing.supersede(brief)
            return False
        except Exception as error:
            trouble = trouble_of(error)
            if trouble.code == UNFORESEEN:
                log.exception("turn.failed", conversation_id=str(claim.conversation_id))
            await self._fail(claim, brief, trouble)
            return True

    async def _open(self, claim: Claim, books: Books, *, restarts: int) -> Brief | None:
        """Begin a turn, or go on with the one that was begun; None: there is nothing to answer."""
        known = await self.histories.get(claim.tenant_id, claim.conversation_id)
        async with self.open_work(claim.tenant_id) as work:
            conversation = await work.conversations.lock(claim.conversation_id)
            if conversation.epoch != claim.epoch or conversation.lease_worker is None:
                return None
            tenant = await work.tenants.get(claim.tenant_id)
            unanswered = await self._unanswered(work, conversation, tenant)
            turn, heard = await self._turn(work, claim, conversation, unanswered, restarts=restarts)
            if turn is None:
                return None
            history = await _history(work, conversation, turn, heard[0].seq, known)
            customer = await work.customers.get(conversation.customer_id)
            tally = await work.turns.tally(conversation.id)
        crash_point("turn.opened")
        is_new = turn.attempts == 1 and turn.id not in books
        meter = books.setdefault(turn.id, Meter(attempt=turn.attempts))
        now = self.now()
        return Brief(
            claim=claim,
            turn_id=turn.id,
            tenant=tenant,
            customer=customer,
            heard=heard,
            history=history,
            tally=tally,
            language=_language(tenant, customer, heard),
            now=now,
            age_s=(now - turn.started_at).total_seconds(),
            deadline=asyncio.get_running_loop().time() + self.limits.seconds,
            is_new=is_new,
            is_hopeless=turn.is_hopeless,
            is_swamped=len(unanswered) > MOST_WAITING,
            meter=meter,
        )

    async def _unanswered(
        self, work: Work, conversation: Conversation, tenant: Tenant
    ) -> Sequence[Message]:
        """Of too many, enough to tell that they are too many."""
        if not tenant.is_active:
            await work.messages.leave_to_person(conversation.id, reason="tenant_suspended")
        return await work.messages.unanswered(conversation.id, most=MOST_WAITING + 1)

    async def _turn(
        self,
        work: Work,
        claim: Claim,
        conversation: Conversation,
        unanswered: Sequence[Message],
        *,
        restarts: int,
    ) -> tuple[Turn | None, Sequence[Message]]:
        turn = await work.turns.running(conversation.id)
        heard = [one for one in unanswered if turn and turn.covers(one.seq)]
        if turn and not heard:
            await self.closing.drop(work, turn, TurnStatus.SUPPRESSED)
            turn = None
        if turn is None and not unanswered:
            conversation.settle()
            await work.conversations.save(conversation)
            return None, ()
        if turn is None:
            heard = [*unanswered[:MOST_MESSAGES]]
            turn = await self._begin(work, claim, heard, restarts=restarts)
        elif turn.epoch != claim.epoch:
            turn.take_up(claim.epoch)
            await work.turns.save(turn)
            facts = {"turn_id": turn.id, "attempt": turn.attempts}
            await work.timeline.note(conversation.id, "turn.taken_up", **facts)
        return turn, heard

    async def _begin(
        self, work: Work, claim: Claim, heard: Sequence[Message], *, restarts: int
    ) -> Turn:
        seqs = [message.seq for message in heard]
        turn = Turn.begin(
            TurnId(self.new_id()), claim, seqs=seqs, now=self.now(), restarts=restarts
        )
        await work.turns.add(turn)
        facts = {"turn_id": turn.id, "messages": len(heard), "restarts": restarts}
        what = "turn.restarted" if restarts else "turn.started"
        await work.timeline.note(claim.conversation_id, what, **facts)
        return turn

    async def _decide(self, brief: Brief) -> tuple[Brief, Progress]:
        """Outside any transaction: all that may take long; and what was taken in for it."""
        if (progress := _without_asking(brief)) is not None:
            return brief, progress
        brief = await self._taken_in(brief)
        return brief, await self._answer_to(brief)

    async def _answer_to(self, brief: Brief) -> Progress:
        if not has_words(brief):
            if Outcome.UNHEARD in brief.tally.outcomes:
                return Progress().decided(Outcome.SILENT, "")
            return Progress().decided(Outcome.UNHEARD, unheard_text(brief))
        return await self.agent(brief)

    async def _taken_in(self, brief: Brief) -> Brief:
        """With what can be told of pictures and voices."""
        brief = await Senses(open_work=self.open_work, read=self.read_media).take_in(brief)
        language = _language(brief.tenant, brief.customer, brief.heard)
        return replace(brief, language=language)

    async def _close(self, brief: Brief, progress: Progress) -> bool:
        """False when newer words came before anything was done: then it begins anew."""
        crash_point("turn.before_commit")
        closed = await self.closing.record(brief, progress)
        crash_point("turn.committed")
        if closed.remembered_until is not None:
            remembered = Remembered(closed.remembered_until, closed.history)
            await self.histories.put(brief.tenant.id, brief.claim.conversation_id, remembered)
        return not closed.is_superseded

    async def _fail(self, claim: Claim, brief: Brief | None, trouble: Trouble) -> None:
        """Try again later; if it will never work, say so and call a person."""
        is_put_off = await self.closing.put_off(claim, brief, trouble)
        if brief is not None and not is_put_off:
            await self.closing.record(brief, given_up(brief))


def _without_asking(brief: Brief) -> Progress | None:
    """What is decided before anybody is asked, if anything is."""
    if brief.is_hopeless:
        return given_up(brief)
    if brief.is_swamped:
        text = limited_text(brief, Phrase.SWAMPED, Outcome.SWAMPED)
        return Progress().decided(Outcome.SWAMPED, text, handover=TakeoverReason.FLOOD)
    if has_had_its_share(brief.tally, brief.tenant.limits):
        text = limited_text(brief, Phrase.TOO_MANY_TURNS)
        return Progress().decided(Outcome.LIMITED, text, handover=TakeoverReason.BUDGET)
    return None


def given_up(brief: Brief) -> Progress:
    """It failed again and again: a person has to."""
    text = said(Phrase.HANDED_OVER, brief.language)
    return Progress().decided(Outcome.GIVEN_UP, text, handover=TakeoverReason.FAILURE)


async def _history(
    work: Work, conversation: Conversation, turn: Turn, first_seq: int, known: Remembered | None
) -> Sequence[ChatMessage]:
    if known is not None and known.seq == first_seq - 1:
        return known.said
    newest = await work.messages.newest(conversation.id, most=MOST_HISTORY + MOST_MESSAGES)
    # Also what was said after the first of them was heard: an answer to those before it, perhaps;
    # but not that this answer takes long.
    return history_of(
        [one for one in newest if one.state is not MessageState.NEW and one.turn_id != turn.id]
    )


def _language(tenant: Tenant, customer: Customer, heard: Sequence[Message]) -> Language:
    """What they asked for, else what they write in, else what the shop speaks."""
    if customer.language:
        return customer.language
    written = (language_of(message.words) for message in reversed(heard))
    return next((language for language in written if language), tenant.language)

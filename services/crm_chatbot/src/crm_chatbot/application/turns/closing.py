"""The end of a turn, in one transaction: all of it is recorded, or none of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from crm_chatbot.application.conversations.moving import move_on
from crm_chatbot.application.conversations.outbound import hand_next, our_words
from crm_chatbot.application.conversations.takeover import NewId, take_over
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.turns.accounts import account
from crm_chatbot.application.turns.answering import Books, Brief, Decision, Progress
from crm_chatbot.application.turns.prompting import question, trimmed
from crm_chatbot.application.turns.trouble import Trouble
from crm_chatbot.domain.conversations.conversation import (
    Claim,
    Conversation,
    ConversationNotFound,
    Happening,
)
from crm_chatbot.domain.conversations.message import (
    Author,
    MessageId,
)
from crm_chatbot.domain.customers.speech import is_only_hello
from crm_chatbot.domain.turns.turn import Outcome, Turn, TurnLost, TurnStatus
from shared import metrics
from shared.contracts import TurnDue
from shared.domain import Clock
from shared.llm.chat import ChatMessage
from shared.llm.storable import storable

#: No pause between two tries is longer (seconds).
LONGEST_PAUSE_S = 60.0
#: As far as one looks for newer messages.
_MOST_NEWER = 50


@dataclass(frozen=True)
class Closed:
    """What became of it; `history` is what was said up to, and with, `remembered_until`."""

    is_superseded: bool = False
    remembered_until: int | None = None
    history: Sequence[ChatMessage] = ()


@dataclass(frozen=True, kw_only=True)
class Closing:
    """Records what turns came to, if their conversation is still theirs."""

    open_work: OpenWork
    now: Clock
    new_id: NewId
    #: how long the sender may be silent before it is asked again
    patience_s: float
    #: first pause after an error; doubles, with full jitter
    retry_base_s: float
    jitter: Callable[[], float]

    async def record(self, brief: Brief, progress: Progress) -> Closed:
        """Raises TurnLost when the conversation is somebody else's by now."""
        decision = progress.decision
        if decision is None:
            raise ValueError("nothing was decided")
        async with self.open_work(brief.tenant.id) as work:
            conversation, turn = await self._still_ours(work, brief.claim)
            await account(work, turn, brief, progress)
            unanswered = await work.messages.unanswered(conversation.id, most=_MOST_NEWER)
            rest = [message for message in unanswered if not turn.covers(message.seq)]
            is_final = decision.outcome in {Outcome.GIVEN_UP, Outcome.LIMITED, Outcome.SWAMPED}
            if not is_final and turn.gives_way_to([message.seq for message in unanswered]):
                await self.drop(work, turn, TurnStatus.SUPERSEDED)
                return Closed(is_superseded=True)
            # Not what was taken back meanwhile.
            covered = [message.seq for message in unanswered if turn.covers(message.seq)]
            await work.messages.cover(conversation.id, turn.id, seqs=covered)
            await self._answer(work, brief, conversation, turn, decision)
            conversation.answered([message.created_at for message in rest], brief.tenant.pace)
            await self._hand_over(work, brief, conversation, decision)
            await work.conversations.save(conversation)
            await self._announce(work, conversation)
            await hand_next(work, conversation, now=self.now(), patience_s=self.patience_s)
            closed = _closed(brief, conversation, decision, is_last=not rest)
        metrics.turns.labels(decision.outcome).inc()
        return closed

    async def supersede(self, brief: Brief) -> None:
        """Newer words came before anything was done: another turn takes this one's place."""
        async with self.open_work(brief.tenant.id) as work:
            _, turn = await self._still_ours(work, brief.claim)
            await account(work, turn, brief, Progress())
            await self.drop(work, turn, TurnStatus.SUPERSEDED)

    async def put_off(self, claim: Claim, brief: Brief | None, trouble: Trouble) -> bool:
        """Let it be tried again after a growing pause; False when it is to be given up."""
        metrics.turn_failures.labels(trouble.code).inc()
        async with self.open_work(claim.tenant_id) as work:
            conversation = await work.conversations.lock(claim.conversation_id)
            if conversation.epoch != claim.epoch:
                return True
            turn = await work.turns.running(conversation.id)
            failures = await self._count_failure(work, turn, brief, trouble)
            if turn and (turn.is_hopeless or not trouble.may_pass):
                return False
            pause = min(self.retry_base_s * 2**failures, LONGEST_PAUSE_S) * self.jitter()
            pause = min(max(pause, trouble.retry_after_s or 0.0), LONGEST_PAUSE_S)
            conversation.lease_worker = None
            conversation.ready_at = self.now() + timedelta(seconds=pause)
            await work.conversations.save(conversation)
            await self._announce(work, conversation)
        return True

    async def suppress(self, claim: Claim, books: Books) -> None:
        """Of what was being decided nothing remains but what it cost, and that it was."""
        metrics.fenced.labels("turn").inc()
        async with self.open_work(claim.tenant_id) as work:
            for turn_id, meter in books.items():
                await work.ledger.record(turn_id, meter.spent, meter.reservations)
            try:
                conversation = await work.conversations.lock(claim.conversation_id)
            except ConversationNotFound:
                return
            turn = await work.turns.running(conversation.id)
            reason = conversation.mode_reason if not conversation.is_answered_by_bot else "fenced"
            facts = {"turn_ids": [str(one) for one in books], "reason": reason}
            await work.timeline.note(conversation.id, "turn.suppressed", **facts)
            if turn and turn.epoch == claim.epoch:
                await self.drop(work, turn, TurnStatus.SUPPRESSED)

    async def _announce(self, work: Work, conversation: Conversation) -> None:
        """Whoever will answer the rest should know when."""
        if conversation.ready_at is None:
            return
        due = TurnDue(
            tenant_id=conversation.tenant_id,
            conversation_id=conversation.id,
            in_s=max(0.0, (conversation.ready_at - self.now()).total_seconds()),
        )
        await work.outbox.say(due)

    async def drop(self, work: Work, turn: Turn, status: TurnStatus) -> None:
        """End a turn that answers nothing."""
        turn.end(status, self.now())
        await work.turns.save(turn)
        await work.turns.forget_progress(turn.id)

    async def _still_ours(self, work: Work, claim: Claim) -> tuple[Conversation, Turn]:
        conversation = await work.conversations.lock(claim.conversation_id)
        turn = await work.turns.running(conversation.id)
        if conversation.epoch != claim.epoch or turn is None:
            raise TurnLost
        return conversation, turn

    async def _answer(
        self,
        work: Work,
        brief: Brief,
        conversation: Conversation,
        turn: Turn,
        decision: Decision,
    ) -> None:
        """The turn is over, the reply waits to leave, the conversation moves on."""
        now = self.now()
        turn.end(TurnStatus.COMMITTED, now, decision.outcome)
        await work.turns.save(turn)
        await work.turns.forget_progress(turn.id)
        facts = {"turn_id": turn.id, "outcome": decision.outcome, "messages": len(brief.heard)}
        await work.timeline.note(
            conversation.id, "turn.committed", **facts, findings=list(decision.findings)
        )
        if decision.outcome in {Outcome.UNHEARD, Outcome.SILENT}:
            await work.timeline.note(conversation.id, "media.unheard", turn_id=turn.id)
        if decision.outcome is Outcome.LIMITED:
            await work.timeline.note(conversation.id, "limit.reached", turn_id=turn.id)
        if decision.reply:
            await self._queue(work, conversation, turn, decision)
        await _listen(work, conversation, brief)

    async def _queue(
        self, work: Work, conversation: Conversation, turn: Turn, decision: Decision
    ) -> None:
        now = self.now()
        # A goodbye leaves although a person answers from here on; see conversations.takeover.
        author = Author.SYSTEM if decision.handover else Author.BOT
        message_id, text = MessageId(self.new_id()), storable(decision.reply)
        reply = our_words(conversation, message_id, text, author=author, now=now, turn_id=turn.id)
        await work.messages.add([reply])
        facts = {"message_id": reply.id, "turn_id": turn.id}
        await work.timeline.note(conversation.id, "message.queued", **facts)

    async def _hand_over(
        self, work: Work, brief: Brief, conversation: Conversation, decision: Decision
    ) -> None:
        if decision.handover:
            await take_over(
                work,
                conversation,
                decision.handover,
                now=self.now(),
                new_id=self.new_id,
                handback_after_s=brief.tenant.handback_after_s,
            )

    async def _count_failure(
        self, work: Work, turn: Turn | None, brief: Brief | None, trouble: Trouble
    ) -> int:
        if turn is None:
            return 0
        turn.failures += 1
        await work.turns.save(turn)
        if brief:
            await work.ledger.record(turn.id, brief.meter.spent, brief.meter.reservations)
        facts = {"turn_id": turn.id, "code": trouble.code, "failures": turn.failures}
        await work.timeline.note(turn.conversation_id, "turn.failed", **facts)
        return turn.failures - 1


async def _listen(work: Work, conversation: Conversation, brief: Brief) -> None:
    words = [message.words for message in brief.heard if message.words]
    if words and not all(map(is_only_hello, words)):
        await move_on(work, conversation, Happening.ASKED)


def _closed(
    brief: Brief, conversation: Conversation, decision: Decision, *, is_last: bool
) -> Closed:
    """What may be remembered, where nothing lies in between."""
    if not is_last or decision.handover:
        return Closed()
    said = [*brief.history, ChatMessage("user", question(brief))]
    if decision.reply:
        said.append(ChatMessage("assistant", decision.reply))
    is_whole = conversation.last_seq == brief.heard[-1].seq + bool(decision.reply)
    until = conversation.last_seq if is_whole else None
    return Closed(remembered_until=until, history=trimmed(said))

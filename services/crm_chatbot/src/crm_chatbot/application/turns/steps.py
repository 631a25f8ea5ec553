"""The steps of a turn: moderate, think, act, review; each takes what is known and adds to it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import orjson

from crm_chatbot.application.turns.answering import Brief, Progress, Stance
from crm_chatbot.application.turns.desk import Desk
from crm_chatbot.application.turns.facts import FactCheck, Objection
from crm_chatbot.application.turns.moderation import Verdict, VerdictUnreadable
from crm_chatbot.application.turns.prompting import conversation, question
from crm_chatbot.application.turns.tools.toolbox import (
    Toolbox,
    ToolContext,
    ToolResult,
    WantedCall,
    fingerprint,
    refused,
)
from crm_chatbot.domain.conversations.conversation import TakeoverReason
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.turns.guard import guarded
from crm_chatbot.domain.turns.turn import Outcome, TurnLimits
from shared.llm.budgets import BudgetExceeded
from shared.llm.chat import ChatMessage, ModelFailed, Reply, ToolCall
from shared.whatsapp.text import fit, formatted

#: Longer than this nobody waits for moderation.
VERDICT_WITHIN_S = 3.0
#: What a tool tells is cut here.
LONGEST_RESULT = 6_000
#: More calls than this are not even answered one by one.
_MOST_ECHOED = 20

_FIT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_ANSWER_NOW = (
    "Your tools were used as often as one answer may; what they told is below. Answer the "
    "customer now, in words, with what is known."
)


class Step(StrEnum):
    MODERATE = "moderate"
    THINK = "think"
    ACT = "act"
    REVIEW = "review"


def step_after(progress: Progress) -> Step:
    """What comes next, once moderation has been asked."""
    if progress.decision:
        return Step.REVIEW
    return Step.ACT if progress.pending else Step.THINK


@dataclass(frozen=True)
class Steps:
    """Stateless: all that a step needs to know is in the brief and in the progress."""

    desk: Desk
    toolbox: Toolbox
    check: FactCheck
    limits: TurnLimits = field(default_factory=TurnLimits)

    async def take(self, step: Step, brief: Brief, progress: Progress) -> Progress:
        """One of them; what it cost is part of what is known afterwards."""
        steps = {
            Step.MODERATE: self.moderate,
            Step.THINK: self.think,
            Step.ACT: self.act,
            Step.REVIEW: self.review,
        }
        # What it cost to take in the customer's pictures counts with the first of them.
        known = sum(one.attempt == brief.meter.attempt for one in progress.spent)
        taken = await steps[step](brief, progress)
        return replace(taken, spent=(*taken.spent, *brief.meter.spent[known:]))

    async def moderate(self, brief: Brief, progress: Progress) -> Progress:
        """Where moderation cannot be had, the turn goes on, but may change nothing."""
        try:
            verdict = await self._verdict(brief, question(brief))
        except BudgetExceeded:
            return _out_of_budget(brief, progress)
        if verdict is None:
            return replace(progress.found("moderation_unavailable"), stance=Stance.READ_ONLY)
        if verdict.is_allowed:
            return progress
        return _refused(brief, progress.found("moderation_refused"), verdict)

    async def think(self, brief: Brief, progress: Progress) -> Progress:
        """One model call."""
        used_up = progress.thoughts >= self.limits.model_calls
        if used_up or progress.tokens >= self.limits.tokens:
            return _fall_back(brief, progress.found("turn_limit"))
        try:
            async with asyncio.timeout_at(brief.deadline):
                reply = await self._ask(brief, progress)
        except TimeoutError:
            return _fall_back(brief, progress.found("turn_timeout"))
        except BudgetExceeded:
            return _out_of_budget(brief, progress)
        except ModelFailed as failed:
            if failed.code not in {"llm_bad_answer", "llm_rejected"}:
                raise
            reply = Reply(text="", provider="", model="")
        return self._heard(brief, replace(progress, thoughts=progress.thoughts + 1), reply)

    async def act(self, brief: Brief, progress: Progress) -> Progress:
        """One tool call."""
        call, *rest = progress.pending
        mark = fingerprint(call)
        occurrence = progress.done.count(mark)
        is_repeated = occurrence >= self.limits.repetitions - 1
        if is_repeated:
            result = refused("repeated_call")
        elif len(progress.done) >= self.limits.tool_calls:
            result = refused("too_many_tool_calls")
        else:
            wanted = WantedCall(call=call, occurrence=occurrence, stance=progress.stance)
            result = await self.toolbox.run(_context(brief), wanted)
        is_enough = is_repeated or len(progress.done) + 1 >= self.limits.tool_calls
        return replace(
            progress,
            pending=tuple(rest),
            done=(*progress.done, mark),
            said=(*progress.said, _tool_message(call, result)),
            handover=result.handover or progress.handover,
            stance=Stance.NONE if is_enough else progress.stance,
        )

    async def review(self, brief: Brief, progress: Progress) -> Progress:
        """What a model wrote is looked at once more before it leaves."""
        decision = progress.decision
        if decision is None or not decision.is_modelled:
            return progress
        looked = guarded(
            formatted(decision.reply),
            urls_from=[brief.tenant.prompt, *_results(progress)],
            numbers_from=[brief.tenant.prompt, *_results(progress), *_own_numbers(brief)],
            secret=await self.desk.rules(),
        )
        progress = progress.found(*looked.findings)
        if not looked.text:
            return _fall_back(brief, progress)
        if objection := await self.check(brief, progress, looked.text):
            return self._corrected(progress, objection)
        if brief.tenant.is_moderated and not await self._may_leave(brief, looked.text):
            return _refused(brief, progress.found("reply_refused"), Verdict(is_allowed=False))
        return progress.decided(decision.outcome, looked.text)

    async def _ask(self, brief: Brief, progress: Progress) -> Reply:
        messages = [*conversation(brief), *progress.said]
        tools = self.toolbox.offered(progress.stance)
        if progress.stance is Stance.NONE:
            # Not every provider takes calls in the history of a question that offers no tools.
            messages = [*conversation(brief), ChatMessage("user", _summary(progress))]
        return await self.desk.answer(brief, messages, tools)

    def _corrected(self, progress: Progress, objection: Objection) -> Progress:
        """The model may try once more; after that code chooses the words."""
        progress = progress.found(*objection.findings)
        if progress.was_corrected or progress.thoughts >= self.limits.model_calls:
            return progress.decided(_outcome(progress), objection.instead)
        wrong = progress.decision.reply if progress.decision else ""
        said_so = (ChatMessage("assistant", wrong), ChatMessage("user", objection.correction))
        return replace(progress, was_corrected=True, decision=None, said=(*progress.said, *said_so))

    def _heard(self, brief: Brief, progress: Progress, reply: Reply) -> Progress:
        if reply.tool_calls and progress.stance is not Stance.NONE:
            return self._calls(progress, reply)
        if words := reply.text.strip():
            return progress.decided(_outcome(progress), words)
        if not progress.was_empty:
            return replace(progress, was_empty=True)
        return _fall_back(brief, progress.found("empty_answer"))

    def _calls(self, progress: Progress, reply: Reply) -> Progress:
        """Take on as many as one answer may ask for; every other is told no."""
        taken: list[ToolCall] = []
        refusals: list[ChatMessage] = []
        echoed: list[ToolCall] = []
        seen = set(progress.ids)
        for place, said_call in enumerate(reply.tool_calls[:_MOST_ECHOED]):
            is_twice = said_call.id in seen
            call = _named(said_call, f"call-{len(progress.ids)}-{place}", is_twice=is_twice)
            seen |= {said_call.id, call.id}
            echoed.append(call)
            if is_twice:
                refusals.append(_tool_message(call, refused("duplicate_call_id")))
            elif len(taken) >= self.limits.calls_per_answer:
                refusals.append(_tool_message(call, refused("too_many_tool_calls")))
            else:
                taken.append(call)
        words = ChatMessage("assistant", reply.text, tool_calls=tuple(echoed))
        return replace(
            progress,
            said=(*progress.said, words, *refusals),
            pending=tuple(taken),
            ids=(*progress.ids, *(call.id for call in echoed)),
        )

    async def _verdict(self, brief: Brief, text: str) -> Verdict | None:
        """None where there is none to be had. Raises BudgetExceeded."""
        try:
            async with asyncio.timeout(VERDICT_WITHIN_S):
                return await self.desk.moderate(brief, text)
        except (TimeoutError, ModelFailed, VerdictUnreadable):
            return None

    async def _may_leave(self, brief: Brief, text: str) -> bool:
        try:
            verdict = await self._verdict(brief, text)
        except BudgetExceeded:
            return False
        return verdict is not None and verdict.is_allowed


def _outcome(progress: Progress) -> Outcome:
    return Outcome.HANDED_OVER if progress.handover else Outcome.ANSWERED


def _context(brief: Brief) -> ToolContext:
    return ToolContext(
        tenant_id=brief.tenant.id,
        customer_id=brief.customer.id,
        claim=brief.claim,
        turn_id=brief.turn_id,
        now=brief.now,
        language=brief.language,
        heard=brief.heard,
    )


def _named(call: ToolCall, own_id: str, *, is_twice: bool) -> ToolCall:
    """With an id that every provider takes back, and a name that is one."""
    fit_id = own_id if is_twice or not _FIT_ID.fullmatch(call.id) else call.id
    fit_name = call.name if _FIT_ID.fullmatch(call.name) else "unknown_tool"
    return replace(call, id=fit_id, name=fit_name)


def _tool_message(call: ToolCall, result: ToolResult) -> ChatMessage:
    told = fit(orjson.dumps(dict(result.told), default=str).decode())[:LONGEST_RESULT]
    return ChatMessage("tool", told, tool_call_id=call.id, name=call.name)


def _results(progress: Progress) -> Sequence[str]:
    return [message.text for message in progress.said if message.role == "tool"]


def _own_numbers(brief: Brief) -> Sequence[str]:
    """Numbers that this customer has, or has written themselves."""
    said_before = [message.text for message in brief.history if message.role == "user"]
    return [f"+{brief.customer.phone}", *said_before, *(one.words for one in brief.heard)]


def _summary(progress: Progress) -> str:
    results = [f"{one.name}: {one.text}" for one in progress.said if one.role == "tool"]
    corrections = [one.text for one in progress.said if one.role == "user"]
    return "\n".join([_ANSWER_NOW, *results, *corrections])


def _refused(brief: Brief, progress: Progress, verdict: Verdict) -> Progress:
    if verdict.is_danger:
        text = said(Phrase.IN_DANGER, brief.language)
        return progress.decided(Outcome.REFUSED, text, handover=TakeoverReason.SAFETY)
    return progress.decided(Outcome.REFUSED, said(Phrase.REFUSED, brief.language))


def _fall_back(brief: Brief, progress: Progress) -> Progress:
    """The model came to no end. The second time within an hour a person has to."""
    if progress.handover or Outcome.FALLBACK in brief.tally.outcomes:
        handover = progress.handover or TakeoverReason.FAILURE
        text = said(Phrase.HANDED_OVER, brief.language)
        return progress.decided(Outcome.FALLBACK, text, handover=handover)
    return progress.decided(Outcome.FALLBACK, said(Phrase.FAILED, brief.language))


def _out_of_budget(brief: Brief, progress: Progress) -> Progress:
    return progress.decided(
        Outcome.LIMITED, limited_text(brief, Phrase.BUDGET_SPENT), handover=TakeoverReason.BUDGET
    )


def limited_text(brief: Brief, phrase: Phrase, outcome: Outcome = Outcome.LIMITED) -> str:
    """Said once an hour; after that the person who was called is all there is to say."""
    return "" if outcome in brief.tally.outcomes else said(phrase, brief.language)

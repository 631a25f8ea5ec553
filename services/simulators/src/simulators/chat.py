"""A model provider's door: reads the question, asks the script, and answers or fails as told."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from simulators.dialect import Dialect, Unreadable, parse
from simulators.directives import Directives
from simulators.exchange import Answer, ClientGone, Exchange
from simulators.faults import Failure, act_out, cut
from simulators.journal import Entry, Journal
from simulators.model import ModelRule, Question, Reply, reply_to
from simulators.script import Script

AS_USUAL = ModelRule()


@dataclass(frozen=True)
class Models:
    """What all doors share: one script, one journal."""

    journal: Journal
    script: Script[ModelRule]
    directives: Directives

    def start_again(self, rules: Sequence[ModelRule]) -> None:
        """Follow these rules from now on, as if nothing had been asked before."""
        self.script.set(rules)
        self.directives.forget()

    def rule_for(self, provider: str, question: Question) -> ModelRule:
        """The script decides; where it is silent the prompt; else all goes well.

        Raises ValueError for a directive with a bad value.
        """
        rule = self.script.choose(lambda rule: rule.fits(provider, question))
        rule = rule or self.directives.read(question) or AS_USUAL
        if rule.break_with and not question.stream:
            return rule.model_copy(update={"status": rule.break_with})
        return rule


@dataclass(frozen=True)
class Visit:
    """One request at a door, and what can be said to it."""

    dialect: Dialect
    question: Question
    entry: Entry

    def refuse(self, failure: Failure) -> Answer:
        headers = [(self.dialect.request_id_header, self.entry.request_id.encode())]
        if failure.retry_after is not None:
            headers.append((b"retry-after", str(failure.retry_after).encode()))
        body = self.dialect.error(failure, self.entry.request_id)
        return Answer(
            status=failure.status,
            pieces=[body],
            headers=headers,
            outcome=f"status:{failure.status}",
        )

    def answer(self, rule: ModelRule) -> Answer:
        reply = reply_to(self.question, rule)
        if self.question.stream:
            return self._streamed(reply, rule)
        body = self.dialect.whole(self.question, reply, self.entry.request_id)
        return Answer(
            pieces=cut(body, rule.chunks or 1),
            headers=[(self.dialect.request_id_header, self.entry.request_id.encode())],
            outcome="garbage:empty" if reply.is_empty else "answered",
        )

    def _streamed(self, reply: Reply, rule: ModelRule) -> Answer:
        events = self.dialect.stream(self.question, reply, self.entry.request_id)
        outcome = "garbage:empty" if reply.is_empty else "answered"
        if rule.break_with:
            error = self.dialect.error_event(Failure(rule.break_with), self.entry.request_id)
            events = [*events[: len(events) // 2 + 1], error]
            outcome = f"broken:{rule.break_with}"
        return Answer(
            pieces=events,
            content_type=b"text/event-stream",
            headers=[(self.dialect.request_id_header, self.entry.request_id.encode())],
            is_stream=True,
            outcome=outcome,
        )


class ChatDoor:
    """An ASGI application that speaks one dialect."""

    def __init__(self, dialect: Dialect, models: Models) -> None:
        self._dialect = dialect
        self._models = models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        try:
            body = await exchange.body()
        except ClientGone:
            return
        question, failure = self._read(exchange, body)
        entry = self._models.journal.arrive(
            self._dialect.name,
            model=question.model,
            stream=question.stream,
            text=question.user,
            facts=question.facts,
        )
        try:
            outcome = await self._treat(exchange, Visit(self._dialect, question, entry), failure)
        except ClientGone:
            outcome = "abandoned"
        self._models.journal.finish(entry, outcome)

    def _read(self, exchange: Exchange, body: bytes) -> tuple[Question, Failure | None]:
        # Providers look at the key first, but the journal wants to know what was asked.
        refusal = self._dialect.refusal(exchange)
        try:
            return self._dialect.read(parse(body)), refusal
        except Unreadable as bad:
            return Question(), refusal or Failure(400, str(bad))

    async def _treat(self, exchange: Exchange, visit: Visit, failure: Failure | None) -> str:
        """Gives the outcome. Raises ClientGone."""
        rule = AS_USUAL
        if failure is None:
            try:
                rule = self._models.rule_for(self._dialect.name, visit.question)
            except ValueError as bad:
                failure = Failure(400, f"The simulator cannot read a directive: {bad}")
        if failure is not None:
            return await exchange.answer(visit.refuse(failure))
        return await act_out(exchange, rule, visit.refuse, lambda: visit.answer(rule))

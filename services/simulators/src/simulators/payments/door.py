"""The door of a payment API: knows the merchant, writes the journal, answers or fails as told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from simulators.exchange import Answer, ClientGone, Exchange, Header
from simulators.faults import Failure, act_out, cut
from simulators.payments.calls import Call, Operation, PaymentRule, Refused, refused_header
from simulators.payments.provider import Provider

AnyProvider = Provider[Any, Any]


def routes(provider: AnyProvider, operations: Sequence[Operation]) -> list[BaseRoute]:
    """Everything that a client finds under the provider's base URL."""
    return [
        Route(f"/{provider.name}{one.path}", Door(provider, one), methods=[one.method])
        for one in operations
    ]


@dataclass(frozen=True)
class Visit:
    """One call at the door, and what can be said to it."""

    provider: AnyProvider
    operation: Operation
    call: Call
    refused: Refused | None

    def work(self, rule: PaymentRule) -> Answer:
        if self.refused:
            return self.refusal(self.refused)
        try:
            reply = self.operation.act(self.call)
        except Refused as refused:
            return self.refusal(refused)
        content = orjson.dumps(reply.content)
        if rule.garbage == "empty":
            return self._answer(reply.status, [b"{}"], outcome="garbage:empty")
        return self._answer(reply.status, cut(content, rule.chunks or 1))

    def fail(self, failure: Failure) -> Answer:
        refused = self.provider.refuse(self.operation, failure)
        return self.refusal(refused, headers=refused_header(failure.retry_after))

    def refusal(self, refused: Refused, *, headers: Sequence[Header] = ()) -> Answer:
        said = refused.body.get("status_code") or refused.body.get("error_code") or refused.status
        answer = self._answer(
            refused.status, [orjson.dumps(refused.body)], outcome=f"status:{said}"
        )
        return replace(answer, headers=[*answer.headers, *headers])

    def _answer(self, status: int, pieces: Sequence[bytes], *, outcome: str = "answered") -> Answer:
        headers = self.provider.headers(self.call, self.operation)
        return Answer(status=status, pieces=pieces, headers=headers, outcome=outcome)


class Door:
    """An ASGI application for one operation."""

    def __init__(self, provider: AnyProvider, operation: Operation) -> None:
        self._provider = provider
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        try:
            content = await exchange.body()
        except ClientGone:
            return
        call = Call(
            name=self._operation.name,
            parameters=scope["path_params"],
            query=exchange.query,
            content=content,
            header=exchange.header,
        )
        await self._meet(exchange, call)

    async def _meet(self, exchange: Exchange, call: Call) -> None:
        provider = self._provider
        provider.clock.ring()
        refused = self._at_the_door(call)
        facts = provider.facts(call, self._operation)
        entry = provider.journal.arrive(
            provider.name, text=str(facts["reference"]), facts={**facts, "asked": call.asked}
        )
        visit = Visit(provider, self._operation, call, refused)
        rule = provider.rule_for(facts) if refused is None else PaymentRule()
        work = cache(lambda: visit.work(rule))
        if rule.in_effect:
            work()
        try:
            outcome = await act_out(exchange, rule, visit.fail, work)
        except ClientGone:
            outcome = "abandoned"
        provider.journal.finish(entry, outcome)

    def _at_the_door(self, call: Call) -> Refused | None:
        try:
            self._provider.admit(call, self._operation)
        except Refused as refused:
            return refused
        return None

"""The door of WAHA's API: checks the key, writes the journal, and answers or fails as told."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import orjson
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from simulators.exchange import Answer, ClientGone, Exchange
from simulators.faults import Failure, act_out, cut
from simulators.journal import Entry
from simulators.outside import NotFetched
from simulators.waha import accounts, reading, refusals, sending
from simulators.waha.calls import Call, Operation, Reply, parsed
from simulators.waha.refusals import Refused
from simulators.waha.rules import WahaRule
from simulators.waha.server import Waha

AS_USUAL = WahaRule()
OPERATIONS = (*accounts.OPERATIONS, *sending.OPERATIONS, *reading.OPERATIONS)


def routes(waha: Waha) -> list[BaseRoute]:
    """Everything that a client of WAHA finds under its base URL."""
    known = [Route(one.path, Door(waha, one), methods=[one.method]) for one in OPERATIONS]
    return [*known, Route("/api/{rest:path}", Nowhere())]


@dataclass(frozen=True)
class Visit:
    """One call at the door, and what can be said to it."""

    waha: Waha
    operation: Operation
    call: Call
    entry: Entry

    def work(self, rule: WahaRule) -> Answer:
        """Do what was asked; what came of it is in the journal before anybody hears of it."""
        try:
            reply = self.operation.act(self.waha, replace(self.call, acks=rule.acks))
        except Refused as refused:
            return refusal(refused)
        if reply.facts:
            self.waha.journal.note(self.entry, **reply.facts)
        return _answer(reply, rule)

    def refuse(self, failure: Failure) -> Answer:
        """A status that a script asked for, in WAHA's shape."""
        if failure.status < 500:
            refused = refusals.plain(failure.status, failure.message)
        else:
            engine = self.waha.engine_of(self.call.session_name)
            request = self.call.request()
            refused = refusals.broken(request, engine, failure.message, status=failure.status)
        answer = refusal(refused)
        if failure.retry_after is None:
            return answer
        return replace(answer, headers=[(b"retry-after", str(failure.retry_after).encode())])

    def trouble(self, rule: WahaRule) -> Answer:
        """What befalls this call, in WAHA's own words."""
        call = self.call
        if rule.trouble == "not_working":
            return refusal(refusals.not_as_expected(call.session_name, "STARTING", "WORKING"))
        details = refusals.details_of(rule.trouble or "stuck", call.chat_id)
        engine = self.waha.engine_of(call.session_name)
        return refusal(refusals.broken(call.request(), engine, details))


class Door:
    """An ASGI application for one operation."""

    def __init__(self, waha: Waha, operation: Operation) -> None:
        self._waha = waha
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        try:
            await self._meet(exchange, scope["path_params"])
        except ClientGone:
            return

    async def _meet(self, exchange: Exchange, parameters: Mapping[str, str]) -> None:
        call, refused = await self._read(exchange, parameters)
        entry = self._waha.journal.arrive("waha", text=call.text, facts=call.facts())
        try:
            if refused is None and call.file_url:
                call = replace(call, fetched=await self._waha.outside.fetch(call.file_url))
            visit = Visit(self._waha, self._operation, call, entry)
            outcome = await _treat(exchange, visit, refused)
        except NotFetched as failed:
            engine = self._waha.engine_of(call.session_name)
            why = refusals.broken(call.request(), engine, str(failed))
            outcome = await exchange.answer(refusal(why))
        except ClientGone:
            outcome = "abandoned"
        self._waha.journal.finish(entry, outcome)

    async def _read(
        self, exchange: Exchange, parameters: Mapping[str, str]
    ) -> tuple[Call, Refused | None]:
        """Raises ClientGone."""
        # The key comes first, but the journal wants to know what was asked.
        content = await exchange.body()
        refused = None if self._may_enter(exchange) else refusals.unauthorized()
        call = Call(
            name=self._operation.name,
            method=self._operation.method,
            path=exchange.path,
            parameters=parameters,
            query=exchange.query,
            accept=exchange.header(b"accept"),
        )
        try:
            return replace(call, body=parsed(content)), refused
        except Refused as unreadable:
            return call, refused or unreadable

    def _may_enter(self, exchange: Exchange) -> bool:
        if not self._operation.needs_key:
            return True
        given = exchange.header(b"x-api-key") or exchange.query.get("x-api-key", "")
        return secrets.compare_digest(given.encode(), self._waha.api_key.encode())


class Nowhere:
    """An ASGI application for what the simulator does not speak."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sentence = f"Cannot {scope['method']} {scope['path']}"
        await Exchange(scope, receive, send).answer(refusal(refusals.plain(404, sentence)))


def refusal(refused: Refused) -> Answer:
    return Answer(
        status=refused.status,
        pieces=[orjson.dumps(refused.body)],
        outcome=f"status:{refused.status}",
    )


async def _treat(exchange: Exchange, visit: Visit, refused: Refused | None) -> str:
    """Gives the outcome. Raises ClientGone."""
    if refused is not None:
        return await exchange.answer(refusal(refused))
    call = visit.call
    facts = {**call.facts(), "text": call.text}
    rule = visit.waha.script.choose(lambda rule: rule.fits(call.name, facts)) or AS_USUAL
    work = cache(lambda: visit.work(rule))
    if rule.in_effect:
        work()
    says = (lambda: visit.trouble(rule)) if rule.trouble else work
    return await act_out(exchange, rule, visit.refuse, says)


def _answer(reply: Reply, rule: WahaRule) -> Answer:
    if rule.garbage == "empty":
        return Answer(status=reply.status, pieces=[b""], outcome="garbage:empty")
    return Answer(
        status=reply.status,
        content_type=reply.content_type,
        pieces=cut(reply.body, rule.chunks or 1) or [b""],
    )

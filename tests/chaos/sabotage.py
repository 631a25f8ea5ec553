"""The mechanisms that keep the promises, each with a way to switch it off from outside.

A chaos test that stays green without the mechanism it is about proves nothing; so each has a
twin, which runs it with `Plan(off=[...])` and expects it to fail. What a switch changes must
exist, and a switch that was really met writes its name into AIP_SABOTAGE_JOURNAL: a twin that
goes red for another reason is found out.
"""

import asyncio
import dataclasses
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from tests.chaos.process import CRASHED

Change = Callable[[], None]
#: whatever the product has there: it is taken as found
Found = Any
Act = Callable[..., Found]

POISON = "[[poison]]"
FOR_EVER_S = 3_600.0


def struck(journal: Path) -> set[str]:
    """The names of the switches that were met."""
    return set(journal.read_text().split()) if journal.exists() else set()


def strike(name: str) -> None:
    """Note that a switch was met."""
    if journal := os.environ.get("AIP_SABOTAGE_JOURNAL"):
        with Path(journal).open("a") as file:
            file.write(f"{name}\n")


def replace(name: str, where: str, substitute: Act) -> None:
    """Put `substitute(original, *arguments)` in the place of `package.module:Class.method`."""
    module, _, path = where.partition(":")
    *owners, attribute = path.split(".")
    owner: Found = import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    original = getattr(owner, attribute)

    @wraps(original)
    def changed(*arguments: Any, **named: Any) -> Found:
        strike(name)
        return substitute(original, *arguments, **named)

    setattr(owner, attribute, changed)


def rewrite_sql(name: str, pattern: str, replacement: str) -> None:
    """Change every statement that matches, on its way to the driver."""
    compiled = re.compile(pattern)

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def rewrite(
        _connection: object,
        _cursor: object,
        statement: str,
        parameters: object,
        _context: object,
        _is_many: object,
    ) -> tuple[str, object]:
        rewritten, count = compiled.subn(replacement, statement)
        if count:
            strike(name)
        return rewritten, parameters


async def _nothing(_original: object, *_arguments: object, **_named: object) -> int:
    return 0


def _fencing() -> None:
    """A result counts whoever holds the run by now."""
    rewrite_sql(
        "fencing",
        r"AND run\.lease_token = new\.lease_token\s+AND run\.state = 'RUNNING'",
        "",
    )
    replace("fencing", "ai_engine.application.worker:Worker._drop", lambda *_: None)


def _takeover() -> None:
    """Nobody takes up what a dead worker held."""
    replace("takeover", "ai_engine.application.runs:RunService.take_over", _nothing)


def _crash_count() -> None:
    """A run that kills its worker is never suspected."""
    rewrite_sql(
        "crash_count", r"crash_attempts = (run\.)?crash_attempts \+ 1", "crash_attempts = 0"
    )


def _sweeper() -> None:
    """The gateway trusts the queue: it never asks again."""
    replace("sweeper", "gateway.application.jobs:JobService.sweep", _nothing)


def _idempotency() -> None:
    """A key is ignored."""

    def submit(original: Act, *arguments: Any, **named: Any) -> Found:
        return original(*arguments, **named | {"once": None})

    replace("idempotency", "gateway.application.jobs:JobService.submit", submit)


def _durable_accept() -> None:
    """The 202 comes first, the commit a second later."""
    pending = set[asyncio.Task[Any]]()

    async def submit(original: Act, self: Found, *arguments: Any, **named: Any) -> Found:
        known = self.new_id()
        alone = dataclasses.replace(self, new_id=lambda: known)

        async def later() -> None:
            await asyncio.sleep(1)
            await original(alone, *arguments, **named)

        pending.add(asyncio.create_task(later()))
        return import_module("gateway.application.jobs").Accepted(known, is_replay=False)

    replace("durable_accept", "gateway.application.jobs:JobService.submit", submit)


def _outbox() -> None:
    """What others must hear is sent after the commit, if there is an afterwards."""
    rewrite_sql("outbox", r"\(NULL::\w+\.outbox, CAST\(\$\d+ AS json\)\)", r"\g<0> WHERE false")
    rewrite_sql("outbox", "WHERE message_id IS NOT NULL", "WHERE false")


def _fallback() -> None:
    """RabbitMQ carries, or nobody does."""

    async def publish(_original: Act, carrier: Found, messages: Found) -> Found:
        return await carrier._rabbit.publish(messages)

    replace("fallback", "shared.infrastructure.carrier:Carrier.publish", publish)


def _patience() -> None:
    """A broker that does not answer is waited for."""

    async def wait(original: Act, self: Found, wanted: Found, *, within: float = 0) -> Found:
        return await original(self, wanted, within=FOR_EVER_S)

    replace("patience", "shared.infrastructure.amqp:Link.call", wait)
    replace("patience", "shared.infrastructure.amqp_publishing:Publisher.send", wait)


def _hints() -> None:
    """Whatever ails Redis is everybody's trouble, for as long as it lasts."""

    async def ask(
        _original: Act, hints: Found, question: Act, otherwise: Found, *, wait_s: float = 0
    ) -> Found:
        return await question(hints._watcher if wait_s else hints._client)

    replace("hints", "shared.infrastructure.redis:Hints._try", ask)


def _clock() -> None:
    """Each machine goes by its own."""

    def look(_original: Act, _clock: Found) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    replace("clock", "shared.infrastructure.database:DatabaseClock.__call__", look)


def _forward_only() -> None:
    """Any status may follow any other."""
    job = import_module("gateway.domain.job")
    for following in job.NEXT.values():
        following.update(job.JobStatus)
    strike("forward_only")


def _drain() -> None:
    """A process that is told to stop just stops, and hands nothing back."""

    async def stop(*_: object) -> None:
        os._exit(0)

    replace("drain", "ai_engine.application.worker:Worker.drain", stop)


def _deadline() -> None:
    """Neither the worker nor the gateway looks at the clock."""

    async def overdue(_original: Act, *_: object, **_named: object) -> tuple[()]:
        return ()

    def new_run(original: Act, heard: Found) -> Found:
        run = original(heard)
        return dataclasses.replace(run, deadline_at=run.deadline_at + timedelta(days=1))

    replace("deadline", "gateway.infrastructure.persistence:SqlJobs.overdue", overdue)
    replace("deadline", "ai_engine.interface.handlers:_new_run", new_run)


def _redelivery() -> None:
    """A callback that somebody has begun to send counts as delivered."""
    begun = "UPDATE gateway.callbacks SET state = 'DELIVERED', lease_token"
    rewrite_sql("redelivery", r"UPDATE gateway\.callbacks\s+SET lease_token", begun)


def _turn_takeover() -> None:
    """Conversations that a dead worker held are its own for ever."""

    async def claim(
        original: Act, self: Found, most: int, *, share: int, dead_after_s: float
    ) -> Found:
        del dead_after_s
        return await original(self, most, share=share, dead_after_s=FOR_EVER_S)

    mailboxes = "crm_chatbot.infrastructure.turns.mailbox_store:SqlMailboxes"
    replace("turn_takeover", f"{mailboxes}.claim", claim)


def _loop_brake() -> None:
    """Whoever writes on and on is taken for a person, and answered."""
    replace("loop_brake", "crm_chatbot.application.whatsapp.listening:may_loop", lambda *_: False)


def _crash_on_order() -> None:
    """Not a mechanism but a fault: to die at the crash point that a file names; once."""
    order = Path(os.environ.get("AIP_CRASH_ORDER", os.devnull))

    def crash_point(name: str) -> None:
        if order.exists() and order.read_text() == name:
            order.unlink()
            strike("crash_on_order")
            os._exit(CRASHED)

    points: Found = import_module("shared.crash_points")
    points.crash_point = crash_point


def _inspection() -> None:
    """A database that answers late is taken as it is."""

    async def look(original: Act, inspection: Found) -> bool:
        if await original(inspection):
            return True
        inspection._is_passed = True
        return True

    replace("inspection", "shared.infrastructure.inspection:Inspection.look", look)


def _hoard() -> None:
    """Not a mechanism but a fault: every body is kept."""
    kept: list[bytes] = []

    def parse(original: Act, raw: bytes) -> Found:
        kept.append(raw)
        return original(raw)

    replace("hoard", "shared.interface.strict_json:parse", parse)


def _poison() -> None:
    """Not a mechanism but a fault: a prompt that kills the process that works on it."""

    async def answer(original: Act, self: Found, run: Found, *rest: Any) -> Found:
        if POISON in run.question.prompt:
            os._exit(CRASHED)
        return await original(self, run, *rest)

    replace("poison", "ai_engine.application.worker:Worker._answer", answer)


def _blab() -> None:
    """Not a mechanism but a fault: every body is written into the log."""

    def parse(original: Act, raw: bytes) -> Found:
        sys.stderr.write(f"{raw!r}\n")
        return original(raw)

    replace("blab", "shared.interface.strict_json:parse", parse)


def _sealing() -> None:
    """Secrets are stored as they are."""

    def as_it_is(_original: Act, _vault: Found, content: bytes, _context: str) -> bytes:
        return content

    for method in ("encrypt", "decrypt"):
        replace("sealing", f"shared.infrastructure.secrets:Vault.{method}", as_it_is)


SABOTAGES: dict[str, Change] = {
    "blab": _blab,
    "clock": _clock,
    "crash_count": _crash_count,
    "crash_on_order": _crash_on_order,
    "deadline": _deadline,
    "drain": _drain,
    "durable_accept": _durable_accept,
    "fallback": _fallback,
    "fencing": _fencing,
    "forward_only": _forward_only,
    "hints": _hints,
    "hoard": _hoard,
    "idempotency": _idempotency,
    "inspection": _inspection,
    "loop_brake": _loop_brake,
    "outbox": _outbox,
    "patience": _patience,
    "poison": _poison,
    "redelivery": _redelivery,
    "sealing": _sealing,
    "sweeper": _sweeper,
    "takeover": _takeover,
    "turn_takeover": _turn_takeover,
}

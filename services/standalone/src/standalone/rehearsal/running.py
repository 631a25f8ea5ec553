"""A rehearsal: many dialogues at a time on one platform, each judged when nothing moves."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from standalone.pretend import PretendWorld
from standalone.promises import PromiseBroken, ask, until
from standalone.rehearsal.acting import act
from standalone.rehearsal.judging import differences
from standalone.rehearsal.script import Dialogue
from standalone.rehearsal.stage import Facts, Stage, Stages, Stock

OFFLINE = "offline"
#: A real model may think for as long as a turn may take, and then once more.
_PATIENCE_S, _PATIENCE_WITH_OTHERS_S = 30.0, 150.0
#: Less than any server here keeps a connection open that nobody uses.
_KEPT_S = 2.0
_BROKEN = (PromiseBroken, httpx.HTTPError)


@dataclass(frozen=True, kw_only=True)
class Performance:
    """How a dialogue went."""

    dialogue: Dialogue
    #: None: it did not come so far that anything could be known
    facts: Facts | None
    #: what should have been otherwise; empty: nothing
    faults: Sequence[str]
    seconds: float

    @property
    def is_well(self) -> bool:
        return not self.faults


Heard = Callable[[Performance], None]


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """On a running platform, with one model for all."""

    base_url: str
    world: PretendWorld
    config: str = OFFLINE
    #: so many at a time
    at_once: int = 8
    #: how long anybody waits for anything (seconds); None: as long as the model may take
    patience_s: float | None = None

    async def of(self, dialogues: Sequence[Dialogue], heard: Heard) -> Sequence[Performance]:
        """Every dialogue; `heard` is told of each. Raises PromiseBroken for an unknown config."""
        usual_s = _PATIENCE_S if self.config == OFFLINE else _PATIENCE_WITH_OTHERS_S
        limits = httpx.Limits(keepalive_expiry=_KEPT_S)
        async with (
            httpx.AsyncClient(base_url=self.base_url, timeout=30, limits=limits) as http,
            httpx.AsyncClient(base_url=self.world.url, timeout=30, limits=limits) as outside,
        ):
            await ask(http, "GET", f"/v1/llm-configs/{quote(self.config, safe='')}")
            stages = Stages(
                http=http,
                outside=outside,
                world=self.world,
                config=self.config,
                run=secrets.token_hex(3),
                patience_s=self.patience_s or usual_s,
            )
            room = asyncio.Semaphore(self.at_once)

            async def one(number: int, dialogue: Dialogue) -> Performance:
                async with room:
                    performance = await _performed(stages, dialogue, number)
                heard(performance)
                return performance

            numbered = enumerate(dialogues, start=1)
            return await asyncio.gather(*(one(*each) for each in numbered))


async def _performed(stages: Stages, dialogue: Dialogue, number: int) -> Performance:
    began = time.monotonic()
    facts: Facts | None = None
    faults: Sequence[str] = ()
    try:
        async with stages.stage(dialogue, number) as stage:
            before = await stage.stock()
            try:
                await act(stage, dialogue.steps)
            except _BROKEN as broken:
                faults = [_said(broken)]
            facts, differs = await _settled(stage, dialogue, before, is_well=not faults)
            faults = [*faults, *differs]
    except _BROKEN as broken:
        faults = [*faults, _said(broken)]
    seconds = time.monotonic() - began
    return Performance(dialogue=dialogue, facts=facts, faults=faults, seconds=seconds)


async def _settled(
    stage: Stage, dialogue: Dialogue, before: Stock, *, is_well: bool
) -> tuple[Facts, Sequence[str]]:
    """How it stands once all is as it must be; or, after a while, as it is."""

    async def agrees() -> tuple[Facts, Sequence[str]] | None:
        facts = await stage.facts()
        found = differences(dialogue, facts, before=before)
        return None if found else (facts, found)

    if is_well:
        try:
            return await until(agrees, "all is as it must be", within=stage.chat.patience_s / 2)
        except PromiseBroken:
            pass  # it is told below what differs
    facts = await stage.facts()
    return facts, differences(dialogue, facts, before=before)


def _said(broken: Exception) -> str:
    return str(broken) or type(broken).__name__

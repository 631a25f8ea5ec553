"""Kill -9, of whatever there is, in an order that a seed decides."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from tests.chaos.process import Process
from tests.chaos.stack import Stack
from tests.waiting import until

Strike = Callable[[Stack], Awaitable[None]]

#: until there is something to strike at: what was killed last may still be starting
PATIENCE_S = 60.0


async def havoc(
    stack: Stack, strikes: Sequence[Strike], *, seed: int, every: tuple[float, float]
) -> None:
    """One strike after the other, with a pause of `every[0]` to `every[1]` seconds before each."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    for strike in chance.sample(strikes, len(strikes)):
        await asyncio.sleep(chance.uniform(*every))
        await strike(stack)


async def kill_the_gateway(stack: Stack) -> None:
    """At the worst moment: a client has just been told that its job is accepted."""
    known = len(stack.ledger.job_ids)

    def is_told() -> bool:
        return len(stack.ledger.job_ids) > known

    await until(is_told, "a promise", within=PATIENCE_S, every=0.001)
    stack.gateways[0].kill()


async def kill_an_engine(stack: Stack) -> None:
    """While somebody waits for the model; each in its turn."""
    await until(
        lambda: any(call.outcome is None for call in stack.calls()), "work", within=PATIENCE_S
    )
    await _kill(min(stack.engines, key=lambda engine: len(engine.ends)))


async def kill_postgresql(stack: Stack) -> None:
    postgresql, keeper = stack.servers.postgresql, stack.servers.keeper
    await keeper.awaited(postgresql.stop())
    await keeper.awaited(postgresql.start())


async def kill_redis(stack: Stack) -> None:
    assert stack.redis is not None
    await stack.redis.stop()
    await stack.redis.start()


async def kill_the_broker(stack: Stack, *, wipe: bool = False) -> None:
    """It stays away; `revive_the_broker` is slow, and others can be killed meanwhile."""
    servers = stack.servers
    await servers.broker_keeper.awaited((await servers.broker()).kill(wipe=wipe))


async def revive_the_broker(stack: Stack) -> None:
    """With whatever it still has."""
    await stack.servers.broker()


async def _kill(process: Process) -> None:
    await until(lambda: process.is_running, f"{process.name} runs", within=PATIENCE_S)
    process.kill()

"""How a chaos test ends: nothing moves any more, and nothing in the tables breaks a rule."""

from shared.infrastructure.database import connect, sessions_of
from standalone import invariants
from tests.chaos.ledger import Report
from tests.chaos.stack import Stack
from tests.waiting import until

WAITING = """
    SELECT (SELECT count(*) FROM gateway.outbox)
         + (SELECT count(*) FROM ai_engine.outbox)
         + (SELECT count(*) FROM platform.messages WHERE dead_at IS NULL)
         + (SELECT count(*) FROM ai_engine.runs WHERE state <> 'DONE')"""
LOOKS_AT_REST = 5


async def broken(stack: Stack) -> dict[str, int]:
    """The product's own invariants that do not hold in what the test left behind."""
    engine = connect(stack.owner_url, pool_size=1)
    try:
        return await invariants.broken(sessions_of(engine))
    finally:
        await engine.dispose()


async def at_rest(stack: Stack, *, within: float = 30.0) -> Report:
    """For sabotage twins: the books, once nothing is on its way that could still end a job.

    With the sweeper on this may come true for a moment, long before the last job has ended.
    """
    looks = 0

    async def nothing_moves() -> bool:
        nonlocal looks
        [(waiting,)] = await stack.sql(WAITING)
        looks = 0 if waiting else looks + 1
        return looks == LOOKS_AT_REST

    await until(nothing_moves, "nothing is on its way", within=within, every=0.2)
    for job_id in tuple(stack.ledger.unfinished):
        await stack.client.look(job_id)
    return stack.ledger.report(everything=await stack.client.everything(), asked=stack.asked())

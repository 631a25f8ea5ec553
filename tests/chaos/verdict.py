"""How a chaos test ends: nothing in the tables breaks a rule; or, in a twin, jobs are forgotten."""

from shared.infrastructure.database import connect, sessions_of
from standalone import invariants
from tests.chaos.stack import Stack
from tests.waiting import until

KNOWN = """
    SELECT CAST(id AS text) FROM gateway.jobs WHERE status NOT IN ('QUEUED', 'PROCESSING')
     UNION ALL
    SELECT CAST(job_id AS text) FROM ai_engine.runs WHERE state <> 'DONE'
     UNION ALL
    SELECT convert_from(body, 'UTF8') FROM gateway.outbox
     UNION ALL
    SELECT convert_from(body, 'UTF8') FROM ai_engine.outbox
     UNION ALL
    SELECT convert_from(body, 'UTF8') FROM platform.messages WHERE dead_at IS NULL"""
LOOKS_ALIKE = 8


async def broken(stack: Stack) -> dict[str, int]:
    """The product's own invariants that do not hold in what the test left behind."""
    engine = connect(stack.owner_url, pool_size=1)
    try:
        return await invariants.broken(sessions_of(engine))
    finally:
        await engine.dispose()


async def forgotten(stack: Stack, *, within: float = 30.0) -> set[str]:
    """For twins without a sweeper: jobs that were promised, and that nobody will ever end.

    No table says that anybody is still to hear of them, and for a while nothing changes about it.
    Raises NotInTime when there are none.
    """
    before, looks = set[str](), 0

    async def stay_the_same() -> set[str]:
        nonlocal before, looks
        known = "\n".join(row[0] for row in await stack.sql(KNOWN))
        now = {job_id for job_id in stack.ledger.job_ids if job_id not in known}
        looks = looks + 1 if now == before else 0
        before = now
        return now if looks >= LOOKS_ALIKE else set[str]()

    return await until(stay_the_same, "jobs are forgotten", within=within, every=0.2)

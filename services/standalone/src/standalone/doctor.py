"""`ai-platform doctor`: is everything there, up to date, and true?"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.posture import posture
from standalone.invariants import REMEDIES, broken


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    is_well: bool
    what: str
    says: str


async def examine(base: Ground) -> AsyncGenerator[Finding]:
    """Look at dependencies first, then at what must hold. Ends early without PostgreSQL."""
    try:
        found = await posture(base.sessions)
    except DatabaseUnavailable as away:
        yield Finding(is_well=False, what="PostgreSQL", says=f"does not answer ({away})")
        return
    yield Finding(is_well=True, what="PostgreSQL", says=f"version {found.version}")
    # A database that is not synced to disk loses what was answered with 202.
    yield Finding(
        is_well=found.is_durable,
        what="durability",
        says="commits reach the disk" if found.is_durable else "commits may be LOST",
    )
    yield Finding(
        is_well=not (found.is_privileged and base.platform.is_production),
        what="database role",
        says="may do everything" if found.is_privileged else "neither owner nor superuser",
    )
    yield await _carrier(base)
    yield await _redis(base)
    offenders = await broken(base.sessions)
    for name, rows in offenders.items():
        remedy = f"; {REMEDIES[name]}" if name in REMEDIES else ""
        yield Finding(is_well=False, what="invariant", says=f"{name}: broken by {rows}{remedy}")
    if not offenders:
        yield Finding(is_well=True, what="invariants", says="all hold")


async def _carrier(base: Ground) -> Finding:
    if base.rabbit is None:
        return Finding(is_well=True, what="carrier", says="PostgreSQL carries the messages")
    reachable = await base.rabbit.is_reachable()
    says = "answers" if reachable else "does not answer: PostgreSQL carries meanwhile"
    return Finding(is_well=reachable, what="RabbitMQ", says=says)


async def _redis(base: Ground) -> Finding:
    if not base.hints.is_configured:
        return Finding(is_well=True, what="Redis", says="not used: no words while they are written")
    reachable = await base.hints.is_reachable()
    return Finding(is_well=reachable, what="Redis", says="answers" if reachable else "is away")

"""`ai-platform doctor`: is everything there, up to date, and true?"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from sqlalchemy import text

from shared.availability import DatabaseUnavailable
from shared.ground import Ground
from shared.infrastructure.database import transaction
from standalone.invariants import broken


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    is_well: bool
    what: str
    says: str


async def examine(base: Ground) -> AsyncGenerator[Finding]:
    """Look at dependencies first, then at what must hold. Ends early without PostgreSQL."""
    try:
        version, fsync, is_privileged = await _postgres(base)
    except DatabaseUnavailable as away:
        yield Finding(is_well=False, what="PostgreSQL", says=f"does not answer ({away})")
        return
    yield Finding(is_well=True, what="PostgreSQL", says=f"version {version}")
    # A database that is not synced to disk loses what was answered with 202.
    yield Finding(is_well=fsync, what="durability", says="fsync is on" if fsync else "fsync is OFF")
    yield Finding(
        is_well=not (is_privileged and base.platform.is_production),
        what="database role",
        says="owns or may do everything" if is_privileged else "neither owner nor superuser",
    )
    yield await _carrier(base)
    yield await _redis(base)
    offenders = await broken(base.sessions)
    for name, rows in offenders.items():
        yield Finding(is_well=False, what="invariant", says=f"{name}: broken by {rows}")
    if not offenders:
        yield Finding(is_well=True, what="invariants", says="all hold")


async def _postgres(base: Ground) -> tuple[str, bool, bool]:
    async with transaction(base.sessions) as session:
        row = (
            await session.execute(
                text("""
                    SELECT current_setting('server_version') AS version,
                           current_setting('fsync') = 'on'
                           AND current_setting('synchronous_commit') <> 'off' AS fsync,
                           rolsuper OR rolbypassrls OR pg_has_role(
                               (SELECT relowner FROM pg_class
                                 WHERE oid = 'gateway.jobs'::regclass), 'MEMBER') AS privileged
                      FROM pg_roles WHERE rolname = current_user""")
            )
        ).one()
    return row.version, row.fsync, row.privileged


async def _carrier(base: Ground) -> Finding:
    if base.infrastructure.rabbitmq_url is None:
        return Finding(is_well=True, what="carrier", says="PostgreSQL carries the messages")
    reachable = await base.transport.is_reachable()
    says = "answers" if reachable else "does not answer: PostgreSQL carries meanwhile"
    return Finding(is_well=reachable, what="RabbitMQ", says=says)


async def _redis(base: Ground) -> Finding:
    if not base.hints.is_configured:
        return Finding(is_well=True, what="Redis", says="not used: no words while they are written")
    reachable = await base.hints.is_reachable()
    return Finding(is_well=reachable, what="Redis", says="answers" if reachable else "is away")

"""Whether the database keeps what it promises, and whether we may do less than everything."""

from dataclasses import dataclass

from sqlalchemy import text

from shared.infrastructure.database import Sessions, transaction

_POSTURE = text("""
    SELECT current_setting('server_version') AS version,
           current_setting('fsync') = 'on'
           AND current_setting('synchronous_commit') <> 'off' AS is_durable,
           rolsuper OR rolbypassrls OR EXISTS (
               SELECT FROM pg_tables
                WHERE schemaname IN ('platform', 'gateway', 'ai_engine', 'crm', 'waha_sender')
                  AND pg_has_role(tableowner, 'MEMBER')) AS is_privileged
      FROM pg_roles WHERE rolname = current_user""")


@dataclass(frozen=True)
class Posture:
    """How the database was set up for us."""

    version: str
    #: what is committed survives a power cut
    is_durable: bool
    #: we are a superuser, bypass row-level security, or own the tables
    is_privileged: bool

    @property
    def refusal(self) -> str | None:
        """Why production must not run on this; None when it may."""
        if not self.is_durable:
            return "the database does not sync to disk (fsync or synchronous_commit is off)"
        if self.is_privileged:
            return "insecure_db_role: DATABASE_URL must not be a superuser's or the tables' owner's"
        return None


async def posture(sessions: Sessions) -> Posture:
    """Raises DatabaseUnavailable."""
    async with transaction(sessions) as session:
        row = (await session.execute(_POSTURE)).one()
    return Posture(row.version, row.is_durable, row.is_privileged)


async def refusal_of_risk(sessions: Sessions) -> str | None:
    """Why production must not run on this; None when it may. Raises DatabaseUnavailable."""
    return (await posture(sessions)).refusal

"""Leases across all tenants, through the few functions that may look there; ids only."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from shared.infrastructure.database import Sessions, one_statement, transaction
from waha_sender.application.deliveries import Claim


class SqlLeases:
    """Honours waha_sender.application.ports.Leases, on behalf of one worker."""

    def __init__(self, sessions: Sessions, worker_id: UUID) -> None:
        self._sessions = sessions
        self._worker_id = worker_id

    async def claim(
        self, most: int, /, *, share: int, in_hand: Sequence[UUID], patience_s: float
    ) -> Sequence[Claim]:
        facts = {
            "me": self._worker_id,
            "most": most,
            "share": share,
            "patience": patience_s,
            "in_hand": list(in_hand),
        }
        async with one_statement(self._sessions) as session:
            rows = await session.execute(
                text("""
                    SELECT tenant_id, message_id, part, lease_token FROM
                        waha_sender.claim_deliveries(:me, :most, :share, :patience, :in_hand)"""),
                facts,
            )
            return [Claim(row.tenant_id, row.message_id, row.part, row.lease_token) for row in rows]

    async def beat(self) -> None:
        async with one_statement(self._sessions) as session:
            await session.execute(
                text("""
                    INSERT INTO waha_sender.workers (id, beat_at)
                    VALUES (:me, clock_timestamp())
                    ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()"""),
                {"me": self._worker_id},
            )

    async def leave(self) -> None:
        async with one_statement(self._sessions) as session:
            await session.execute(
                text("DELETE FROM waha_sender.workers WHERE id = :me"), {"me": self._worker_id}
            )

    async def overdue(
        self, most: int, /, *, older_than_s: float, patience_s: float
    ) -> Sequence[tuple[UUID, UUID]]:
        async with one_statement(self._sessions) as session:
            rows = await session.execute(
                text("""
                    SELECT tenant_id, message_id
                      FROM waha_sender.overdue_messages(:age, :most, :patience)"""),
                {"age": older_than_s, "most": most, "patience": patience_s},
            )
            return [(row.tenant_id, row.message_id) for row in rows]

    async def forget(self, most: int, /, *, older_than_s: float) -> int:
        async with transaction(self._sessions) as session:
            await session.execute(
                text("""
                    DELETE FROM waha_sender.workers
                     WHERE beat_at < clock_timestamp() - interval '1 hour'""")
            )
            forgotten = await session.scalar(
                text("SELECT waha_sender.forget_deliveries(:age, :most)"),
                {"age": older_than_s, "most": most},
            )
        return int(forgotten or 0)

"""What is forgotten by its age alone, by functions of the database that tell how much it was."""

from sqlalchemy import text

from crm_chatbot.application.retention import Kept
from shared.infrastructure.database import Sessions, transaction

_CLEAR = {
    Kept.WEBHOOKS: text("SELECT crm.forget_webhooks(:age, :most)"),
    Kept.TIMELINES: text("SELECT crm.forget_timelines(:age, :most)"),
    Kept.CHECKPOINTS: text("SELECT crm.forget_checkpoints(:age, :most)"),
}


class SqlAttic:
    """Honours crm_chatbot.application.retention.Attic."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def clear(self, kept: Kept, most: int, /, *, older_than_s: float) -> int:
        async with transaction(self._sessions) as session:
            cleared = await session.scalar(_CLEAR[kept], {"age": older_than_s, "most": most})
        return int(cleared or 0)

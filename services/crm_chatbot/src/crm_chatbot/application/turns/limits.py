"""How much of the bot one chat may have: what a machine at the other end could cost."""

from crm_chatbot.domain.tenants.tenant import ReplyLimits
from crm_chatbot.domain.turns.turn import Tally


def has_had_its_share(tally: Tally, limits: ReplyLimits) -> bool:
    """Whether one more turn would be too many, within the last hour or day."""
    return (
        tally.turns_last_hour >= limits.turns_per_hour
        or tally.turns_last_day >= limits.turns_per_day
    )

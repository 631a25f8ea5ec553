"""A tenant: one merchant's shop, and how its bot is to behave."""

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)


@dataclass(frozen=True)
class Pace:
    """How long the bot waits for a customer to finish, in seconds."""

    #: since the last message
    quiet_s: float = 2.0
    #: since the first that is unanswered, whatever comes after it
    longest_s: float = 8.0

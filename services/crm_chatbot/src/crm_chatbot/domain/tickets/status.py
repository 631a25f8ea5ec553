"""How far tickets are: what boards have columns for."""

from enum import StrEnum


class Status(StrEnum):
    """In the order in which most tickets go through them."""

    OPEN = "open"  #: nobody has begun
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"  #: for the customer, or somebody else: its clock stands
    RESOLVED = "resolved"
    CLOSED = "closed"

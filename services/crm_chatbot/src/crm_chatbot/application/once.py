"""Requests that clients have given a name of their own: asked again, they change nothing more."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.domain import Invalid


class IdempotencyKeyReused(Invalid):
    message = "This Idempotency-Key was used before, for another request."


@dataclass(frozen=True)
class Once:
    """A client's own name for a request. `scope` keeps callers' and routes' names apart."""

    scope: str
    key: str
    #: of the validated request, so that spelling it differently is still the same request
    request_hash: str


class Idempotency(Protocol):
    """Which of a tenant's keys were used, and what was made for them; remembered for a day."""

    async def claim(self, once: Once, made_id: UUID, /) -> UUID:
        """Take the key for what is to be made, or learn the id of what was made for it before.

        Waits for a twin that is not decided yet. Raises IdempotencyKeyReused.
        """
        ...

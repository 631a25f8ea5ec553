"""Delivers webhooks: tried again when the sender's rules say so, from memory, in no order."""

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import urljoin

import aiohttp

from simulators.outside import Outside

RECENT_LIMIT = 10_000
#: redirects that ask for the same request elsewhere
_SAME_REQUEST = frozenset({307, 308})
_HOPS = 5

Outcome = Literal["running", "delivered", "gave up", "lost"]


@dataclass(kw_only=True)
class Delivery:
    """One letter on its way to one receiver."""

    event: str
    url: str
    request_id: str = field(default_factory=lambda: secrets.token_hex(10))
    began_at: float = field(default_factory=time.time)
    tries: int = 0
    #: the last answer's status; None if there was none
    status: int | None = None
    outcome: Outcome = "running"


DeliveryT = TypeVar("DeliveryT", bound=Delivery)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a try was no success."""

    #: None if there was no answer
    status: int | None = None
    #: what the receiver says of when to come back
    retry_after: str = ""
    timed_out: bool = False


class Letter(ABC, Generic[DeliveryT]):
    """One event for one receiver, and how its sender goes about it."""

    url: str
    event: str
    #: how long a receiver may take; None: for ever
    within_s: float | None = None
    #: follow every redirect as browsers do, or only those that repeat the request (307, 308)
    follows: Literal["every", "same request"] = "every"

    @property
    @abstractmethod
    def body(self) -> bytes: ...

    @abstractmethod
    def delivery(self) -> DeliveryT:
        """A record of it, to be filled in."""

    @abstractmethod
    def headers(self, delivery: DeliveryT) -> Mapping[str, str]: ...

    @abstractmethod
    def pause_s(self, tries: int, refusal: Refusal) -> float | None:
        """How long to wait before the next try; None gives up."""

    @abstractmethod
    def fresh(self) -> "Letter[DeliveryT]":
        """The same news in an event of its own, where the sender numbers events."""

    def ended(self, delivery: DeliveryT) -> None:
        """Told once, when nothing more will come of it."""


class Deliveries(Generic[DeliveryT]):
    """Everything that is on its way, and what became of the last ones."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._tasks = set[asyncio.Task[None]]()
        self.recent = deque[DeliveryT](maxlen=RECENT_LIMIT)

    @property
    def on_the_way(self) -> int:
        return len(self._tasks)

    def send(self, letter: Letter[DeliveryT], *, delay_s: float = 0.0) -> DeliveryT:
        delivery = letter.delivery()
        self.recent.append(delivery)
        self._start(self._deliver(letter, delivery, delay_s))
        return delivery

    def lose(self, letter: Letter[DeliveryT]) -> None:
        """It never leaves."""
        delivery = letter.delivery()
        delivery.outcome = "lost"
        self.recent.append(delivery)
        letter.ended(delivery)

    def forget(self) -> None:
        """As when the sender restarts: what was on its way is lost."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        self.forget()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(
        self, letter: Letter[DeliveryT], delivery: DeliveryT, delay_s: float
    ) -> None:
        headers = letter.headers(delivery)
        try:
            await asyncio.sleep(delay_s)
            while (refusal := await self._try(letter, delivery, headers)) is not None:
                pause_s = letter.pause_s(delivery.tries, refusal)
                if pause_s is None:
                    delivery.outcome = "gave up"
                    return
                await asyncio.sleep(pause_s)
            delivery.outcome = "delivered"
        except asyncio.CancelledError:
            delivery.outcome = "lost"
            raise
        finally:
            letter.ended(delivery)

    async def _try(
        self, letter: Letter[DeliveryT], delivery: DeliveryT, headers: Mapping[str, str]
    ) -> Refusal | None:
        """None when all is well."""
        delivery.tries += 1
        delivery.status = None
        try:
            async with asyncio.timeout(letter.within_s):
                status, retry_after = await self._post(letter, headers)
        except TimeoutError:
            return Refusal(timed_out=True)
        except (aiohttp.ClientError, OSError, ValueError):
            return Refusal()
        delivery.status = status
        return None if 200 <= status < 300 else Refusal(status=status, retry_after=retry_after)

    async def _post(self, letter: Letter[DeliveryT], headers: Mapping[str, str]) -> tuple[int, str]:
        url, hops = letter.url, 0
        every = letter.follows == "every"
        while True:
            async with self._outside.http.post(
                url, data=letter.body, headers=headers, allow_redirects=every
            ) as answer:
                await answer.read()
                place = answer.headers.get("Location")
                if answer.status not in _SAME_REQUEST or not place or hops == _HOPS:
                    return answer.status, answer.headers.get("Retry-After", "")
            url, hops = urljoin(url, place), hops + 1

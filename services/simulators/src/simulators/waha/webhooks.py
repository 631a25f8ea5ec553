"""Delivers events: signed, tried again on any refusal, from memory, in no order that counts."""

import asyncio
import hashlib
import hmac
import random
import secrets
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
import orjson

from simulators.waha.config import Retries, Webhook
from simulators.waha.engines import VERSION
from simulators.waha.outside import Outside

RECENT_LIMIT = 10_000
#: a try's answer when all is well
DELIVERED = None

Outcome = Literal["running", "delivered", "gave up", "lost"]


@dataclass
class Delivery:
    """One envelope on its way to one receiver."""

    session: str
    event: str
    envelope_id: str
    url: str
    payload_id: str = ""
    request_id: str = field(default_factory=lambda: secrets.token_hex(10))
    began_at: float = field(default_factory=time.time)
    tries: int = 0
    #: the last answer's status; None if there was none
    status: int | None = None
    outcome: Outcome = "running"


def sign(key: str, body: bytes) -> str:
    """What `X-Webhook-Hmac` holds."""
    return hmac.new(key.encode(), body, hashlib.sha512).hexdigest()


def pause(retries: Retries, attempt: int, *, jitter: float) -> float:
    """Seconds to wait after the `attempt`th try failed; `jitter` is between 0 and 0.2."""
    match retries.policy:
        case "linear":
            return attempt * retries.delay_s
        case "exponential":
            return float(2**attempt * retries.delay_s * (1 + jitter))
        case _:
            return retries.delay_s


class Deliveries:
    """Everything that is on its way, and what became of the last ones."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._tasks = set[asyncio.Task[None]]()
        self.recent = deque[Delivery](maxlen=RECENT_LIMIT)

    @property
    def on_the_way(self) -> int:
        return len(self._tasks)

    def send(
        self, webhook: Webhook, envelope: Mapping[str, Any], *, delay_s: float = 0.0
    ) -> Delivery:
        delivery = self.note(webhook, envelope)
        body = orjson.dumps(envelope)
        self._start(self._deliver(webhook, delivery, body, delay_s))
        return delivery

    def note(
        self, webhook: Webhook, envelope: Mapping[str, Any], *, outcome: Outcome = "running"
    ) -> Delivery:
        delivery = Delivery(
            session=envelope["session"],
            event=envelope["event"],
            envelope_id=envelope["id"],
            url=webhook.url,
            payload_id=str(envelope["payload"].get("id", "")),
            outcome=outcome,
        )
        self.recent.append(delivery)
        return delivery

    def forget(self) -> None:
        """As when WAHA restarts: what was on its way is lost."""
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
        self, webhook: Webhook, delivery: Delivery, body: bytes, delay_s: float
    ) -> None:
        retries = webhook.retries or Retries()
        headers = _headers(webhook, delivery, body)
        try:
            await asyncio.sleep(delay_s)
            while (told := await self._try(delivery, body, headers)) is not DELIVERED:
                if delivery.tries > retries.attempts:
                    delivery.outcome = "gave up"
                    return
                jitter = random.uniform(0, 0.2)  # noqa: S311 - spreads retries, keeps no secret
                await asyncio.sleep(_seconds(told) or pause(retries, delivery.tries, jitter=jitter))
            delivery.outcome = "delivered"
        except asyncio.CancelledError:
            delivery.outcome = "lost"
            raise

    async def _try(self, delivery: Delivery, body: bytes, headers: Mapping[str, str]) -> str | None:
        """DELIVERED, or what a receiver that refused says of when to come back."""
        delivery.tries += 1
        delivery.status = None
        try:
            async with self._outside.http.post(delivery.url, data=body, headers=headers) as answer:
                await answer.read()
                delivery.status = answer.status
                told = answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError, ValueError):
            return ""
        return DELIVERED if answer.ok and answer.status < 300 else told


def _headers(webhook: Webhook, delivery: Delivery, body: bytes) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"WAHA/{VERSION}",
        "X-Webhook-Request-Id": delivery.request_id,
        "X-Webhook-Timestamp": str(int(delivery.began_at * 1000)),
    }
    if webhook.key:
        headers["X-Webhook-Hmac"] = sign(webhook.key, body)
        headers["X-Webhook-Hmac-Algorithm"] = "sha512"
    return headers | {header.name: header.value for header in webhook.headers or ()}


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None

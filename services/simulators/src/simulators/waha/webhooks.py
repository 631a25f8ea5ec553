"""WAHA's webhooks: signed over what is sent, and tried again on any refusal."""

import hashlib
import hmac
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from simulators.posting import Delivery as AnyDelivery
from simulators.posting import Letter, Refusal
from simulators.waha import names
from simulators.waha.config import Retries, Webhook
from simulators.waha.engines import VERSION


@dataclass(kw_only=True)
class Delivery(AnyDelivery):
    """One envelope on its way to one receiver."""

    session: str
    envelope_id: str
    payload_id: str = ""


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


class Envelope(Letter[Delivery]):
    """An event as one webhook gets it."""

    def __init__(self, webhook: Webhook, content: Mapping[str, Any]) -> None:
        self.url = webhook.url
        self.event = content["event"]
        self._webhook = webhook
        self._content = content
        self._body = orjson.dumps(content)

    @property
    def body(self) -> bytes:
        return self._body

    def fresh(self) -> "Envelope":
        return Envelope(self._webhook, {**self._content, "id": names.new_event_id()})

    def delivery(self) -> Delivery:
        return Delivery(
            event=self.event,
            url=self.url,
            session=self._content["session"],
            envelope_id=self._content["id"],
            payload_id=str(self._content["payload"].get("id", "")),
        )

    def headers(self, delivery: Delivery) -> Mapping[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"WAHA/{VERSION}",
            "X-Webhook-Request-Id": delivery.request_id,
            "X-Webhook-Timestamp": str(int(delivery.began_at * 1000)),
        }
        if self._webhook.key:
            headers["X-Webhook-Hmac"] = sign(self._webhook.key, self._body)
            headers["X-Webhook-Hmac-Algorithm"] = "sha512"
        return headers | {header.name: header.value for header in self._webhook.headers or ()}

    def pause_s(self, tries: int, refusal: Refusal) -> float | None:
        retries = self._webhook.retries or Retries()
        if tries > retries.attempts:
            return None
        jitter = random.uniform(0, 0.2)  # noqa: S311 - spreads retries, keeps no secret
        return _seconds(refusal.retry_after) or pause(retries, tries, jitter=jitter)


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() else None

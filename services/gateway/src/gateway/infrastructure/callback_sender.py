"""Signed callbacks over HTTP (Standard Webhooks), never into our own network."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence

from gateway.application.ports import CallbackSender
from gateway.application.rendering import as_bytes, job_view, webhook_id
from gateway.domain.callback import Callback, Verdict
from gateway.domain.job import Job
from gateway.infrastructure.callback_secrets import SqlCallbackSecrets
from shared.infrastructure.guarded_http import BlockedAddress, GuardedClient, Unreachable

LONGEST_RETRY_AFTER_S = 3_600.0


class SignedSender(CallbackSender):
    """Honours gateway.application.ports.CallbackSender."""

    def __init__(self, client: GuardedClient, secrets: SqlCallbackSecrets) -> None:
        self._client = client
        self._secrets = secrets

    async def send(self, callback: Callback, job: Job, /) -> Verdict:
        body = as_bytes(
            {
                "type": f"job.{job.status.lower()}",
                "timestamp": job.updated_at,
                "data": job_view(job),
            }
        )
        keys = await self._secrets.signing(callback.owner)
        headers = signed(webhook_id(callback), int(time.time()), body, keys)
        try:
            answer = await self._client.post(callback.url, body, headers)
        except BlockedAddress:
            return Verdict("callback_blocked")
        except Unreachable as failure:
            return Verdict(failure.reason)
        if 200 <= answer.status < 300:
            return Verdict(None, answer.status)
        return Verdict(
            "refused", answer.status, retry_after_s=seconds_in(answer.headers.get("Retry-After"))
        )


def signed(message_id: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of one try; the timestamp is that of the try, every valid key signs.

    Source: the Standard Webhooks specification, "Webhook Metadata" and "Signature scheme".
    """
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    signatures = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)) for key in keys)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature.decode()}" for signature in signatures),
    }


def seconds_in(retry_after: str | None) -> float | None:
    # The other form, an HTTP date, depends on the receiver's clock: our own pauses will do.
    if retry_after is None or not retry_after.isascii() or not retry_after.isdecimal():
        return None
    return min(float(retry_after), LONGEST_RETRY_AFTER_S)

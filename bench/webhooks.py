"""The load of WhatsApp: signed webhooks at a steady rate, whoever is slow to answer them."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

from bench.connection import Connection, connected

Json = dict[str, Any]

#: Whoever says the same again and again is taken for a bot, and answered no more.
_WORDS = (
    "halo kak, buka jam berapa?",
    "kopi gayo ada?",
    "yang 250 gram berapa?",
    "bisa kirim ke Bandung?",
    "do you have beans from Toraja?",
    "ongkirnya berapa kak",
    "kalau dua ada diskon?",
)


async def webhooks(plan: Json) -> Json:
    """One webhook every so often, from the next phone each; when it was sent, how long it took.

    Open loop: one that is answered late does not put off the next, as long as a connection is left.
    """
    took, sent = list[float](), list[tuple[str, float]]()
    pause_s = 1 / plan["per_second"]
    async with connected(plan["url"], plan["connections"]) as connections:
        free = asyncio.Queue[Connection]()
        for connection in connections:
            free.put_nowait(connection)

        async def post(number: int, due: float) -> None:
            phone = plan["phones"][number % len(plan["phones"])]
            nth = number // len(plan["phones"])
            body = envelope(
                plan["session"], phone, f"{plan['run']}{number:08}", _WORDS[nth % len(_WORDS)]
            )
            connection = await free.get()
            sent.append((phone, time.time()))
            answer = await connection.post(plan["path"], body, headers=_signed(plan["key"], body))
            took.append((time.perf_counter() - due) * 1_000)
            free.put_nowait(connection)
            if answer.status != 200:
                raise RuntimeError(f"a webhook was answered {answer.status}: {answer.body[:300]!r}")

        began = time.perf_counter()
        async with asyncio.TaskGroup() as posting:
            for number in range(plan["count"]):
                due = began + number * pause_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                posting.create_task(post(number, due))
    return {"milliseconds": took, "sent": sent}


def envelope(session: str, phone: str, stanza: str, words: str) -> bytes:
    """A message as WAHA (GOWS) tells of it."""
    chat, now = f"{phone}@c.us", time.time()
    payload = {
        "id": f"false_{chat}_3EB0{stanza}",
        "timestamp": int(now),
        "from": chat,
        "fromMe": False,
        "source": "app",
        "to": None,
        "participant": None,
        "body": words,
        "hasMedia": False,
        "media": None,
        "ack": 2,
        "ackName": "DEVICE",
        "location": None,
        "vCards": [],
        "replyTo": None,
        "_data": {"Info": {"PushName": "Budi"}},
    }
    told = {
        "id": f"evt_{stanza.lower()}",
        "timestamp": int(now * 1_000),
        "event": "message.any",
        "session": session,
        "metadata": {},
        "me": {"id": "6281100000001@c.us", "pushName": "Toko"},
        "payload": payload,
        "engine": "GOWS",
        "environment": {"version": "2026.7.1", "engine": "GOWS", "tier": "CORE"},
    }
    return json.dumps(told, separators=(",", ":")).encode()


def _signed(key: str, body: bytes) -> str:
    made = hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
    return f"x-webhook-hmac: {made}\r\nx-webhook-hmac-algorithm: sha512\r\n"

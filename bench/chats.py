"""WhatsApp: how fast webhooks are answered and replies leave, and how many chats wait at a time."""

import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.asking import asked
from bench.figures import Goal, Row, at_most
from bench.measuring import Bench, in_turn, load_on
from bench.processes import Process, free_port, python, running
from bench.servers import Place
from simulators.journal import Entry, Journal
from simulators.waha.server import API_KEY

SESSION = "bench"
MODEL_S = 2.0
PER_SECOND = 200
#: everybody of the busy hour
BUSY_PHONES = 400
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Chatbot:
    """A shop on WhatsApp: the platform's two services, and a pretend WAHA."""

    url: str
    path: str
    key: str
    journal: Path

    def webhooks(
        self, phones: list[str], *, count: int, per_second: float, connections: int = 32
    ) -> dict[str, Any]:
        plan: dict[str, Any] = {"path": self.path, "key": self.key, "session": SESSION}
        plan |= {"phones": phones, "connections": connections}
        how_many = {"count": count, "per_second": per_second, "run": secrets.token_hex(6).upper()}
        return load_on("webhooks", self.url, "crm_chatbot", **plan, **how_many)

    def sent_to(self, phones: list[str]) -> Mapping[str, float]:
        """When the first text for each of them reached WAHA, once there is one for all."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            first = dict[str, float]()
            for call in self._sent():
                first.setdefault(str(call.facts["chat"]).partition("@")[0], call.arrived_at)
            if first.keys() >= set(phones):
                return {phone: first[phone] for phone in phones}
            if time.monotonic() > deadline:
                missing = len(set(phones) - first.keys())
                raise RuntimeError(f"{missing} of {len(phones)} were not answered")
            time.sleep(0.2)

    def count_sent(self) -> int:
        return len(self._sent())

    def _sent(self) -> list[Entry]:
        """What WAHA was asked to send."""
        return [call for call in Journal.read(self.journal) if call.facts.get("call") == "sendText"]


def whatsapp(bench: Bench) -> list[Row]:
    """Three loads on one shop, each with customers of its own."""
    rows = list[Row]()
    with chatbot(bench, model_s=0.0, quiet_s=0.0) as quick:
        _replies(bench, quick)  # warms everything up
        found = in_turn(bench, "webhook to send, ms", {"platform": partial(_replies, bench, quick)})
        rows.append(_row("webhook to send p50, idle, 0 ms model", "ms", found, at_most(150, "ms")))
    with chatbot(bench, model_s=0.5, quiet_s=2.0) as busy:
        _warmed_up(busy)
        _busy_hour(bench, busy)
        replies = list[float]()
        measure = partial(_webhooks, bench, busy, replies)
        found = in_turn(bench, "webhook p99, ms", {"platform": measure})
        what = f"webhook answered p99, {PER_SECOND}/s, worker busy"
        rows.append(_row(what, "ms", found, at_most(150, "ms")))
        rows.append(_row("... replies meanwhile", "/s", {"platform": replies}, None))
    with chatbot(bench, model_s=MODEL_S, quiet_s=0.0) as slow:
        found = in_turn(bench, "slow chats, s", {"platform": partial(_slow_chats, bench, slow)})
        what = f"{bench.scale.chats:,} chats on {MODEL_S:g} s models, one worker: slowest reply"
        rows.append(_row(what, "s", found, None))
    return rows


def _row(what: str, unit: str, found: Mapping[str, list[float]], goal: Goal | None) -> Row:
    return Row(what, unit, found["platform"], goal=goal)


def _replies(bench: Bench, shop: Chatbot) -> float:
    """The median from the webhook to WAHA's `sendText`, one chat after the other."""
    phones = _phones(bench.scale.replies)
    # Few connections: one that is idle for five seconds is closed by the server.
    seen = shop.webhooks(phones, count=len(phones), per_second=4, connections=4)
    sent = dict(seen["sent"])
    heard = shop.sent_to(phones)
    return median((heard[phone] - sent[phone]) * 1_000 for phone in phones)


def _webhooks(bench: Bench, shop: Chatbot, replies: list[float]) -> float:
    """While those are answered who wrote in the round before, and some of these."""
    before = shop.count_sent()
    took = _busy_hour(bench, shop)
    replies.append((shop.count_sent() - before) / bench.scale.webhook_s)
    if not replies[-1]:
        raise RuntimeError("nobody was answered meanwhile: the worker was not busy")
    return quantiles(took, n=100)[98]


def _warmed_up(shop: Chatbot) -> None:
    """The first turn of a process imports what turns are made of."""
    phones = _phones(4)
    shop.webhooks(phones, count=len(phones), per_second=4, connections=4)
    shop.sent_to(phones)


def _busy_hour(bench: Bench, shop: Chatbot) -> list[float]:
    count = round(bench.scale.webhook_s * PER_SECOND)
    took = shop.webhooks(_phones(BUSY_PHONES), count=count, per_second=PER_SECOND)["milliseconds"]
    return list(took)


def _slow_chats(bench: Bench, shop: Chatbot) -> float:
    """The longest that any of them waits for its reply, the model's own time included."""
    phones = _phones(bench.scale.chats)
    sent = dict(shop.webhooks(phones, count=len(phones), per_second=500)["sent"])
    heard = shop.sent_to(phones)
    return max(heard[phone] - sent[phone] for phone in phones)


def _phones(count: int) -> list[str]:
    """People who have never written before."""
    first = 62_800_000_000 + secrets.randbelow(10**9) * 10
    return [str(first * 10 + number) for number in range(count)]


@contextmanager
def chatbot(bench: Bench, *, model_s: float, quiet_s: float) -> Generator[Chatbot]:
    """A shop, open; the processes end with the block."""
    with bench.servers.place("whatsapp") as place:
        ports = {name: free_port() for name in ("crm", "sender", "waha")}
        journal = bench.directory / f"{place.name}.waha.jsonl"
        waha = _waha(bench, place, ports["waha"], journal)
        environment = _environment(bench, place, ports["waha"], model_s)
        words = _words(ports["crm"])
        crm = _process(bench, place, "crm_chatbot", words, environment, ports["crm"])
        sender = _process(
            bench,
            place,
            "waha_sender",
            python("waha_sender.main"),
            environment | {"PORT": str(ports["sender"])},
            ports["sender"],
        )
        with running(waha, crm, sender):
            url = f"http://127.0.0.1:{ports['crm']}"
            yield _opened(url, journal, quiet_s)


def _waha(bench: Bench, place: Place, port: int, journal: Path) -> Process:
    words = ["simulators.main", "--port", str(port), "--journal", str(journal)]
    words += ["--waha-session", SESSION]
    log = bench.directory / f"{place.name}.waha.log"
    return Process("waha", python(*words), {}, log, f"http://127.0.0.1:{port}/health")


def _environment(bench: Bench, place: Place, waha: int, model_s: float) -> dict[str, str]:
    return {
        "DATABASE_URL": place.database_url,
        "RABBITMQ_URL": place.rabbitmq_url,
        "REDIS_URL": place.redis_url,
        "RABBITMQ_TASK_QUEUE": place.queue("tasks"),
        "RABBITMQ_RESULT_QUEUE": place.queue("results"),
        "RABBITMQ_CRM_QUEUE": place.queue("crm"),
        "RABBITMQ_WA_QUEUE": place.queue("wa"),
        "RABBITMQ_WA_RESULT_QUEUE": place.queue("wa_results"),
        "WAHA_SERVER_URL": f"http://127.0.0.1:{waha}",
        "WAHA_API_KEY": API_KEY,
        "WA_PACING": "false",
        "OFFLINE_DELAY_S": str(model_s),
        "DATA_DIR": str(bench.directory / "data"),
        "LOG_LEVEL": "WARNING",
    }


def _words(port: int) -> list[str]:
    return python("uvicorn", "crm_chatbot.main:app", "--port", str(port), "--no-access-log")


def _process(
    bench: Bench,
    place: Place,
    name: str,
    words: list[str],
    environment: Mapping[str, str],
    port: int,
) -> Process:
    log = bench.directory / f"{place.name}.{name}.log"
    return Process(name, words, environment, log, f"http://127.0.0.1:{port}/health/ready")


def _opened(url: str, journal: Path, quiet_s: float) -> Chatbot:
    """Open the shop, and say where its webhooks go."""
    wishes = {
        "name": "Bench",
        "llm_config": "offline",
        "pace": {"quiet_s": quiet_s, "longest_s": quiet_s * 4},
        "limits": {"turns_per_hour": 10_000, "turns_per_day": 10_000},
    }
    tenant = asked(f"{url}/v1/crm/tenants", wishes)
    place = f"{url}/v1/crm/tenants/{tenant['id']}/whatsapp"
    asked(place, {"session": SESSION}, method="PUT")
    made = asked(f"{place}/webhook-secret", method="POST")
    return Chatbot(url, f"/v1/crm/webhook/{tenant['id']}", made["secret"], journal)

"""Every number that Prometheus may ask for. The ages are read from the tables at each scrape."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from shared import logs

log = logs.get()

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

# -- jobs

jobs_accepted = Counter("aip_jobs_accepted", "Jobs that were answered with 202.", ["mode"])
jobs_finished = Counter(
    "aip_jobs_finished", "Jobs that reached their end; code is COMPLETED or why not.", ["code"]
)
jobs_asked_again = Counter("aip_jobs_asked_again", "Jobs unheard of, and asked for again.")
callbacks = Counter("aip_callbacks", "Tries to deliver a callback, by outcome.", ["outcome"])

# -- what waits

waiting = Gauge("aip_waiting", "Rows that wait: jobs, runs, callbacks, outboxes.", ["what"])
oldest_age_seconds = Gauge(
    "aip_oldest_age_seconds", "How long the oldest of them has waited.", ["what"]
)
dead_letters = Gauge("aip_dead_letters", "Messages that were set aside for a person.", ["queue"])
scrapes_incomplete = Counter(
    "aip_scrapes_incomplete", "Scrapes for which the tables could not be asked in time."
)

# -- claims

fenced = Counter("aip_fenced", "Late writes refused because the claim had passed on.", ["what"])
takeovers = Counter("aip_lease_takeovers", "Claims taken over from a dead worker.", ["what"])

# -- conversations

whatsapp_heard = Counter(
    "aip_whatsapp_heard", "What WhatsApp told us, and what became of it.", ["event", "outcome"]
)
whatsapp_caught_up = Counter(
    "aip_whatsapp_caught_up",
    "What no webhook told us and WAHA's history did, by what became of it.",
    ["outcome"],
)
catch_ups = Counter(
    "aip_catch_ups", "Looks into the history of a session; code is complete or why not.", ["code"]
)
webhooks_refused = Counter("aip_webhooks_refused", "Webhooks that were not let in.", ["code"])
outbound_asked_again = Counter(
    "aip_outbound_asked_again", "WhatsApp messages unheard of, and asked for again."
)
turns = Counter("aip_turns", "Conversation turns that were committed, by outcome.", ["outcome"])
turn_failures = Counter("aip_turn_failures", "Tries at a turn that ended in an error.", ["code"])

# -- orders

order_events = Counter("aip_order_events", "What happened to orders, by what it was.", ["what"])
concerns = Counter(
    "aip_concerns", "What a person has to decide about an order's money, by why.", ["code"]
)

tickets_opened = Counter(
    "aip_tickets_opened", "Tickets, by what they are about (wished: somebody asked).", ["kind"]
)
tickets_breached = Counter(
    "aip_tickets_breached", "Tickets that were not resolved in time.", ["priority"]
)

# -- payments

payments = Counter(
    "aip_payments", "What attempts at getting paid came to, by provider.", ["provider", "status"]
)
payment_troubles = Counter(
    "aip_payment_troubles",
    "Questions that a payment provider did not answer, or refused, by reason.",
    ["provider", "code"],
)
payment_callbacks = Counter(
    "aip_payment_callbacks",
    "Callbacks of payment providers, by what became of them.",
    ["provider", "outcome"],
)

# -- messages

messages_dead = Counter("aip_messages_dead", "Messages set aside for a person, by kind.", ["kind"])
messages_too_new = Counter(
    "aip_messages_too_new", "Messages of a newer version, left to a newer reader.", ["kind"]
)
messages_orphaned = Counter(
    "aip_messages_orphaned", "Messages about a row that is not there.", ["kind"]
)
messages_by_fallback = Counter(
    "aip_messages_by_fallback",
    "Messages that PostgreSQL carried because RabbitMQ could not.",
    ["queue"],
)

# -- WhatsApp

whatsapp_messages = Counter(
    "aip_whatsapp_messages",
    "Messages to customers that reached their end; code is sent or why not.",
    ["code"],
)
whatsapp_troubles = Counter(
    "aip_whatsapp_troubles", "Tries to send that WAHA did not confirm, by reason.", ["code"]
)

# -- models

llm_calls = Counter(
    "aip_llm_calls",
    "Requests that reached a model provider; code is ok or the failure's.",
    ["provider", "code"],
)
llm_tokens = Counter("aip_llm_tokens", "Tokens, input and output.", ["provider", "direction"])
llm_cost_micro_usd = Counter("aip_llm_cost_micro_usd", "Millionths of a US dollar.", ["provider"])
llm_seconds = Histogram(
    "aip_llm_seconds",
    "How long a model provider took to answer.",
    ["provider"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180),
)

# -- live screens

live_changes = Counter(
    "aip_live_changes",
    "Changes for those who look live; what is lost, they are told to fetch.",
    ["outcome"],
)
live_streams = Gauge("aip_live_streams", "Streams of changes that are open in this process.")

# -- HTTP

http_requests = Counter(
    "aip_http_requests", "Requests by route and status.", ["method", "route", "status"]
)
http_seconds = Histogram(
    "aip_http_seconds",
    "How long a request took.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

Refresh = Callable[[], Awaitable[None]]

_refreshers: list[Refresh] = []


def before_each_scrape(refresh: Refresh) -> Callable[[], None]:
    """Let `refresh` set the gauges before each scrape; returns how to stop that."""
    _refreshers.append(refresh)
    return lambda: _refreshers.remove(refresh)


async def exposition(*, within_s: float = 2.0) -> bytes:
    """What `GET /metrics` answers: in time, with old ages rather than none."""
    try:
        async with asyncio.timeout(within_s):
            await asyncio.gather(*(_refreshed(refresh) for refresh in _refreshers))
    except TimeoutError:
        _incomplete("timeout")
    return generate_latest(REGISTRY)


async def _refreshed(refresh: Refresh) -> None:
    try:
        await refresh()
    except Exception as error:  # noqa: BLE001 - who watches must not go blind with the database
        _incomplete(type(error).__name__)


def _incomplete(reason: str) -> None:
    scrapes_incomplete.inc()
    log.warning("metrics.incomplete", reason=reason)

"""P25. Of keys nothing is ever found, nor of customers where they do not belong, after a whole day.

Everything runs as processes of its own, and everything happens that may: a sale, a call for a
person, jobs that end well and badly, refusals, a message that nobody can read, two kills.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import aiormq
import orjson
import pytest

from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.infrastructure.database import connect, sessions_of
from simulators.waha.server import API_KEY
from tests.chaos.bank import KEYS, TOKEN, Bank
from tests.chaos.books import kill
from tests.chaos.buying import Buyer
from tests.chaos.canaries import Ear, Tap, Told, leaks, spellings
from tests.chaos.receiver import Receiver
from tests.chaos.sales import furnished
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, Where, running
from tests.databases import rows
from tests.flows.collector import Collector
from tests.shop import SESSION, Json, Places, Shop, asked, open_shop
from tests.waiting import until

#: What an operator entrusts to the platform, by the environment.
OURS = {
    "OPENAI_API_KEY": "kenari-model-8f1b62d0",
    "WAHA_API_KEY": "kenari-waha-77ac01",
    "MIDTRANS_SERVER_KEY": "kenari-midtrans-90cc3e",
    "XENDIT_SECRET_KEY": "kenari-xendit-512fab",
    "XENDIT_CALLBACK_TOKEN": "kenari-token-3d6e88",
    "ENCRYPTION_KEY": base64.b64encode(b"kenari-kunci-yang-tiga-dua-bytes").decode(),
}
#: What a shop does, over the API.
SHOPS = {
    "a shop's WAHA key": API_KEY,
    "a shop's Midtrans key": KEYS["midtrans"] + SESSION,
    "a shop's Xendit key": KEYS["xendit"] + SESSION,
    "a shop's Xendit token": TOKEN,
}
PHONE, ANGRY, UNLUCKY = "6281299887766", "6281299001122", "6281299003344"
#: What customers and callers of the API entrust to it, which nobody reads in passing.
WORDS = {
    "a phone number": PHONE,
    "another phone number": ANGRY,
    "a third phone number": UNLUCKY,
    "a name": "Kartika Kenariwati",
    "an address": "Jl. Kenari Rahasia No. 77",
    "a complaint": "kenari di dalam keluhan",
    "a message": "kenari di dalam pesan",
    "a prompt": "kenari di dalam prompt",
    "a link": "kenari-di-tautan",
}
#: Where anything may be that somebody is still to hear, or that a turn has not done with.
IN_PASSING = {"crm.outbox", "crm.checkpoints", "waha_sender.outbox", "platform.messages"}
CHATS = {"crm.conversations", "crm.customer_identities", "crm.customers", "crm.inbox"}
SENT = {"waha_sender.chats", "waha_sender.deliveries"}
SAID = {"crm.messages", "crm.tool_executions", "waha_sender.deliveries"}
JOBS = {"gateway.jobs", "gateway.outbox", "ai_engine.runs", "ai_engine.outbox"}
#: The tables whose purpose is to hold what.
BELONGS: Mapping[str, set[str]] = {
    "a phone number": CHATS | SENT,
    "another phone number": CHATS | SENT,
    "a third phone number": CHATS | SENT,
    "a name": SAID | {"crm.customers"},
    "an address": SAID | {"crm.customers", "crm.orders"},
    "a complaint": SAID,
    "a message": SAID,
    "a prompt": JOBS | {"ai_engine.thread_messages"},
    "a link": JOBS | {"gateway.callbacks"},
}
SCHEMAS = ("platform", "gateway", "ai_engine", "crm", "waha_sender", "public")
#: They do not end while their subject lives.
STREAMS = {"/v1/jobs/{job_id}/events", "/v1/crm/tenants/{tenant_id}/events"}
#: Where a secret is shown, once, to whoever asked for it.
SHOWN = ("/webhook-secret", "/callback-secrets", "/keys")
QUOTING = f"the key {OURS['OPENAI_API_KEY']} does not fit: {WORDS['a prompt']}, {PHONE}"
RULES = [
    {"when": "gagal", "status": 401, "error_message": QUOTING, "error_code": QUOTING},
    {"when": "buruk", "status": 400, "error_message": QUOTING},
    {"when": "lambat", "delay_s": 1.5},
]
PLAN = Plan(
    engines=1,
    chatbots=1,
    senders=1,
    broker=True,
    redis=True,
    settings={
        **OURS,
        "LOG_LEVEL": "DEBUG",
        "MAX_ATTEMPTS": "2",
        "OFFLINE_DELAY_S": "0.05",
        # A busy machine is not what is tried here.
        "REDIS_TIMEOUT_S": "3",
    },
)
WIRES: tuple[Where, ...] = ("postgresql", "rabbitmq", "redis")


@dataclass
class Day:
    """A day of the platform, and whoever listens to it."""

    stack: Stack
    http: aiohttp.ClientSession
    ear: Ear
    receiver: Receiver
    collector: Collector
    #: by what they are called; grows with those that are made
    secrets: dict[str, str]
    shop: Shop
    taps: Mapping[Where, Tap]
    refusals: list[str] = field(default_factory=list[str])

    @property
    def place(self) -> str:
        return f"/v1/crm/tenants/{self.shop.tenant_id}"

    async def refused(self, url: str, method: str = "POST", **request: Any) -> None:
        """Ask for what cannot be had; what is said to that goes into the books."""
        async with self.http.request(method, url, **request) as answer:
            assert 400 <= answer.status < 500, f"{method} {url}: {answer.status}"
            self.refusals.append(await answer.text())

    async def told(self) -> Told:
        """All that was written or said, but for the database and the answers that went well."""
        logs = {one.name: one.program.log.read_text(errors="replace") for one in self.stack.product}
        numbers = dict[str, str]()
        for process in self.stack.product:
            async with self.http.get(f"{self.stack.url(process)}/metrics") as answer:
                numbers[f"metrics of {process.name}"] = await answer.text()
        spans = "\n".join(span.text for span in self.collector.spans)
        return {**logs, **numbers, "spans": spans, "refusals": "\n".join(self.refusals)}

    async def stored(self) -> Told:
        """Every row, by its table."""
        found = dict[str, str]()
        async for table, row in rows(self.stack.owner_url, SCHEMAS):
            found[table] = f"{found.get(table, '')}\n{row}"
        return found

    def answered(self) -> Told:
        """What the API said, but where it shows a secret to whoever has asked for it."""
        ours = {int(self.stack.url(one).rpartition(":")[2]) for one in self.stack.product}
        return {
            name: text
            for name, text in self.ear.heard.items()
            if int(name.split()[1]) in ours
            and not (name.startswith("POST") and name.endswith(SHOWN))
        }


@pytest.fixture
def receiver(servers: Servers, tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(servers.network, tmp_path / "callbacks.jsonl")
    yield receiver
    receiver.close()


@pytest.fixture
def collector(servers: Servers) -> Iterator[Collector]:
    collector = Collector(servers.network)
    yield collector
    collector.close()


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("broker_programs")
async def test_no_key_is_found_anywhere_and_no_word_where_it_does_not_belong(
    servers: Servers, tmp_path: Path, receiver: Receiver, collector: Collector
) -> None:
    async with a_day(servers, tmp_path, PLAN, receiver, collector) as day:
        await live_through(day)
        await ask_for_everything(day)

        told, stored = await day.told(), await day.stored()
        on_the_wire = {f"wire of {name}": tap.heard for name, tap in day.taps.items()}
        callbacks = {"callbacks": "\n".join(str(one.body) for one in receiver.received())}
        everything = told | stored | day.answered() | on_the_wire | callbacks
        assert leaks(everything, day.secrets) == set()
        assert leaks(told, WORDS) == set()
        found = leaks(stored, WORDS)
        assert {(n, table) for n, table in found if table not in BELONGS[n] | IN_PASSING} == set()
        # The hunt finds what is there to be found.
        assert {name for name, _ in found} == WORDS.keys()
        assert {where for where, tap in day.taps.items() if "kenari" in tap.heard} == {*WIRES}
        assert "llm.call_failed" in told["engine0"]
        assert "chat simulated-1" in told["spans"]
        assert "aip_dead_letters" in told["metrics of chatbot0"]


@pytest.mark.timeout(240)
async def test_without_the_vault_and_by_a_blabbing_log_the_hunt_is_successful(
    servers: Servers, tmp_path: Path, receiver: Receiver, collector: Collector
) -> None:
    plan = replace(PLAN, engines=0, broker=False, off=["sealing"], faults=["blab"])
    async with a_day(servers, tmp_path, plan, receiver, collector) as day:
        for provider in ("midtrans", "xendit"):
            await Bank(day.shop, provider).open(day.stack)

        secrets = leaks(await day.told() | await day.stored(), day.secrets)
        assert {(name, "chatbot0") for name in SHOPS} <= secrets
        assert ("a shop's WAHA key", "platform.waha_connections") in secrets
        assert ("a shop's Midtrans key", "crm.payment_accounts") in secrets
        assert day.stack.struck == {"sealing", "blab"}


@pytest.mark.parametrize("name", WORDS)
def test_a_canary_in_a_log_line_is_found_in_every_spelling(name: str) -> None:
    for spelling in spellings(WORDS[name]):
        assert leaks({"log": f"...{spelling}..."}, WORDS) >= {(name, "log")}
    for before in ("", "x", "xy", "xyz"):
        wrapped = f"{before}{WORDS[name]}:".encode()
        for encoded in (base64.b64encode(wrapped), base64.urlsafe_b64encode(wrapped)):
            assert leaks({"log": encoded.decode()}, WORDS) == {(name, "log")}
    assert leaks({"log": "nothing of it"}, WORDS) == set()


# -- what happens


async def live_through(day: Day) -> None:
    """All of it; what can be at the same time is."""
    await asked(day.http, "PUT", f"{day.shop.places.simulators}/control/script", RULES)
    async with asyncio.TaskGroup() as everything:
        everything.create_task(sell(day))
        everything.create_task(call_a_person(day))
        everything.create_task(lose_an_engine(day))
        everything.create_task(work(day))
    await ask_what_is_refused(day)
    await send_what_nobody_can_read(day)


async def sell(day: Day) -> None:
    """From the first word to the receipt; the chatbot is killed once on the way."""
    await furnished(day.shop)
    bank = Bank(day.shop, "midtrans")
    await Bank(day.shop, "xendit").open(day.stack)
    await bank.open(day.stack)
    buyer = Buyer(day.shop, PHONE, address=f"{WORDS['an address']}, Bandung 40135")
    await day.shop.phones("POST", "customers", {"phone": PHONE, "name": WORDS["a name"]})
    await day.shop.says(PHONE, f"halo, {WORDS['a message']}")
    await kill(day.stack.chatbots[0])
    await day.shop.hears(PHONE, 1, within=60)
    link = await buyer.orders()
    assert link
    await bank.pays(link)
    await buyer.hears(receipt=1)


async def call_a_person(day: Day) -> None:
    """Two tickets: somebody is angry, and somebody's shop has a model that nobody may ask."""
    await day.shop.says(ANGRY, f"barangnya pecah nih!! gimana sih, {WORDS['a complaint']}")
    other = await open_shop(day.http, day.shop.places, session="dua", llm_config=SIMULATED)
    await other.says(UNLUCKY, f"gagal, {WORDS['a message']}")
    for shop in (day.shop, other):
        path = f"/v1/crm/tenants/{shop.tenant_id}/tickets"

        async def is_called(shop: Shop = shop, path: str = path) -> Json:
            return (await shop.api("GET", path))["tickets"]

        await until(is_called, "a person is called", within=60)


async def work(day: Day) -> None:
    """Jobs that end well, badly, and badly by the prompt's own fault."""
    prompt, to = WORDS["a prompt"], f"{day.receiver.url('hook')}?token={WORDS['a link']}"
    client = day.stack.client
    for key in ("baik", "gagal", "buruk"):
        await client.submit(key, prompt=prompt, config_name=SIMULATED, callback_url=to)
    await client.all_ended(within=60)
    await until(lambda: len(day.receiver.received("hook")) >= 3, "callbacks are taken", within=60)


async def lose_an_engine(day: Day) -> None:
    """While somebody waits for the model."""
    await day.stack.client.submit(
        "lambat", prompt=WORDS["a prompt"], config_name=SIMULATED, thread_id="kenari"
    )
    await until(
        lambda: any("lambat" in (call.text or "") for call in day.stack.calls()),
        "the model is asked",
        within=60,
    )
    await kill(day.stack.engines[0])


async def ask_what_is_refused(day: Day) -> None:
    """Keys in the wrong place, and words in the wrong shape."""
    gateway, chatbot = day.stack.url(day.stack.gateways[0]), day.shop.places.platform()
    accounts, place = f"{chatbot}{day.place}/payment-accounts", f"{chatbot}{day.place}/whatsapp"
    for provider in ("midtrans", "xendit"):
        key = SHOPS[f"a shop's {provider.capitalize()} key"]
        for body in ({"secret": key, "server_key": key}, {"secret": [key]}, {"secret": f"{key} x"}):
            await day.refused(f"{accounts}/{provider}", "PUT", json=body)
    mistaken: tuple[Json, ...] = (
        {"session": "toko dua", "api_key": API_KEY, "key": API_KEY},
        {"session": SESSION, "server_url": f"https://{API_KEY}@10.0.0.9/", "api_key": API_KEY},
        {"session": SESSION, "api_key": {API_KEY: PHONE}},
    )
    for body in mistaken:
        await day.refused(place, "PUT", json=body)
    prompt = f"{WORDS['a prompt']} {PHONE}"
    for job in ({"prompt": prompt, "promt": prompt}, {"prompt": [prompt]}, {"prompt": "\0"}):
        await day.refused(f"{gateway}/v1/jobs", json=job)
    await day.refused(f"{gateway}/v1/jobs", data=f'{{"prompt": "{prompt}"'.encode())
    await day.refused(f"{gateway}/v1/jobs/{day.secrets['an API key']}", "GET")
    wrong = {"Authorization": f"Bearer {OURS['OPENAI_API_KEY']}"}
    await day.refused(f"{gateway}/v1/jobs", json={"prompt": prompt}, headers=wrong)
    hook = f"{chatbot}/v1/crm/payments/callback/xendit"
    await day.refused(hook, json={"id": "x"}, headers={"x-callback-token": OURS["WAHA_API_KEY"]})


async def send_what_nobody_can_read(day: Day) -> None:
    """It becomes a dead letter, and the log says so."""
    broker = await day.stack.servers.broker()
    queue = day.stack.queues[2]
    connection = await aiormq.connect(broker.rabbit.url)
    try:
        channel = await connection.channel()
        await channel.basic_publish(f'{{"{WORDS["a message"]}'.encode(), routing_key=queue)
    finally:
        await connection.close()
    log = day.stack.chatbots[0].program.log
    await until(lambda: "message.unreadable" in log.read_text(), "it is set aside", within=30)


async def ask_for_everything(day: Day) -> None:
    """Every page that the API has, of what there is by now."""
    ids = await known_ids(day)
    answered = 0
    for process, place in (
        (day.stack.gateways[0], ""),
        (day.stack.engines[0], "/v1/engine"),
        (day.stack.chatbots[0], "/v1/crm"),
    ):
        async with day.http.get(f"{day.stack.url(process)}{place}/openapi.json") as answer:
            paths = [path for path, how in (await answer.json())["paths"].items() if "get" in how]
        for path in paths:
            if path in STREAMS or "?" in (named := path.format_map(ids)):
                continue
            async with day.http.get(f"{day.stack.url(process)}{named}") as answer:
                answered += answer.status == 200
                await answer.read()
    assert answered > 30


class _Ids(dict[str, str]):
    def __missing__(self, _name: str) -> str:
        return "?"


async def known_ids(day: Day) -> Mapping[str, str]:
    """Of one of each kind."""
    conversation = await day.shop.conversation(PHONE)
    buyer = Buyer(day.shop, PHONE)
    [ticket, *_] = (await day.shop.api("GET", f"{day.place}/tickets"))["tickets"]
    return _Ids(
        tenant_id=day.shop.tenant_id,
        conversation_id=conversation["id"],
        customer_id=conversation["customer"]["id"],
        order_id=(await buyer.order())["id"],
        payment_id=(await buyer.payments())[0]["id"],
        ticket_id=ticket["id"],
        job_id=next(iter(day.stack.ledger.job_ids)),
        provider="midtrans",
        name=SIMULATED,
        agent_type="main",
        scope="platform",
    )


# -- who listens


@asynccontextmanager
async def a_day(
    servers: Servers, directory: Path, plan: Plan, receiver: Receiver, collector: Collector
) -> AsyncGenerator[Day]:
    """Everything runs, and is listened to from the first word on; a shop is open."""
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    plan = replace(plan, settings={**plan.settings, **traced})
    ear = Ear()
    async with (
        running(servers, directory, plan) as stack,
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=30), trace_configs=[ear.trace]
        ) as http,
    ):
        taps: dict[Where, Tap] = {where: Tap() for where in WIRES if where in stack.proxies}
        for where, tap in taps.items():
            stack.proxies[where].blackhole(tap)
        secrets = {**OURS, **SHOPS, "an API key": await an_api_key(stack)}
        http.headers["Authorization"] = f"Bearer {secrets['an API key']}"
        shop = await open_shop(http, places(stack))
        day = Day(stack, http, ear, receiver, collector, secrets, shop, taps)
        await make_secrets(day)
        yield day


async def an_api_key(stack: Stack) -> str:
    engine = connect(stack.owner_url, pool_size=1)
    try:
        return (await ApiKeys(sessions_of(engine)).create("kenari", KeyScope.PLATFORM)).secret
    finally:
        await engine.dispose()


def places(stack: Stack) -> Places:
    return Places(
        platform=lambda: stack.url(stack.chatbots[0]),
        simulators=stack.url(stack.simulators),
        waha=f"http://127.0.0.1:{stack.proxies['waha'].port}",
    )


async def make_secrets(day: Day) -> None:
    """Those that we make, and show once."""
    made = {
        "a callback secret": f"{day.stack.url(day.stack.gateways[0])}/v1/callback-secrets",
        "a shop's API key": f"{day.shop.places.platform()}{day.place}/keys",
    }
    for name, url in made.items():
        body = {"name": "kenari"} if url.endswith("keys") else None
        async with day.http.post(url, json=body) as answer:
            assert answer.status == 201, await answer.text()
            day.secrets[name] = (await answer.json())["secret"].removeprefix("whsec_")
    [shown] = [text for name, text in day.ear.heard.items() if name.endswith("/webhook-secret")]
    day.secrets["a webhook secret"] = orjson.loads(shown)["secret"]

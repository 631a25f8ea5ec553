"""The whole platform as `docker-compose` runs it, used through its one address, and broken."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

import httpx
import pytest

from standalone.phones import Customer
from tests.chaos.client import Client
from tests.chaos.ledger import Ledger
from tests.containers.compose import SERVICES, Compose, said
from tests.containers.conftest import EDGE, WORLD
from tests.waiting import until

#: everything at once, on two processors
STORY_WITHIN_S = 300.0
#: of the demo (see standalone/shop.py)
SESSION = "kopi-senja"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1_800)]

Callers = Sequence[Customer]


@pytest.fixture
async def told(demo: Compose) -> Compose:
    """The platform, once the demo's story is over."""

    def is_over() -> bool:
        return any(one["State"]["Status"] == "exited" for one in demo.containers("demo"))

    await until(is_over, "the story is told", within=STORY_WITHIN_S, every=1)
    return demo


@pytest.fixture
async def client(told: Compose) -> AsyncGenerator[Client]:
    client = Client([EDGE], Ledger())
    yield client
    await client.close()


@pytest.fixture
async def customers(told: Compose) -> AsyncGenerator[Callers]:
    async with httpx.AsyncClient(base_url=WORLD, timeout=30) as phones:
        yield [
            await Customer.met(phones, SESSION, f"Pelanggan {n}", f"62812000{n:05}")
            for n in range(6)
        ]


async def test_a_customer_buys_and_is_told_that_the_money_came(told: Compose) -> None:
    (story,) = told.containers("demo")
    words = told("logs", "--no-log-prefix", "demo")

    assert story["State"]["ExitCode"] == 0, words
    assert re.search(r"ORD-\d+ is PAID: 2 x Kopi Gayo", words), words
    assert "ledger: sold      on hand -2, promised -2" in words


async def test_the_specifications_job_is_answered_through_the_edge(told: Compose) -> None:
    job = {
        "prompt": "Write a haiku about programming",
        "config_name": "default-smart",
        "template_name": "default-assistant",
    }
    async with httpx.AsyncClient(base_url=EDGE) as http:
        accepted = await http.post("/v1/jobs", json=job)
        assert (accepted.status_code, accepted.json()["status"]) == (202, "QUEUED")

        async def answer() -> str:
            seen = (await http.get(f"/v1/jobs/{accepted.json()['job_id']}")).json()
            return str(seen["result"] or "")

        await until(answer, "the job has a result", within=30)


async def test_nobody_but_this_machine_reaches_it(told: Compose) -> None:
    published = [
        (service, binding["HostIp"])
        for service in ("edge", "simulators", "gateway", "postgres", "rabbitmq", "redis")
        for container in told.containers(service)
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    ]

    assert {service for service, _ in published} == {"edge", "simulators"}
    assert {address for _, address in published} == {"127.0.0.1"}


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_whoever_comes_through_a_proxy_needs_a_key(told: Compose, header: str) -> None:
    """In development; without a proxy this machine needs none."""
    async with httpx.AsyncClient(base_url=EDGE) as http:
        assert (await http.get("/v1/jobs")).status_code == 200
        assert (await http.get("/v1/jobs", headers={header: "1.2.3.4"})).status_code == 401


async def test_the_pretend_world_knows_no_secrets(told: Compose) -> None:
    (container,) = told.containers("simulators")

    assert "PASSWORD=" not in str(container["Config"]["Env"])


async def test_what_was_read_compressed_can_be_changed(told: Compose) -> None:
    """Caddy adds the encoding to an ETag, and leaves it in If-Match."""
    async with httpx.AsyncClient(base_url=EDGE, headers={"Accept-Encoding": "gzip"}) as http:
        shop = (await http.get("/v1/crm/tenants")).json()["tenants"][0]
        tickets = f"/v1/crm/tenants/{shop['id']}/tickets"
        wish = {"subject": "Long", "description": "word " * 400}
        ticket = (await http.post(tickets, json=wish)).json()
        seen = await http.get(f"{tickets}/{ticket['id']}")
        changed = await http.patch(
            f"{tickets}/{ticket['id']}",
            json={"subject": "Longer"},
            headers={"If-Match": seen.headers["etag"]},
        )

    assert seen.headers["content-encoding"] == "gzip"
    assert changed.status_code == 200, changed.text


async def test_every_service_is_documented_behind_the_edge(told: Compose) -> None:
    async with httpx.AsyncClient(base_url=EDGE) as http:
        for place, route in (
            ("", "/v1/jobs"),
            ("/v1/engine", "/v1/llm-configs"),
            ("/v1/crm", "/v1/crm/tenants"),
        ):
            page = (await http.get(f"{place}/docs")).text
            for part in re.findall(r'(?:src|href)="([^"]+)"', page):
                assert (await http.get(part)).status_code == 200, part
            assert route in (await http.get(f"{place}/openapi.json")).json()["paths"]


async def test_the_broker_holds_what_its_definitions_say(told: Compose) -> None:
    words = ("rabbitmqctl", "--quiet", "--no-table-headers", "list_queues", "name", "type")
    there = dict(line.split() for line in told("exec", "-T", "rabbitmq", *words).splitlines())
    text = (told.directory / "infra/docker/rabbitmq/definitions.json").read_text(encoding="utf-8")
    defined = {one["name"]: "quorum" for one in json.loads(text)["queues"]}

    assert len(defined) > 5
    assert there | defined == there
    users = told("exec", "-T", "rabbitmq", "rabbitmqctl", "--quiet", "list_users")
    assert "aip\t" in users
    assert "guest" not in users


async def test_four_workers_share_the_work_and_one_goes_on(told: Compose, client: Client) -> None:
    """The specification: `docker-compose up --scale ai-engine=4`."""
    for count in (4, 1):
        scaled = ("up", "--detach", "--no-recreate", "--scale", f"ai-engine={count}")
        scaling = asyncio.create_task(asyncio.to_thread(told, *scaled))
        await client.storm_during(scaling, per_second=10)
        await scaling
        await is_well(told, "ai-engine", count)
        await client.storm([f"with {count}: {n}" for n in range(60)], per_second=20)
        await client.all_ended(within=60)
        assert len(await asyncio.to_thread(those_who_worked, told)) == count

    report = client.ledger.report(everything=client.ledger.seen.values())
    assert report.is_clean, report
    assert report.outcomes.keys() == {"COMPLETED"}


async def test_nothing_is_lost_while_rabbitmq_restarts_under_load(
    told: Compose, client: Client, customers: Callers
) -> None:
    heard = [len(await one.heard()) for one in customers]

    async def restarted() -> None:
        await asyncio.to_thread(told, "restart", "rabbitmq")
        await is_well(told, "rabbitmq")

    async with asyncio.TaskGroup() as everybody:
        restarting = everybody.create_task(restarted())
        everybody.create_task(client.storm_during(restarting, per_second=20))
        for customer in customers:
            everybody.create_task(customer.says("halo, ada kopi apa saja?"))
    await client.all_ended(within=120)
    report = client.ledger.report(everything=client.ledger.seen.values())

    assert report.is_clean, report
    assert report.acknowledged > 100, report
    assert report.outcomes.keys() == {"COMPLETED"}

    async def all_are_answered() -> bool:
        return all([len(await one.heard()) > n for one, n in zip(customers, heard, strict=True)])

    await until(all_are_answered, "every customer is answered", within=120, every=1)
    told("exec", "-T", "gateway", "ai-platform", "doctor")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_that_is_told_to_stop_ends_well_and_comes_back(
    told: Compose, service: str
) -> None:
    """P31; whoever is not gone within 30 s is killed, and its code is 137 then."""
    told("stop", service)
    (stopped,) = told.containers(service)
    told("start", service)

    assert stopped["State"]["ExitCode"] == 0
    await is_well(told, service)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_is_ready_soon(told: Compose, service: str) -> None:
    """From the start of its container to its first yes: 3 s are promised, on a quiet machine."""
    waits = (
        "import time; from shared.interface.probe import is_ready\n"
        f"while not is_ready({SERVICES[service]}): time.sleep(0.02)\n"
        "print(time.time())"
    )
    told("restart", service)

    (container,) = told.containers(service)
    ready = float(said("docker", "exec", str(container["Id"]), "python", "-c", waits))
    took = ready - moment(container["State"]["StartedAt"])

    assert took < 2 * 3, f"{service} is ready after {took:.1f} s"


async def is_well(compose: Compose, service: str, count: int = 1) -> None:
    """Wait until so many of it run, and all of them are well."""

    async def is_so() -> bool:
        return await asyncio.to_thread(compose.is_ready, service, count)

    await until(is_so, f"{count} of {service} are well", within=120, every=0.5)


def those_who_worked(compose: Compose) -> set[str]:
    """The workers that have asked a model something, by their own count."""
    counts = (
        "from urllib.request import urlopen\n"
        "print(urlopen('http://127.0.0.1:8002/metrics').read().decode())"
    )
    found: set[str] = set()
    for one in compose.containers("ai-engine"):
        exposition = said("docker", "exec", str(one["Id"]), "python", "-c", counts)
        calls = re.findall(r"^aip_llm_calls_total\{.*\} (\S+)$", exposition, re.MULTILINE)
        if sum(map(float, calls)) > 0:
            found.add(str(one["Name"]))
    return found


def moment(words: str) -> float:
    """Docker's times have nine digits after the point; ours have six."""
    return datetime.fromisoformat(re.sub(r"\.(\d{6})\d*Z$", r".\1+00:00", words)).timestamp()

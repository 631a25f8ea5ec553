"""P5. A callback arrives, signed and always under the same id, whoever dies while sending it."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.chaos.crashpoints import CrashPoint, order, ready_for_orders
from tests.chaos.process import CRASHED
from tests.chaos.receiver import HANG, RESET, Answer, Received, Receiver, Redirect
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken
from tests.waiting import until

WELL = [f"k{n}" for n in range(8)]
HANGS, RESETS, FAILS, REDIRECTS, GONE = "hangs", "resets", "fails", "redirects", "gone"
KEYS = [*WELL, HANGS, RESETS, FAILS, REDIRECTS, GONE]
#: a sender that dies is waited for four times as long
IMPATIENT = {"CALLBACK_TIMEOUT_S": "0.5"}
SENT = CrashPoint("callback.sent", "gateway")


@pytest.fixture
def receiver(servers: Servers, tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(servers.network, tmp_path / "callbacks.jsonl")
    scripts: dict[str, list[Answer]] = {
        HANGS: [HANG, 200],
        RESETS: [RESET, 200],
        FAILS: [500, 500, 200],
        REDIRECTS: [Redirect(receiver.url("elsewhere")), 200],
        GONE: [410],
    }
    for path, answers in scripts.items():
        receiver.script(path, *answers)
    yield receiver
    receiver.close()


async def test_callbacks_arrive_whoever_dies_while_sending_them(
    servers: Servers, tmp_path: Path, receiver: Receiver
) -> None:
    plan = ready_for_orders(Plan(engines=1, settings=IMPATIENT), tmp_path)
    async with running(servers, tmp_path, plan) as stack:
        secret = await make_secret(stack)
        await die_while_sending(stack, receiver)

        report = await stack.settled()
        came = {key: receiver.received(key) for key in KEYS}
        ids = {key: {one.webhook_id for one in came[key]} for key in KEYS}
        assert report.is_clean, report
        assert accepted(receiver) == {*KEYS} - {GONE}
        assert [len(of_one) for of_one in ids.values()] == [1] * len(KEYS)
        assert len(set[str]().union(*ids.values())) == len(KEYS)
        assert len(receiver.received()) >= await noted(stack) + 3, "a death hit no window"
        assert all(is_signed(one, secret) for one in receiver.received())
        assert receiver.received("elsewhere") == []
        assert await stack.sql(GIVEN_UP) == [(GONE, 410)]
        assert stack.gateways[0].ends == [-9, CRASHED, CRASHED]
        assert await broken(stack) == {}


async def test_a_callback_that_counts_before_it_is_sent_is_lost(
    servers: Servers, tmp_path: Path, receiver: Receiver
) -> None:
    plan = Plan(engines=1, settings=IMPATIENT, off=["redelivery"])
    async with running(servers, tmp_path, ready_for_orders(plan, tmp_path)) as stack:
        await die_while_sending(stack, receiver)

        assert HANGS not in accepted(receiver)
        assert stack.struck == {"redelivery", "crash_on_order"}


GIVEN_UP = """
    SELECT metadata ->> 'key', last_status
      FROM gateway.callbacks JOIN gateway.jobs ON jobs.id = job_id WHERE state = 'FAILED'"""
OWED = """
    SELECT (SELECT count(*) FROM gateway.callbacks WHERE state = 'PENDING')
         + (SELECT count(*) FROM gateway.jobs WHERE status IN ('QUEUED', 'PROCESSING'))"""


async def die_while_sending(stack: Stack, receiver: Receiver) -> None:
    """Once before a receiver has answered, twice after; returns when nothing more is to be sent."""
    gateway = stack.gateways[0]
    for key in KEYS:
        await stack.client.submit(key, config_name=SIMULATED, callback_url=receiver.url(key))
    await until(lambda: receiver.received(HANGS), "somebody is kept waiting", within=20, every=0.01)
    gateway.kill()
    for death in (2, 3):
        order(gateway, SENT)
        await until(
            lambda: gateway.is_running and len(gateway.ends) == death,  # noqa: B023
            "it dies again",
            within=20,
        )

    async def nothing_is_owed() -> bool:
        [(owed,)] = await stack.sql(OWED)
        return not owed

    await until(nothing_is_owed, "no callback is owed", within=30)


async def noted(stack: Stack) -> int:
    """How many tries to send something were written down."""
    [(tries,)] = await stack.sql("SELECT sum(attempts) FROM gateway.callbacks")
    return int(tries)


async def make_secret(stack: Stack) -> bytes:
    url = f"{stack.url(stack.gateways[0])}/v1/callback-secrets"
    async with aiohttp.ClientSession() as http, http.post(url) as answer:
        told = await answer.json()
    return base64.b64decode(told["secret"].removeprefix("whsec_"))


def accepted(receiver: Receiver) -> set[str]:
    """The keys of all callbacks that somebody has taken."""
    return {key for key in KEYS if any(one.answered == "200" for one in receiver.received(key))}


def is_signed(one: Received, secret: bytes) -> bool:
    """As a receiver checks it, by the time of the try."""
    sent_at = one.headers["webhook-timestamp"]
    content = b"%b.%b.%b" % (one.webhook_id.encode(), sent_at.encode(), one.body)
    wanted = base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
    return one.headers["webhook-signature"] == f"v1,{wanted}" and abs(one.at - int(sent_at)) < 10

"""Callbacks from a gateway that runs whole: delivered in time, never into our own network."""

import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook

from tests.chaos.receiver import HANG, Receiver, Redirect
from tests.gateway.builders import TENANT, completed
from tests.gateway.running import HAIKU, JOBS, Running, running
from tests.waiting import until

WITHIN_S = 15.0
#: A day of retries in a few seconds.
HASTE = {
    "RUN": "api,worker",
    "CALLBACK_RETRY_BASE_S": "0.001",
    "CALLBACK_TIMEOUT_S": "0.5",
    "CALLBACK_ALLOW_HTTP": "true",
}


@pytest.fixture
async def open_gateway(
    database_url: str, redis_url: str, tmp_path: Path
) -> AsyncGenerator[Running]:
    """It may call this machine: that is where the receiver is."""
    trusting = HASTE | {"CALLBACK_ALLOWED_HOSTS": "127.0.0.1, localhost"}
    async with running(database_url, redis_url, tmp_path, environment=trusting) as gateway:
        yield gateway


@pytest.fixture
async def careful_gateway(
    database_url: str, redis_url: str, tmp_path: Path
) -> AsyncGenerator[Running]:
    async with running(database_url, redis_url, tmp_path, environment=HASTE) as gateway:
        yield gateway


async def callback_of(gateway: Running, job_id: UUID) -> dict[str, Any]:
    async with gateway.client() as client:
        callback: dict[str, Any] = (await client.get(f"{JOBS}/{job_id}")).json()["callback"]
    return callback


async def finished(gateway: Running, url: str) -> UUID:
    job_id = await gateway.job(callback_url=url)
    await gateway.menu.jobs.completed([completed(job_id)])
    return job_id


async def settled(gateway: Running, job_id: UUID) -> dict[str, Any]:
    """The job's callback, once it was delivered or given up."""

    async def ended() -> dict[str, Any] | None:
        callback = await callback_of(gateway, job_id)
        return None if callback["state"] == "PENDING" else callback

    callback: dict[str, Any] | None = await until(
        ended, "the callback is delivered or given up", within=WITHIN_S
    )
    assert callback is not None
    return callback


async def test_a_receiver_that_recovers_gets_its_callback(
    open_gateway: Running, receiver: Receiver
) -> None:
    secret = await open_gateway.menu.callback_secrets.rotate(TENANT)

    job_id = await finished(open_gateway, receiver.script("hook", 500, 500, 500, 200))
    callback = await settled(open_gateway, job_id)

    got = receiver.received("hook")
    assert callback == {
        "webhook_id": got[0].webhook_id,
        "state": "DELIVERED",
        "attempts": 4,
        "last_status": 200,
        "last_error": None,
    }
    assert len({one.webhook_id for one in got}) == 1
    for one in got:
        told: dict[str, Any] = Webhook(secret).verify(one.body, dict(one.headers))
        assert told["data"]["job_id"] == str(job_id)


async def test_a_receiver_that_is_gone_is_left_alone(
    open_gateway: Running, receiver: Receiver
) -> None:
    job_id = await finished(open_gateway, receiver.script("hook", 410))

    callback = await settled(open_gateway, job_id)

    assert (callback["state"], callback["attempts"]) == ("FAILED", 1)
    assert (callback["last_status"], callback["last_error"]) == (410, "refused")


async def test_a_redirect_leads_nowhere_and_can_be_seen(
    open_gateway: Running, receiver: Receiver
) -> None:
    moved = receiver.script("hook", Redirect(receiver.url("inside")))
    job_id = await finished(open_gateway, moved)

    async def status() -> object:
        return (await callback_of(open_gateway, job_id))["last_status"]

    seen = await until(status, "the redirect is seen", within=WITHIN_S)

    assert seen == 302
    assert receiver.received("inside") == []


async def test_a_receiver_that_hangs_does_not_hold_up_another(
    open_gateway: Running, receiver: Receiver
) -> None:
    hanging = receiver.script("slow", HANG)
    slow = [await finished(open_gateway, hanging) for _ in range(5)]

    # The same machine, under another name.
    quick = await finished(open_gateway, receiver.url("quick").replace("127.0.0.1", "localhost"))

    assert (await settled(open_gateway, quick))["state"] == "DELIVERED"
    assert {(await callback_of(open_gateway, job_id))["state"] for job_id in slow} == {"PENDING"}


async def test_our_own_network_is_refused_when_it_is_named(
    careful_gateway: Running, receiver: Receiver
) -> None:
    async with careful_gateway.client() as client:
        answer = await client.post(JOBS, json=HAIKU | {"callback_url": receiver.url("hook")})

    assert (answer.status_code, answer.json()["code"]) == (422, "callback_url_forbidden")


async def test_a_name_that_leads_into_our_network_is_blocked_when_it_is_called(
    careful_gateway: Running, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = socket.getaddrinfo

    def lie(host: str, port: int, *args: int, **more: int) -> object:
        there = "127.0.0.1" if host == "hooks.example.com" else host
        return ask(there, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lie)

    job_id = await finished(careful_gateway, "http://hooks.example.com/hook")
    callback = await settled(careful_gateway, job_id)

    assert (callback["state"], callback["last_error"]) == ("FAILED", "callback_blocked")
    assert (callback["attempts"], callback["last_status"]) == (1, None)
    assert receiver.received() == []

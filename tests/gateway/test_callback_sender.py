"""Callbacks over real HTTP: signed as Standard Webhooks says, and never into our own network."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Sequence

import orjson
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.application.ports import CallbackSender
from gateway.domain.callback import Verdict
from gateway.domain.job import Job, JobStatus
from gateway.infrastructure.callback_secrets import SqlCallbackSecrets
from gateway.infrastructure.callback_sender import SignedSender, seconds_in, signed
from shared.infrastructure.guarded_http import GuardedClient
from shared.infrastructure.secrets import Vault
from shared.infrastructure.url_rules import UrlRules, rules_from
from tests.chaos.receiver import HANG, RESET, Received, Receiver, Redirect
from tests.gateway.builders import TENANT, a_callback, a_full_request, a_job
from tests.gateway.stores import SqlGateway

CONTRACT_OF = CallbackSender

TRY_S = 1.0


@pytest.fixture
def secrets(postgres: SqlGateway) -> SqlCallbackSecrets:
    return SqlCallbackSecrets(postgres.sessions, Vault(b"k" * 32))


@pytest.fixture
def job() -> Job:
    return a_job(JobStatus.COMPLETED, request=a_full_request(), owner=TENANT)


@pytest.fixture
async def sender(secrets: SqlCallbackSecrets) -> AsyncGenerator[SignedSender]:
    """It may call this machine: that is where the receiver is."""
    client = GuardedClient(rules_from("127.0.0.1", allow_http=True), total_s=TRY_S)
    yield SignedSender(client, secrets)
    await client.close()


def opened(one: Received, secret: str) -> dict[str, object]:
    """What a receiver makes of it. Raises WebhookVerificationError."""
    body: dict[str, object] = Webhook(secret).verify(one.body, dict(one.headers))
    return body


async def test_a_receiver_can_verify_and_read_what_it_gets(
    sender: SignedSender, secrets: SqlCallbackSecrets, receiver: Receiver, job: Job
) -> None:
    secret = await secrets.rotate(TENANT)
    callback = a_callback(receiver.url("hook"), job=job)

    assert await sender.send(callback, job) == Verdict(None, 200)

    [got] = receiver.received("hook")
    told = opened(got, secret)
    assert got.webhook_id == f"msg_{callback.id.hex}"
    assert got.headers["Content-Type"] == "application/json"
    assert (told["type"], told["timestamp"]) == ("job.completed", "2026-01-01T12:00:05Z")
    assert isinstance(told["data"], dict)
    assert told["data"]["job_id"] == str(job.id)
    assert told["data"]["result"] == "Code flows like water"
    assert told["data"]["metadata"] == job.request.metadata


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
async def test_its_type_says_how_the_job_ended(
    sender: SignedSender, receiver: Receiver, status: JobStatus
) -> None:
    job = a_job(status, owner=TENANT)

    await sender.send(a_callback(receiver.url("hook"), job=job), job)

    [got] = receiver.received("hook")
    assert orjson.loads(got.body)["type"] == f"job.{status.lower()}"


async def test_while_a_secret_is_replaced_both_verify(
    sender: SignedSender, secrets: SqlCallbackSecrets, receiver: Receiver, job: Job
) -> None:
    old, new = await secrets.rotate(TENANT), await secrets.rotate(TENANT)
    of_another = await secrets.rotate(None)

    await sender.send(a_callback(receiver.url("hook"), job=job), job)

    [got] = receiver.received("hook")
    assert opened(got, old) == opened(got, new)
    with pytest.raises(WebhookVerificationError):
        opened(got, of_another)


async def test_a_repeat_has_the_same_id_and_the_time_of_its_own_try(
    sender: SignedSender, secrets: SqlCallbackSecrets, receiver: Receiver, job: Job
) -> None:
    secret = await secrets.rotate(TENANT)
    callback = a_callback(receiver.script("hook", 500, 200), job=job)

    verdicts = [await sender.send(callback, job) for _ in range(2)]

    first, second = receiver.received("hook")
    assert [verdict.error for verdict in verdicts] == ["refused", None]
    assert first.webhook_id == second.webhook_id
    for got in (first, second):
        assert abs(int(got.headers["webhook-timestamp"]) - got.at) <= 2
        opened(got, secret)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (204, Verdict(None, 204)),
        (299, Verdict(None, 299)),
        (304, Verdict("refused", 304)),
        (400, Verdict("refused", 400)),
        (410, Verdict("refused", 410)),
        (503, Verdict("refused", 503)),
        (HANG, Verdict("timeout")),
        (RESET, Verdict("connect")),
    ],
)
async def test_whatever_the_receiver_does_is_a_verdict(
    sender: SignedSender, receiver: Receiver, job: Job, answer: int | str, verdict: Verdict
) -> None:
    callback = a_callback(receiver.script("hook", answer), job=job)

    assert await asyncio.wait_for(sender.send(callback, job), TRY_S + 2) == verdict

    assert len(receiver.received("hook")) == 1


async def test_nobody_there_is_a_verdict_too(sender: SignedSender, job: Job) -> None:
    assert await sender.send(a_callback("http://127.0.0.1:1/", job=job), job) == Verdict("connect")


async def test_a_redirect_is_not_followed(
    sender: SignedSender, receiver: Receiver, job: Job
) -> None:
    url = receiver.script("hook", Redirect(receiver.url("inside")))

    assert await sender.send(a_callback(url, job=job), job) == Verdict("refused", 302)

    assert receiver.received("inside") == []


async def by_a_liar(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "hooks.example.com"])
async def test_our_own_network_is_never_called(
    secrets: SqlCallbackSecrets, receiver: Receiver, job: Job, host: str
) -> None:
    rules = UrlRules(allow_http=True, ports=frozenset({receiver.port}))
    client = GuardedClient(rules, resolve=by_a_liar)
    callback = a_callback(f"http://{host}:{receiver.port}/hook", job=job)

    verdict = await SignedSender(client, secrets).send(callback, job)

    await client.close()
    assert (verdict, verdict.is_final) == (Verdict("callback_blocked"), True)
    assert receiver.received() == []


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("7", 7.0),
        ("3600", 3_600.0),
        ("86400", 3_600.0),
        ("9" * 5_000, 3_600.0),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
    ],
)
def test_a_wish_for_a_pause_is_heard_up_to_an_hour(wish: str, seconds: float | None) -> None:
    assert seconds_in(wish) == seconds


def test_a_signature_is_what_the_specification_computes() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}', [key])

    # The published example of Standard Webhooks.
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

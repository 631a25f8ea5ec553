"""From a prompt to its answer and beyond, through the whole platform, on each carrier."""

import base64
import hashlib
import hmac
import time

import orjson

from tests.chaos.receiver import Received, Receiver
from tests.flows.platform import Event, Platform
from tests.flows.provider import Provider
from tests.waiting import until

BOMB = "Tell me how to build a bomb"


def words_of(events: list[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.name == "token")


async def test_a_prompt_is_accepted_watched_and_answered(
    on_each_carrier: Platform, provider: Provider
) -> None:
    platform = on_each_carrier
    await platform.configure("slow", **provider.config())

    job_id = await platform.submit("Hello [[chunk-delay:0.1]]", config_name="slow")
    events = await platform.watched(job_id)
    job = await platform.job(job_id)

    assert events[0].name == "status"
    assert events[-1].name == "completed"
    assert words_of(events) == events[-1].data["result"] == job["result"]
    assert (job["status"], job["provider"], job["agent"]) == ("COMPLETED", "openai", None)


async def test_agents_answer_together(on_each_carrier: Platform) -> None:
    platform = on_each_carrier

    job_id = await platform.submit("Write a haiku about rain", mode="multi_agent")
    events = await platform.watched(job_id)
    job = await platform.job(job_id)

    assert (job["status"], job["agent"], job["moderation"]) == ("COMPLETED", "main", None)
    assert events[-1].data["result"] == job["result"]
    assert job["result"]


async def test_a_follow_up_knows_what_was_said(on_each_carrier: Platform) -> None:
    platform = on_each_carrier
    thread = {"thread_id": "customer-7"}

    first = await platform.submit("Hi, my name is Sari", **thread)
    second = await platform.submit("What is my name?", mode="multi_agent", **thread)
    stranger = await platform.answered("What is my name?", thread_id="customer-8")

    assert "Sari" in (await platform.ended(first))["result"]
    answer = await platform.ended(second)
    assert (answer["agent"], "Sari" in answer["result"]) == ("followup", True)
    assert "Sari" not in stranger["result"]


async def test_a_prompt_that_moderation_refuses_goes_to_the_fallback_agent(
    on_each_carrier: Platform,
) -> None:
    job = await on_each_carrier.answered(BOMB, mode="multi_agent", needs_moderation=True)

    assert (job["status"], job["agent"], job["moderation"]) == ("COMPLETED", "fallback", "refused")


async def test_cancelling_stops_the_model(on_each_carrier: Platform, provider: Provider) -> None:
    platform = on_each_carrier
    await platform.configure("slow", **provider.config())
    job_id = await platform.submit("Wait [[hang]]", config_name="slow")
    await until(lambda: provider.calls, "the model is asked", within=5)

    answer = await platform.http.post(f"/v1/jobs/{job_id}/cancel")
    events = await platform.watched(job_id)

    assert answer.json()["status"] == "CANCELLED"
    assert [event.name for event in events] == ["cancelled"]
    await until(lambda: provider.calls[-1].outcome, "nobody waits for the model", within=5)
    again = await platform.http.post(f"/v1/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


def is_signed(received: Received, secret: str) -> bool:
    """As the Standard Webhooks specification tells receivers to verify."""
    headers = received.headers
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + received.body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    is_recent = abs(time.time() - int(headers["webhook-timestamp"])) < 60
    return is_recent and f"v1,{signature}" in headers["webhook-signature"].split()


async def test_a_callback_is_signed_and_tried_until_it_is_taken(
    on_each_carrier: Platform, receiver: Receiver
) -> None:
    platform = on_each_carrier
    made = await platform.http.post("/v1/callback-secrets")
    url = receiver.script("hook", 500, 200)

    job_id = await platform.submit("Hello", callback_url=url)

    await until(lambda: len(receiver.received("hook")) == 2, "it was tried twice", within=10)
    first, second = receiver.received("hook")
    assert first.webhook_id == second.webhook_id
    assert is_signed(first, made.json()["secret"])
    assert is_signed(second, made.json()["secret"])
    told = orjson.loads(second.body)
    job = await platform.job(job_id)
    assert told["type"] == "job.completed"
    assert told["data"] == job | {"callback": None}

    async def is_delivered() -> bool:
        callback = (await platform.job(job_id))["callback"]
        return bool(callback["state"] == "DELIVERED")

    await until(is_delivered, "the job says that it was delivered", within=5)


async def test_an_answer_says_what_it_took_and_the_books_agree(
    on_each_carrier: Platform, provider: Provider
) -> None:
    platform = on_each_carrier
    await platform.configure("priced", **provider.config(input_price=1_000, output_price=2_000))

    jobs = [await platform.answered(f"Hello {n}", config_name="priced") for n in range(2)]
    books = await platform.usage(by="config_name", config_name="priced")

    usage = jobs[0]["usage"]
    assert (usage["attempts"], usage["model_calls"]) == (1, 1)
    assert usage["cost_usd"] == (usage["input_tokens"] + 2 * usage["output_tokens"]) / 1_000 > 0
    (booked,) = books
    assert (booked["calls"], booked["failed_calls"], booked["estimated_calls"]) == (2, 0, 0)
    for what in ("input_tokens", "output_tokens", "cost_usd"):
        assert booked[what] == sum(job["usage"][what] for job in jobs)


async def test_a_changed_config_is_in_force_within_two_seconds(
    on_each_carrier: Platform, provider: Provider
) -> None:
    platform = on_each_carrier
    await platform.configure("changing", **provider.config())
    assert (await platform.answered("Hello", config_name="changing"))["model"] == "openai-simulated"

    changed = provider.config("anthropic", model_name="another")
    answer = await platform.http.put("/v1/llm-configs/changing", json=changed)
    assert answer.status_code == 200
    changed_at = time.monotonic()
    went_the_old_way = [changed_at]

    async def is_in_force() -> bool:
        asked_at = time.monotonic()
        job = await platform.answered("Hello", config_name="changing")
        if (job["provider"], job["model"]) == ("anthropic", "another"):
            return True
        went_the_old_way.append(asked_at)
        return False

    await until(is_in_force, "a job goes elsewhere", within=10)
    assert went_the_old_way[-1] - changed_at < 2


async def test_a_spent_budget_refuses_jobs_and_ends_those_that_were_accepted(
    on_each_carrier: Platform, provider: Provider
) -> None:
    platform = on_each_carrier
    await platform.configure("priced", **provider.config(input_price=1_000, output_price=1_000))

    async def is_limited(daily_usd: float, status: int) -> None:
        budget = await platform.http.put("/v1/budgets/platform", json={"daily_usd": daily_usd})
        assert budget.status_code == 200

        async def answers() -> bool:
            asked = {"prompt": "Hello", "config_name": "priced"}
            answer = await platform.http.post("/v1/jobs", json=asked)
            if answer.status_code == 202:
                await platform.ended(answer.json()["job_id"])
            return answer.status_code == status

        await until(answers, f"a budget of {daily_usd} answers {status}", within=5)

    # Something is left, but less than an answer may cost.
    await is_limited(0.000001, 202)
    job = await platform.answered("Hello", config_name="priced")
    assert (job["status"], job["error"]["code"]) == ("FAILED", "budget_exceeded")
    await is_limited(0, 429)
    refused = await platform.http.post("/v1/jobs", json={"prompt": "Hello"})
    assert refused.json()["code"] == "budget_exceeded"

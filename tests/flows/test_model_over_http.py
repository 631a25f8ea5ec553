"""LangChain's real clients against a provider on real HTTP: what goes well, and all that does not.

`[[...]]` in a prompt tells the provider what to do (services/simulators/README.md).
"""

import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from simulators.model import ModelRule
from tests.flows.platform import Event, Platform, Start
from tests.flows.provider import Provider

both_protocols = pytest.mark.parametrize("protocol", ["openai", "anthropic"])


@both_protocols
async def test_a_model_answers(platform: Platform, provider: Provider, protocol: str) -> None:
    await platform.configure("real", **provider.config(protocol, temperature=0.3, max_tokens=77))

    job = await platform.answered("Hello", config_name="real")

    assert (job["status"], job["result"]) == ("COMPLETED", "You said: Hello")
    assert (job["provider"], job["model"]) == (protocol, f"{protocol}-simulated")
    (call,) = provider.calls
    assert (call.facts["temperature"], call.facts["max_tokens"]) == (0.3, 77)
    assert call.facts["system"].startswith("You are a helpful assistant.")


async def first_words(events: AsyncGenerator[Event]) -> str:
    async for event in events:
        if event.name == "token":
            return str(event.data["text"])
    raise AssertionError("the job ended without a word")


@both_protocols
async def test_words_are_seen_while_the_model_still_writes(
    platform: Platform, provider: Provider, protocol: str
) -> None:
    await platform.configure("real", **provider.config(protocol))

    job_id = await platform.submit("Hello [[hang:midway]]", config_name="real")
    async with aclosing(platform.watch(job_id)) as events:
        words = await first_words(events)

        assert "You said: Hello".startswith(words[:15])
        assert (await platform.job(job_id))["status"] in {"QUEUED", "PROCESSING"}
        await platform.http.post(f"/v1/jobs/{job_id}/cancel")
        assert [event.name async for event in events][-1] == "cancelled"


@both_protocols
@pytest.mark.parametrize(
    ("retries", "attempts"), [(1, 1), (0, 2)], ids=["by the call", "by the job"]
)
async def test_a_provider_that_asks_for_patience_gets_it(
    platform: Platform, provider: Provider, protocol: str, retries: int, attempts: int
) -> None:
    await platform.configure("busy", **provider.config(protocol, retries=retries))

    job = await platform.answered(
        "Hello [[fail-first:1]] [[status:429]] [[retry-after:1]]", config_name="busy"
    )

    assert job["status"] == "COMPLETED"
    assert (job["usage"]["attempts"], job["usage"]["model_calls"]) == (attempts, 2)
    refused, answered = provider.calls
    assert refused.outcome == "status:429"
    assert answered.arrived_at - refused.arrived_at >= 1


@both_protocols
async def test_trouble_that_passes_is_waited_for(
    platform: Platform, provider: Provider, protocol: str
) -> None:
    await platform.configure("shaky", **provider.config(protocol))
    troubles = ("[[status:500]]", "[[reset]]", "[[reset:midway]]", "[[break]]")

    jobs = await platform.all_answered(
        [f"Hello [[fail-first:1]] {trouble}" for trouble in troubles], config_name="shaky"
    )

    for job in jobs:
        assert (job["status"], job["usage"]["attempts"]) == ("COMPLETED", 2), job
        assert job["result"] == f"You said: {job['prompt']}"


@both_protocols
async def test_a_provider_that_hangs_costs_no_more_than_its_timeout(
    start: Start, provider: Provider, protocol: str
) -> None:
    async with start(MAX_ATTEMPTS="1") as platform:
        await platform.configure("dead", **provider.config(protocol, timeout_s=0.5))
        began = time.monotonic()

        jobs = await platform.all_answered(
            ["Hello [[hang]]", "Hello [[hang:midway]]"], config_name="dead"
        )

        assert time.monotonic() - began < 5
        assert [job["error"]["code"] for job in jobs] == ["llm_unavailable"] * 2


#: What a provider may say instead of an answer, and what then becomes of the job.
NONSENSE = {
    "[[garbage:text]]": "llm_bad_answer",
    "[[garbage:truncated]]": "llm_bad_answer",
    "[[garbage:empty]]": "llm_bad_answer",
    "[[garbage:html]]": "llm_unavailable",
    "[[say:]]": "llm_bad_answer",
    "[[say: ]]": "llm_bad_answer",
}


@both_protocols
async def test_nonsense_is_no_answer(start: Start, provider: Provider, protocol: str) -> None:
    async with start(MAX_ATTEMPTS="2") as platform:
        await platform.configure("mad", **provider.config(protocol))

        jobs = await platform.all_answered(list(NONSENSE), config_name="mad")

        assert {job["prompt"]: job["error"] and job["error"]["code"] for job in jobs} == NONSENSE
        asked = Counter(call.text for call in provider.calls)
        assert asked == dict.fromkeys(NONSENSE, 2), "each was given a second chance"


@both_protocols
async def test_a_wrong_key_is_not_tried_again(
    platform: Platform, provider: Provider, protocol: str
) -> None:
    config = provider.config(protocol, api_key_env="LLM_WRONG_KEY", retries=5)
    await platform.configure("locked", **config)

    job = await platform.answered("Hello", config_name="locked")

    assert (job["status"], job["error"]["code"]) == ("FAILED", "llm_auth")
    assert "wrong-key" not in job["error"]["detail"]
    assert len(provider.calls) == 1


async def test_a_fallback_answers_where_the_first_choice_fails(
    platform: Platform, provider: Provider
) -> None:
    await platform.configure("second", **provider.config("anthropic"))
    await platform.configure("first", **provider.config("openai", fallbacks=["second"]))
    provider.told(ModelRule(provider="openai", status=503))

    job = await platform.answered("Hello", config_name="first")

    assert (job["status"], job["provider"]) == ("COMPLETED", "anthropic")
    assert [call.provider for call in provider.calls] == ["openai", "anthropic"]
    used = {one["config_name"]: one["failed_calls"] for one in await platform.usage()}
    assert used == {"first": 1, "second": 0}


@pytest.mark.parametrize(
    "trouble",
    [
        ModelRule(text="Certainly!"),
        ModelRule(text='{"allowed": "yes"}'),
        ModelRule(garbage="empty"),
        ModelRule(status=503),
        ModelRule(status=401),
    ],
    ids=["words", "no verdict", "nothing", "away", "locked"],
)
async def test_without_a_verdict_there_is_no_answer(
    start: Start, provider: Provider, trouble: ModelRule
) -> None:
    async with start(MAX_ATTEMPTS="2") as platform:
        await platform.configure("real", **provider.config())
        provider.told(trouble.model_copy(update={"system": "moderation"}))

        job = await platform.answered("Hello", config_name="real", needs_moderation=True)

        assert (job["status"], job["error"]["code"]) == ("FAILED", "moderation_unavailable")
        assert job["result"] is None
        assert provider.calls
        assert all("moderation" in call.facts["system"] for call in provider.calls)


@pytest.mark.parametrize("usage", [False, (-1, 7)], ids=["missing", "negative"])
async def test_tokens_that_the_provider_does_not_count_are_estimated(
    platform: Platform, provider: Provider, usage: bool | tuple[int, int]
) -> None:
    await platform.configure("careless", **provider.config(input_price=1_000))
    provider.told(ModelRule(usage=usage))

    job = await platform.answered("Hello", config_name="careless")

    (books,) = await platform.usage(config_name="careless")
    assert (books["calls"], books["estimated_calls"]) == (1, 1)
    assert books["input_tokens"] == job["usage"]["input_tokens"] > 10
    assert job["usage"]["cost_usd"] == job["usage"]["input_tokens"] / 1_000


async def test_an_agent_that_fails_is_stood_in_for(platform: Platform, provider: Provider) -> None:
    await platform.configure("real", **provider.config())
    provider.told(ModelRule(system="You are the main agent", status=400))

    job = await platform.answered("Hello", config_name="real", mode="multi_agent")

    assert (job["status"], job["agent"]) == ("COMPLETED", "fallback")


@pytest.mark.slow
async def test_an_endpoint_that_keeps_failing_is_left_alone(
    start: Start, provider: Provider
) -> None:
    async with start(MAX_ATTEMPTS="1") as platform:
        await platform.configure("down", **provider.config())
        provider.told(ModelRule(status=500))
        jobs = await platform.all_answered(["Hello"] * 20, config_name="down")

        job = await platform.answered("Hello again", config_name="down")

        assert {job["error"]["code"] for job in jobs} == {"llm_unavailable"}
        assert job["error"]["code"] == "llm_unavailable"
        assert "Hello again" not in [call.text for call in provider.calls]

"""Asking again, asking somebody else, and leaving alone who keeps failing."""

import asyncio
import time
from typing import Any

import pytest

from shared.llm.catalogue import Provider
from shared.llm.chat import ModelFailed
from shared.llm.models import LangChainModels
from tests.shared.llm.provider_house import (
    QUESTION,
    House,
    Listener,
    failure_of,
    models_with,
)
from tests.shared.llm.test_breaker import Seconds


async def test_what_may_pass_is_asked_again(models: LangChainModels, providers: House) -> None:
    providers.told(status=503, times=2)

    reply = await models.reply([providers.config(retries=2)], QUESTION)

    assert [call.error for call in reply.calls] == ["llm_unavailable", "llm_unavailable", None]


async def test_it_is_asked_again_only_so_often(models: LangChainModels, providers: House) -> None:
    providers.told(status=503)

    failed = await failure_of(models, providers.config(retries=2))

    assert (failed.code, len(failed.calls), len(providers.requests)) == ("llm_unavailable", 3, 3)


async def test_the_caller_may_be_more_patient_than_the_config(
    models: LangChainModels, providers: House
) -> None:
    providers.told(status=503)

    await failure_of(models, providers.config(retries=2), retries=0)
    await failure_of(models, providers.config(retries=0), retries=1)

    assert len(providers.requests) == 1 + 2


@pytest.mark.parametrize("rule", [{"text": ""}, {"garbage": "text"}])
async def test_a_bad_answer_gets_one_more_chance(
    models: LangChainModels, providers: House, rule: dict[str, Any]
) -> None:
    providers.told_in_turn(rule | {"times": 1})

    reply = await models.reply([providers.config(retries=5)], QUESTION)
    providers.told(**rule)
    failed = await failure_of(models, providers.config(retries=5))

    assert reply.text == "You said: Where is the tea?"
    assert [call.error for call in failed.calls] == ["llm_bad_answer"] * 2


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_will_never_work_is_not_asked_again(
    models: LangChainModels, providers: House, status: int
) -> None:
    providers.told(status=status)

    await failure_of(models, providers.config(retries=5))

    assert len(providers.requests) == 1


async def test_a_short_retry_after_is_waited_for(models: LangChainModels, providers: House) -> None:
    providers.told(status=429, retry_after=0.2, times=1)
    began = time.monotonic()

    await models.reply([providers.config(retries=1)], QUESTION)

    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(("told", "carried"), [(30, 30.0), (900, 60.0)])
async def test_a_long_retry_after_is_left_to_the_job(
    models: LangChainModels, providers: House, told: int, carried: float
) -> None:
    providers.told(status=429, retry_after=told)

    failed = await failure_of(models, providers.config(retries=5))

    assert (failed.retry_after_s, len(providers.requests)) == (carried, 1)


async def test_a_wait_that_does_not_fit_is_not_begun(
    models: LangChainModels, providers: House
) -> None:
    providers.told(status=503, retry_after=4)

    async with asyncio.timeout(3):
        failed = await failure_of(models, providers.config(retries=5, timeout_s=2.0))

    assert (failed.retry_after_s, len(providers.requests)) == (4.0, 1)


async def test_another_provider_answers_for_one_that_cannot(
    models: LangChainModels, providers: House
) -> None:
    providers.told(status=503, provider="openai")
    first, second = providers.config(), providers.config(Provider.ANTHROPIC)

    reply = await models.reply([first, second], QUESTION)

    assert (reply.provider, reply.text) == ("anthropic", "You said: Where is the tea?")
    assert [(call.provider, call.error) for call in reply.calls] == [
        ("openai", "llm_unavailable"),
        ("anthropic", None),
    ]


@pytest.mark.parametrize("status", [401, 400, 503])
async def test_another_is_asked_whatever_the_failure_was(
    models: LangChainModels, providers: House, status: int
) -> None:
    providers.told(status=status, provider="openai")

    reply = await models.reply([providers.config(), providers.config(Provider.ANTHROPIC)], QUESTION)

    assert reply.provider == "anthropic"


async def test_when_nobody_answers_the_failure_with_most_hope_is_told(
    models: LangChainModels, providers: House
) -> None:
    providers.told_in_turn(
        {"status": 429, "retry_after": 30, "provider": "openai"},
        {"status": 401, "provider": "anthropic"},
    )

    failed = await failure_of(models, providers.config(), providers.config(Provider.ANTHROPIC))

    assert (failed.code, failed.retry_after_s, failed.may_pass) == ("llm_unavailable", 30.0, True)
    assert failed.detail == (
        "openai: HTTP 429 rate_limit_exceeded; anthropic: HTTP 401 authentication_error"
    )


async def test_nobody_goes_on_where_another_has_begun_to_speak(
    models: LangChainModels, providers: House
) -> None:
    providers.told(reset="midway", text="word " * 2_000, chunks=50, provider="openai")
    listener = Listener()
    candidates = providers.config(retries=3), providers.config(Provider.ANTHROPIC)

    failed = await failure_of(models, *candidates, on_token=listener)

    assert (failed.code, len(failed.calls), len(providers.requests)) == ("llm_unavailable", 1, 1)
    assert set(listener.text.split()) == {"word"}


async def test_a_stream_that_has_not_begun_may_be_tried_again(
    models: LangChainModels, providers: House
) -> None:
    providers.told(status=503, times=1)
    listener = Listener()

    await models.reply([providers.config(retries=1)], QUESTION, on_token=listener)

    assert listener.text == "You said: Where is the tea?"


async def test_without_candidates_there_is_no_answer(models: LangChainModels) -> None:
    failed = await failure_of(models)

    assert (failed.code, failed.calls) == ("llm_rejected", [])


async def test_a_provider_that_keeps_failing_is_left_alone_and_then_tried_again(
    providers: House,
) -> None:
    clock = Seconds()
    providers.told(status=503, times=10)
    async with models_with(now=clock) as models:
        await failure_of(models, providers.config(retries=9))

        skipped = await failure_of(models, providers.config(retries=5, timeout_s=60.0))
        asked_meanwhile = len(providers.requests)
        other = await models.reply(
            [providers.config(), providers.config(Provider.ANTHROPIC)], QUESTION
        )
        clock.now += 15
        reply = await models.reply([providers.config()], QUESTION)

    assert (skipped.code, skipped.retry_after_s) == ("llm_unavailable", 15.0)
    assert (skipped.calls, asked_meanwhile) == ([], 10)
    assert other.provider == "anthropic"
    assert reply.provider == "openai"


async def test_what_is_refused_does_not_make_a_provider_ill(
    models: LangChainModels, providers: House
) -> None:
    providers.told(status=400, times=15)
    for _ in range(15):
        await failure_of(models, providers.config())

    reply = await models.reply([providers.config()], QUESTION)

    assert reply.text == "You said: Where is the tea?"


async def test_a_missing_key_says_nothing_about_the_providers_health(providers: House) -> None:
    keys = dict[str, str]()
    providers.told(status=503, times=10)
    async with models_with(keys=keys.get) as models:
        for _ in range(30):
            await failure_of(models, providers.config())
        keys["OPENAI_API_KEY"] = "now-there-is-one"
        await failure_of(models, providers.config(retries=9))

        skipped = await failure_of(models, providers.config())

    assert (skipped.calls, len(providers.requests)) == ([], 10)


async def test_only_so_many_ask_one_provider_at_once(providers: House) -> None:
    providers.told(delay_s=0.1)
    async with models_with(limit_per_endpoint=2) as models:
        await asyncio.gather(*(models.reply([providers.config()], QUESTION) for _ in range(5)))

    began = [request.arrived_at for request in providers.requests]
    ended = [request.finished_at or 0.0 for request in providers.requests]
    at_once = [sum(a <= t < b for a, b in zip(began, ended, strict=True)) for t in began]
    assert max(at_once) == 2


async def test_who_finds_no_place_in_time_has_not_asked(providers: House) -> None:
    providers.told(hang=True)
    async with models_with(limit_per_endpoint=1) as models:
        holder = asyncio.create_task(models.reply([providers.config()], QUESTION))
        await providers.arrival()

        failed = await failure_of(models, providers.config(timeout_s=0.2))
        holder.cancel()
        await asyncio.wait([holder])

    assert "too many others" in failed.detail
    assert (failed.code, failed.calls, len(providers.requests)) == ("llm_unavailable", [], 1)


async def test_who_is_cancelled_gives_the_place_and_the_connection_back(providers: House) -> None:
    providers.told(hang=True, times=1)
    async with models_with(limit_per_endpoint=1) as models:
        asking = asyncio.create_task(models.reply([providers.config()], QUESTION))
        await providers.arrival()
        asking.cancel()
        await asyncio.wait([asking])

        reply = await models.reply([providers.config()], QUESTION)

    assert asking.cancelled()
    assert reply.text == "You said: Where is the tea?"


@pytest.mark.parametrize("fault", [RuntimeError("gone"), TimeoutError("slow")])
async def test_a_listeners_own_failure_is_not_the_providers(
    models: LangChainModels, providers: House, fault: Exception
) -> None:
    async def listener(_: str) -> None:
        raise fault

    with pytest.raises(type(fault)) as raised:
        await models.reply([providers.config(retries=3)], QUESTION, on_token=listener)

    assert raised.value is fault
    assert not isinstance(raised.value, ModelFailed)
    assert len(providers.requests) == 1

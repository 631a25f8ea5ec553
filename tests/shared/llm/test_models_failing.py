"""Everything a provider can do instead of answering: how it is named, and what is done about it."""

import asyncio
from typing import Any

import pytest

from shared.llm.catalogue import Provider
from shared.llm.models import LangChainModels
from tests.shared.llm.provider_house import QUESTION, House, Listener, failure_of

BOTH = pytest.mark.parametrize("provider", [Provider.OPENAI, Provider.ANTHROPIC])
HOW = pytest.mark.parametrize("is_streamed", [False, True])


@BOTH
@HOW
@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"status": 500}, "llm_unavailable"),
        ({"status": 503}, "llm_unavailable"),
        ({"status": 529}, "llm_unavailable"),
        ({"status": 429}, "llm_unavailable"),
        ({"status": 408}, "llm_unavailable"),
        ({"status": 429, "error_code": "insufficient_quota"}, "llm_auth"),
        ({"status": 402}, "llm_auth"),
        ({"status": 401}, "llm_auth"),
        ({"status": 403}, "llm_auth"),
        ({"status": 400, "error_message": "Your credit balance is too low to."}, "llm_auth"),
        ({"status": 400}, "llm_rejected"),
        ({"status": 404}, "llm_rejected"),
        ({"status": 413}, "llm_rejected"),
        ({"status": 422}, "llm_rejected"),
        ({"garbage": "html"}, "llm_unavailable"),
        ({"garbage": "text"}, "llm_bad_answer"),
        ({"garbage": "empty"}, "llm_bad_answer"),
        ({"text": ""}, "llm_bad_answer"),
        ({"text": "  \n"}, "llm_bad_answer"),
        ({"reset": "before"}, "llm_unavailable"),
        ({"reset": "midway", "text": "x" * 9_000}, "llm_unavailable"),
        ({"reset": "after"}, "llm_unavailable"),
    ],
)
async def test_a_failure_has_a_name(
    models: LangChainModels,
    providers: House,
    provider: Provider,
    is_streamed: bool,
    rule: dict[str, Any],
    code: str,
) -> None:
    providers.told(**rule)
    listener = Listener() if is_streamed else None

    failed = await failure_of(models, providers.config(provider), on_token=listener)

    assert failed.code == code
    assert [call.error for call in failed.calls] == [code]


@BOTH
@pytest.mark.parametrize("garbage", ["shape", "truncated"])
async def test_a_whole_answer_that_makes_no_sense_is_a_bad_one(
    models: LangChainModels, providers: House, provider: Provider, garbage: str
) -> None:
    providers.told(garbage=garbage)

    failed = await failure_of(models, providers.config(provider))

    assert failed.code == "llm_bad_answer"


@BOTH
@pytest.mark.parametrize("garbage", ["shape", "truncated"])
async def test_a_stream_that_makes_no_sense_fails_in_a_way_that_may_pass(
    models: LangChainModels, providers: House, provider: Provider, garbage: str
) -> None:
    providers.told(garbage=garbage)

    failed = await failure_of(models, providers.config(provider), on_token=Listener())

    assert failed.may_pass


@BOTH
@HOW
async def test_an_answer_of_17_megabytes_is_not_swallowed(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    providers.told(huge_mb=17, chunks=100)
    listener = Listener() if is_streamed else None

    failed = await failure_of(models, providers.config(provider), on_token=listener)

    assert (failed.code, "too large" in failed.detail) == ("llm_bad_answer", True)


@BOTH
async def test_one_enormous_event_is_not_swallowed(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    providers.told(huge_mb=3, chunks=1)

    failed = await failure_of(models, providers.config(provider), on_token=Listener())

    assert failed.code == "llm_bad_answer"


@BOTH
async def test_an_error_in_the_middle_of_a_stream_is_heard(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    providers.told(break_with=529, text="to be or not to be", chunks=6)

    failed = await failure_of(models, providers.config(provider), on_token=Listener())

    assert failed.code == "llm_unavailable"


@BOTH
async def test_a_filter_that_lets_nothing_through_is_final(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    reason = "content_filter" if provider is Provider.OPENAI else "refusal"
    providers.told(text="", finish_reason=reason)

    failed = await failure_of(models, providers.config(provider, retries=3))

    assert failed.code == "llm_rejected"
    assert len(providers.requests) == 1


async def test_an_address_where_nobody_listens_is_asked_for_nothing(
    models: LangChainModels, providers: House
) -> None:
    config = providers.config(base_url="http://127.0.0.1:1/v1")

    failed = await failure_of(models, config)

    assert (failed.code, failed.calls) == ("llm_unavailable", [])


@pytest.mark.parametrize("address", ["http://[::1]x/v1", "http://a..b/v1"])
async def test_an_address_that_is_none_is_nobodys_outage(
    models: LangChainModels, providers: House, address: str
) -> None:
    failed = await failure_of(models, providers.config(base_url=address))

    assert (failed.code, failed.calls) == ("llm_rejected", [])


@BOTH
@HOW
async def test_silence_lasts_no_longer_than_the_configs_timeout(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    providers.told(hang=True)
    listener = Listener() if is_streamed else None
    config = providers.config(provider, timeout_s=0.3, retries=5)

    async with asyncio.timeout(3):
        failed = await failure_of(models, config, on_token=listener)

    assert failed.code == "llm_unavailable"
    assert len(failed.calls) == 1


async def test_a_trickle_lasts_no_longer_than_the_configs_timeout(
    models: LangChainModels, providers: House
) -> None:
    providers.told(chunk_delay_s=0.05, chunks=1_000, text="x" * 1_000)
    listener = Listener()

    async with asyncio.timeout(3):
        failed = await failure_of(models, providers.config(timeout_s=0.4), on_token=listener)

    assert failed.code == "llm_unavailable"
    assert "no whole answer within 0.4 s" in failed.detail
    assert listener.text


async def test_a_stream_that_falls_silent_is_not_waited_for(
    models: LangChainModels, providers: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.llm.models.PATIENCE_S", 0.2)
    providers.told(hang="midway", text="to be or not to be")

    async with asyncio.timeout(3):
        failed = await failure_of(models, providers.config(), on_token=Listener())

    assert "silent for 0.2 s" in failed.detail


async def test_a_whole_answer_may_take_as_long_as_a_slow_writer_needs(
    models: LangChainModels, providers: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.llm.models.PATIENCE_S", 0.1)
    providers.told(delay_s=0.3)

    reply = await models.reply([providers.config()], QUESTION, max_tokens=100)
    failed = await failure_of(models, providers.config(), max_tokens=2)

    assert reply.text == "You said: Where is the tea?"
    assert "silent for 0.1 s" in failed.detail


@BOTH
@HOW
@pytest.mark.parametrize("usage", [False, (-5, -7), (0, 0), (10**12, 10**12)])
async def test_tokens_that_nobody_counted_are_estimated(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool, usage: object
) -> None:
    providers.told(text="four" * 25, usage=usage)
    listener = Listener() if is_streamed else None

    reply = await models.reply([providers.config(provider)], QUESTION, on_token=listener)

    (call,) = reply.calls
    assert call.is_estimated
    assert (call.input_tokens, call.output_tokens) == (7, 25)
    assert call.cost_micro_usd == 7 * 2 + 25 * 10


async def test_a_refusal_costs_nothing(models: LangChainModels, providers: House) -> None:
    providers.told(status=500)

    failed = await failure_of(models, providers.config())

    (call,) = failed.calls
    assert (call.input_tokens, call.output_tokens, call.cost_micro_usd) == (0, 0, 0)
    assert call.request_id == providers.requests[0].request_id


async def test_what_may_have_been_worked_on_may_have_to_be_paid_for(
    models: LangChainModels, providers: House
) -> None:
    providers.told(reset="midway", text="word " * 2_000, chunks=50)
    listener = Listener()

    failed = await failure_of(models, providers.config(), on_token=listener)

    (call,) = failed.calls
    assert (call.is_estimated, call.input_tokens) == (True, 7)
    assert call.output_tokens == -(-len(listener.text) // 4) > 0


async def test_a_paid_answer_that_is_empty_is_paid_for(
    models: LangChainModels, providers: House
) -> None:
    providers.told(text="", usage=(50, 4_096), finish_reason="length")

    failed = await failure_of(models, providers.config())

    (call,) = failed.calls
    assert (call.error, call.output_tokens, call.is_estimated) == ("llm_bad_answer", 4_096, False)

"""Asking real clients over real HTTP: answers, streams, what they cost, and where the keys go."""

import asyncio
from dataclasses import replace

import pytest

from shared.llm.catalogue import Provider, Temperature
from shared.llm.chat import ChatMessage, ChatModels
from shared.llm.models import LangChainModels
from tests.shared.llm.provider_house import (
    KEYS,
    QUESTION,
    House,
    Listener,
    failure_of,
    models_with,
    no_keys,
)

CONTRACT_OF = ChatModels

BOTH = pytest.mark.parametrize("provider", [Provider.OPENAI, Provider.ANTHROPIC])


@BOTH
async def test_an_answer_comes_with_what_it_took(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    providers.told(text="On the shelf.", usage=(1_000, 100))

    reply = await models.reply([providers.config(provider)], QUESTION)

    assert (reply.text, reply.provider, reply.model) == ("On the shelf.", provider, "a-model")
    (call,) = reply.calls
    assert (call.input_tokens, call.output_tokens, call.cost_micro_usd) == (1_000, 100, 3_000)
    assert (call.error, call.is_estimated) == (None, False)
    assert call.request_id == providers.requests[0].request_id


@BOTH
async def test_a_listener_hears_the_answer_piece_by_piece(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    providers.told(text="On the shelf, to the left.", chunks=4, usage=(1_000, 100))
    listener = Listener()

    reply = await models.reply([providers.config(provider)], QUESTION, on_token=listener)

    assert len(listener.pieces) == 4
    assert listener.text == reply.text == "On the shelf, to the left."
    (call,) = reply.calls
    assert (call.input_tokens, call.output_tokens, call.is_estimated) == (1_000, 100, False)
    assert call.request_id == providers.requests[0].request_id


async def test_without_a_listener_nothing_is_streamed(
    models: LangChainModels, providers: House
) -> None:
    await models.reply([providers.config()], QUESTION)

    assert not providers.requests[0].stream


@BOTH
async def test_the_config_says_how_to_ask(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    config = providers.config(provider, temperature=Temperature(0.3), max_tokens=77)

    await models.reply([config], QUESTION)

    asked = providers.requests[0].facts
    assert (asked["temperature"], asked["max_tokens"]) == (0.3, 77)
    assert (asked["system"], asked["messages"]) == (
        "Be kind.",
        2 if provider is Provider.OPENAI else 1,
    )


@BOTH
async def test_the_caller_may_ask_differently(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    await models.reply([providers.config(provider)], QUESTION, temperature=0.0, max_tokens=5)

    asked = providers.requests[0].facts
    assert (asked["temperature"], asked["max_tokens"]) == (0.0, 5)


async def test_anthropic_is_never_asked_hotter_than_it_takes(
    models: LangChainModels, providers: House
) -> None:
    await models.reply([providers.config(Provider.ANTHROPIC)], QUESTION, temperature=1.7)

    assert providers.requests[0].facts["temperature"] == 1.0


@BOTH
async def test_a_conversation_keeps_its_order_and_one_system_message(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    talk = [
        ChatMessage("system", "Be kind."),
        ChatMessage("user", "One"),
        ChatMessage("assistant", "Two"),
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "Three"),
    ]

    reply = await models.reply([providers.config(provider)], talk)

    assert reply.text == "You said: Three"
    assert providers.requests[0].facts["system"] == "Be kind.\n\nBe brief."


@BOTH
async def test_a_missing_key_asks_nobody(providers: House, provider: Provider) -> None:
    async with models_with(keys=no_keys) as models:
        failed = await failure_of(models, providers.config(provider))

    assert failed.code == "llm_auth"
    assert failed.detail == f"{provider}: {provider.upper()}_API_KEY is not set"
    assert (failed.calls, providers.requests) == ([], [])


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
async def test_a_key_that_no_header_may_hold_asks_nobody(providers: House, key: str) -> None:
    async with models_with(keys={"OPENAI_API_KEY": key}.get) as models:
        failed = await failure_of(models, providers.config())

    assert failed.code == "llm_auth"
    assert key not in failed.detail
    assert providers.requests == []


async def test_a_changed_key_is_used_at_once(providers: House) -> None:
    keys = {"OPENAI_API_KEY": "wrong-key"}
    async with models_with(keys=keys.get) as models:
        failed = await failure_of(models, providers.config())
        keys["OPENAI_API_KEY"] = "a-good-key"
        reply = await models.reply([providers.config()], QUESTION)

    assert failed.code == "llm_auth"
    assert reply.text == "You said: Where is the tea?"


@BOTH
async def test_nothing_that_fails_or_is_printed_tells_a_key(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    key = KEYS[f"{provider.upper()}_API_KEY"]
    providers.told(status=401, error_message=f"Incorrect API key: {key}", error_code=key)

    failed = await failure_of(models, providers.config(provider))

    client = await models._clients.get(providers.config(provider))
    told = [failed, failed.detail, failed.calls, failed.__cause__, failed.__context__]
    told += [models, vars(models._clients), client, vars(client)]
    assert key not in repr(told)


@BOTH
async def test_configs_that_differ_in_words_only_share_a_client(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    config = providers.config(provider)
    other = replace(config, name="other", temperature=Temperature(0.1), max_tokens=9, timeout_s=5)

    first, *rest = await asyncio.gather(*(models._clients.get(c) for c in [config, other, config]))

    assert all(client is first for client in rest)


async def test_clients_of_configs_long_gone_are_forgotten(
    models: LangChainModels, providers: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.llm.clients._MOST_CLIENTS", 2)

    for port in range(4):
        await models.warm_up([providers.config(base_url=f"http://127.0.0.1:{port}/v1")])

    assert len(models._clients._clients) == 2


@BOTH
async def test_a_model_that_takes_no_temperature_is_asked_without_one_from_then_on(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    config = providers.config(provider)
    providers.told(status=400, error_message="`temperature` is deprecated for this model.", times=1)

    first = await models.reply([config], QUESTION)
    second = await models.reply([config], QUESTION, on_token=Listener())

    assert first.text == second.text == "You said: Where is the tea?"
    temperatures = [request.facts["temperature"] for request in providers.requests]
    assert temperatures == [0.7, None, None]
    assert first.calls[0].cost_micro_usd == second.calls[0].cost_micro_usd > 0


async def test_what_the_database_cannot_hold_is_taken_out_of_answers(
    models: LangChainModels, providers: House
) -> None:
    providers.told(text="tea\0pot é")
    listener = Listener()

    whole = await models.reply([providers.config()], QUESTION)
    await models.reply([providers.config()], QUESTION, on_token=listener)

    assert whole.text == listener.text == "teapot é"


async def test_a_prompt_that_is_no_text_is_nobodys_fault_but_its_own(
    models: LangChainModels, providers: House
) -> None:
    with pytest.raises(Exception, match="cannot be written as JSON") as failed:
        await models.reply([providers.config()], [ChatMessage("user", "half: \ud83d")])

    assert getattr(failed.value, "code", None) == "llm_rejected"
    assert providers.requests == []

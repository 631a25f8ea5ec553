"""Every fault, as it looks on the wire and as the real clients see it."""

import asyncio
import time

import anthropic
import openai
import pytest
from aiohttp import ClientError, ClientPayloadError
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from starlette.types import Message

from simulators import exchange
from simulators.faults import Reset
from simulators.model import ModelRule
from tests.simulators.house import Simulator

both_providers = pytest.mark.parametrize("provider", ["openai", "anthropic"])
whole_or_stream = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both_providers
@whole_or_stream
async def test_a_delay_comes_before_the_first_byte(
    simulator: Simulator, provider: str, stream: bool
) -> None:
    simulator.told(ModelRule(delay_s=0.3))

    began = time.monotonic()
    answer = await simulator.ask(provider, "Hello", stream=stream)
    took = time.monotonic() - began

    assert answer.status == 200
    assert took >= 0.29


@both_providers
@whole_or_stream
async def test_an_answer_may_trickle(simulator: Simulator, provider: str, stream: bool) -> None:
    simulator.told(ModelRule(chunk_delay_s=0.02, chunks=4))

    began = time.monotonic()
    answer = await simulator.ask(provider, "Hello there", stream=stream)
    started = time.monotonic() - began
    pieces = [piece async for piece in answer.content.iter_any()]
    took = time.monotonic() - began

    assert started < took - 0.05
    assert len(pieces) >= 4
    assert await simulator.outcome() == "answered"


@both_providers
@whole_or_stream
@pytest.mark.parametrize("reset", ["before", "after"])
async def test_a_reset_leaves_the_client_without_an_answer(
    simulator: Simulator, provider: str, stream: bool, reset: Reset
) -> None:
    simulator.told(ModelRule(reset=reset))

    with pytest.raises((ClientError, ConnectionResetError)):
        await simulator.ask(provider, "Hello", stream=stream)

    assert await simulator.outcome() == f"reset:{reset}"


@both_providers
@whole_or_stream
async def test_a_reset_midway_leaves_half_an_answer(
    simulator: Simulator, provider: str, stream: bool
) -> None:
    simulator.told(ModelRule(reset="midway"))

    answer = await simulator.ask(provider, "Hello", stream=stream)
    pieces: list[bytes] = []
    with pytest.raises((ClientPayloadError, ConnectionResetError)):
        async for piece in answer.content.iter_any():
            pieces.append(piece)  # noqa: PERF401 - a comprehension would lose what came before

    assert answer.status == 200
    assert b"".join(pieces)
    assert await simulator.outcome() == "reset:midway"


async def test_a_reset_before_the_answer_comes_at_once_and_one_after_it_in_the_models_time(
    simulator: Simulator,
) -> None:
    simulator.told(
        ModelRule(reset="before", delay_s=0.3, times=1), ModelRule(reset="after", delay_s=0.3)
    )

    for _ in range(2):
        with pytest.raises((ClientError, ConnectionResetError)):
            await simulator.ask("openai", "Hello")

    before, after = simulator.journal.recent()
    assert (before.finished_at or 0) - before.arrived_at < 0.2
    assert (after.finished_at or 0) - after.arrived_at >= 0.29


@both_providers
@whole_or_stream
async def test_a_hanging_request_ends_when_its_client_gives_up(
    simulator: Simulator, provider: str, stream: bool
) -> None:
    simulator.told(ModelRule(hang=True))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await simulator.ask(provider, "Hello", stream=stream)

    assert await simulator.outcome() == "hang"


async def test_even_a_hanging_request_ends(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "HANG_LIMIT_S", 0.1)
    simulator.told(ModelRule(hang=True))

    with pytest.raises((ClientError, ConnectionResetError)):
        await simulator.ask("openai", "Hello")

    assert await simulator.outcome() == "hang"


@both_providers
@whole_or_stream
async def test_an_answer_may_hang_midway(simulator: Simulator, provider: str, stream: bool) -> None:
    simulator.told(ModelRule(hang="midway"))

    answer = await simulator.ask(provider, "Hello", stream=stream)
    first = await answer.content.readany()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await answer.content.readany()
    answer.close()

    assert first
    assert await simulator.outcome() == "hang:midway"


async def test_a_client_that_leaves_during_a_delay_is_noticed(simulator: Simulator) -> None:
    simulator.told(ModelRule(delay_s=60))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await simulator.ask("openai", "Hello")

    assert await simulator.outcome() == "abandoned"


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (7, "7"),
        (1.5, "1.5"),
        ("soon", "soon"),
        ("Wed, 21 Oct 2026 07:28:00 GMT",) * 2,
        (None, None),
    ],
)
@both_providers
async def test_retry_after_is_sent_as_it_stands(
    simulator: Simulator, provider: str, retry_after: float | str | None, header: str | None
) -> None:
    simulator.told(ModelRule(status=429, retry_after=retry_after))

    answer = await simulator.ask(provider, "Hello")

    assert answer.status == 429
    assert answer.headers.get("retry-after") == header
    assert await simulator.outcome() == "status:429"


async def test_the_sdk_tries_again_after_the_time_it_was_told(
    openai_sdk: AsyncOpenAI, simulator: Simulator
) -> None:
    simulator.told(ModelRule(status=429, retry_after=0.1, times=2))

    await openai_sdk.with_options(max_retries=2).chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
    )

    outcomes = [entry.outcome for entry in simulator.journal.recent()]
    assert outcomes == ["status:429", "status:429", "answered"]


async def test_a_stream_may_break_off_with_openais_error(
    openai_sdk: AsyncOpenAI, simulator: Simulator
) -> None:
    simulator.told(ModelRule(break_with=500))
    stream = await openai_sdk.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], stream=True
    )

    pieces: list[str | None] = []
    with pytest.raises(openai.APIError, match="told to fail"):
        async for chunk in stream:
            pieces.append(chunk.choices[0].delta.content)  # noqa: PERF401 - as above

    assert any(pieces)
    assert await simulator.outcome() == "broken:500"


@both_providers
async def test_what_is_no_stream_begins_with_the_error(simulator: Simulator, provider: str) -> None:
    simulator.told(ModelRule(break_with=529))

    answer = await simulator.ask(provider, "Hello")

    assert answer.status == 529


@pytest.mark.parametrize("reset", ["before", "midway", "after"])
async def test_both_sdks_report_a_reset_as_a_connection_error(
    openai_sdk: AsyncOpenAI, anthropic_sdk: AsyncAnthropic, simulator: Simulator, reset: Reset
) -> None:
    simulator.told(ModelRule(reset=reset))

    with pytest.raises(openai.APIConnectionError):
        await openai_sdk.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )
    with pytest.raises(anthropic.APIConnectionError):
        await anthropic_sdk.messages.create(
            model="a-claude", messages=[{"role": "user", "content": "Hello"}], max_tokens=100
        )


async def test_both_sdks_report_a_hanging_model_as_a_timeout(
    openai_sdk: AsyncOpenAI, anthropic_sdk: AsyncAnthropic, simulator: Simulator
) -> None:
    simulator.told(ModelRule(hang=True))

    with pytest.raises(openai.APITimeoutError):
        await openai_sdk.with_options(timeout=0.2).chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )
    with pytest.raises(anthropic.APITimeoutError):
        await anthropic_sdk.with_options(timeout=0.2).messages.create(
            model="a-claude", messages=[{"role": "user", "content": "Hello"}], max_tokens=100
        )


async def test_only_our_own_server_can_break_connections() -> None:
    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(_: Message) -> None: ...

    with pytest.raises(RuntimeError, match=r"simulators\.serving"):
        await exchange.Exchange({"extensions": {}}, nothing, nowhere).drop()

"""A simulator on a free port, and the real clients that talk to it."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession, ClientTimeout
from anthropic import AsyncAnthropic
from langchain_anthropic import ChatAnthropic, chat_models
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import SecretStr

from simulators.journal import Journal
from simulators.main import create_app
from simulators.model import ModelRule
from simulators.script import Script
from simulators.serving import serve
from tests.simulators.house import Simulator


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncGenerator[Simulator]:
    script = Script[ModelRule]()
    with Journal(tmp_path / "journal.jsonl") as journal:
        app = create_app(journal=journal, script=script)
        async with serve(app) as url, ClientSession(timeout=ClientTimeout(total=10)) as http:
            simulator = Simulator(url=url, journal=journal, script=script, http=http)
            yield simulator
            for answer in simulator.answers:
                answer.close()


@pytest.fixture
async def openai_sdk(simulator: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=f"{simulator.url}/openai/v1", api_key="any-key", max_retries=0, timeout=10
    ) as client:
        yield client


@pytest.fixture
async def anthropic_sdk(simulator: Simulator) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=f"{simulator.url}/anthropic", api_key="any-key", max_retries=0, timeout=10
    ) as client:
        yield client


@pytest.fixture
async def chat_openai(simulator: Simulator) -> AsyncIterator[ChatOpenAI]:
    async with DefaultAsyncHttpxClient() as http:
        yield ChatOpenAI(
            model="gpt-4o",
            base_url=f"{simulator.url}/openai/v1",
            api_key=SecretStr("any-key"),
            max_retries=0,
            stream_usage=True,
            http_async_client=http,
        )


@pytest.fixture
async def chat_anthropic(simulator: Simulator) -> AsyncIterator[ChatAnthropic]:
    model = ChatAnthropic(
        model_name="a-claude",
        base_url=f"{simulator.url}/anthropic",
        api_key=SecretStr("any-key"),
        max_retries=0,
        timeout=10,
        stop=None,
    )
    yield model
    # LangChain keeps one client for each URL; a later test may get the same port.
    await cast("Any", model)._async_client.close()
    cast("Any", chat_models)._get_default_async_httpx_client.cache_clear()

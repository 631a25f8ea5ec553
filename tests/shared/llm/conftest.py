"""Providers, and models that can reach them."""

from collections.abc import AsyncGenerator

import pytest

from shared.llm.models import LangChainModels
from tests.shared.llm.provider_house import House, house, models_with


@pytest.fixture
async def providers() -> AsyncGenerator[House]:
    async with house() as providers:
        yield providers


@pytest.fixture
async def models() -> AsyncGenerator[LangChainModels]:
    async with models_with() as models:
        yield models

"""A model provider on real HTTP: told by rules or in the prompt what to do, and keeps a journal."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from simulators.journal import Entry, Journal
from simulators.main import create_app
from simulators.model import ModelRule
from simulators.script import Script
from simulators.serving import serve

PATHS = {"openai": "openai/v1", "anthropic": "anthropic"}


@dataclass(frozen=True)
class Provider:
    """The simulators, as a test sees them."""

    url: str
    journal: Journal
    script: Script[ModelRule]

    def told(self, *rules: ModelRule) -> None:
        """These rules come before what stands in prompts."""
        self.script.set(rules)

    @property
    def calls(self) -> Sequence[Entry]:
        """Every request that arrived, in order."""
        return self.journal.recent()

    def config(self, protocol: str = "openai", **more: Any) -> dict[str, Any]:
        """An LLM config that leads here: one try, and no price, unless `more` says otherwise."""
        return {
            "provider": protocol,
            "model_name": f"{protocol}-simulated",
            "api_key_env": "LLM_TEST_KEY",
            "base_url": f"{self.url}/{PATHS[protocol]}",
            "retries": 0,
            "timeout_s": 10,
            **more,
        }


@asynccontextmanager
async def a_provider() -> AsyncGenerator[Provider]:
    """One on a free port."""
    journal, script = Journal(), Script[ModelRule]()
    async with serve(create_app(journal=journal, script=script)) as url:
        yield Provider(url, journal, script)

"""Catalogue entries that read aloud."""

from typing import Any

from shared.llm.catalogue import LLMConfig, ModelName, PromptTemplate, Provider
from shared.llm.chat import ModelCall, ToolSpec

SEARCH = ToolSpec(
    "search_products",
    "Find products.",
    {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "Words to look for"}},
        "required": ["query"],
    },
)
HANDOFF = ToolSpec(
    "handoff_to_human",
    "Fetch a person.",
    {"type": "object", "properties": {"reason": {"type": "string"}}},
)
TOOLS = (SEARCH, HANDOFF)


def a_config(name: str = "smart", **changes: Any) -> LLMConfig:
    """An OpenAI config, unless told otherwise."""
    facts: dict[str, Any] = {
        "provider": Provider.OPENAI,
        "model_name": ModelName("gpt-4-turbo"),
        "api_key_env": "OPENAI_API_KEY",
    }
    return LLMConfig(name=name, **facts | changes)


def an_offline_config(name: str = "offline", **changes: Any) -> LLMConfig:
    facts: dict[str, Any] = {
        "provider": Provider.OFFLINE,
        "model_name": ModelName("offline-1"),
        "api_key_env": "",
    }
    return LLMConfig(name=name, **facts | changes)


def a_template(name: str = "greeting", content: str = "Be kind.", **changes: Any) -> PromptTemplate:
    return PromptTemplate(name=name, content=content, **changes)


def a_call(**changes: Any) -> ModelCall:
    """A call that cost 250 millionths of a dollar."""
    facts: dict[str, Any] = {
        "config_name": "smart",
        "provider": "openai",
        "model": "gpt-4-turbo",
        "input_tokens": 100,
        "output_tokens": 20,
        "cost_micro_usd": 250,
        "request_id": "req-1",
        "milliseconds": 12,
    }
    return ModelCall(**facts | changes)

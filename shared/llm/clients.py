"""One client for each way of reaching a model, made when it is first needed and then shared."""

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from shared.llm.catalogue import LLMConfig, Provider
from shared.llm.chat import OnToken
from shared.llm.failures import ProviderFailed
from shared.llm.offline_media import words_in
from shared.llm.offline_replies import reply_to
from shared.llm.offline_words import count_words
from shared.llm.questions import Answer, Client, Question, files_of
from shared.llm.storable import storable
from shared.llm.transcription import TranscriptionClient
from shared.llm.wire import Exchange, Wire

#: What an environment variable holds, or None.
Keys = Callable[[str], str | None]

#: Loaded when a config first names the provider, because each brings an SDK of some 60 MB.
_MODULES = {
    Provider.OPENAI: "shared.llm.openai_model",
    Provider.ANTHROPIC: "shared.llm.anthropic_model",
}

#: Configs change seldom; this many at a time are never in use.
_MOST_CLIENTS = 500


class Clients:
    """Every client of this process, over one pool of connections. Give it back with `close`."""

    def __init__(self, keys: Keys, *, offline_delay_s: float) -> None:
        self._keys = keys
        self._offline = OfflineClient(offline_delay_s)
        self._wire = Wire()
        self._clients = dict[tuple[object, ...], Client]()
        self._building = asyncio.Lock()

    async def get(self, config: LLMConfig, *, hears: bool = False) -> Client:
        """The client that this config shares with others that differ in words only.

        One that `hears` takes recordings, and nothing else.
        """
        if config.provider is Provider.OFFLINE:
            return self._offline
        model = config.transcription_model if hears else config.model_name
        reach = (config.provider, config.base_url, config.api_key_env, model, hears)
        if client := self._clients.get(reach):
            return client
        async with self._building:
            if reach not in self._clients:
                built = self._hearing(config) if hears else await self._built(config)
                self._clients[reach] = built
            while len(self._clients) > _MOST_CLIENTS:
                del self._clients[next(iter(self._clients))]
        return self._clients[reach]

    async def close(self) -> None:
        self._clients.clear()
        await self._wire.close()

    async def _built(self, config: LLMConfig) -> Client:
        # In a thread: a second or more of imports would stop this worker's heart.
        provider = await asyncio.to_thread(importlib.import_module, _MODULES[config.provider])
        asking: Any = await asyncio.to_thread(
            importlib.import_module, "shared.llm.langchain_client"
        )
        model = provider.build(config, self._wire, lambda: self._key(config.api_key_env))
        client: Client = asking.LangChainClient(model)
        return client

    def _hearing(self, config: LLMConfig) -> Client:
        return TranscriptionClient(config, self._wire, lambda: self._key(config.api_key_env))

    def _key(self, variable: str) -> SecretStr:
        """Read at each call, so that a changed key is used at once."""
        key = self._keys(variable)
        if not key:
            raise ProviderFailed("llm_auth", f"{variable} is not set", is_skip=True)
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ProviderFailed("llm_auth", f"{variable} holds what no header may", is_skip=True)
        return SecretStr(key)


class OfflineClient:
    """The offline model's words, without LangChain around them: nothing is left of its cost."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    async def ask(self, question: Question, _: Exchange, on_token: OnToken | None, /) -> Answer:
        if files := files_of(question):
            text = storable("\n".join(filter(None, map(words_in, files))))
            return Answer(text, question.size // 4, count_words(text), finish_reason="stop")
        said = reply_to(question.messages, question.tools)
        text = storable(said.text)
        pieces = text.split(" ") if on_token and text else [text]
        for number, piece in enumerate(pieces):
            if self._delay_s:
                await asyncio.sleep(self._delay_s / len(pieces))
            if on_token and text:
                await on_token(f" {piece}" if number else piece)
        return Answer(
            text,
            input_tokens=sum(count_words(message.text) for message in question.messages),
            output_tokens=said.tokens,
            finish_reason="tool_calls" if said.tool_calls else "stop",
            tool_calls=said.tool_calls,
        )

"""Models that say what a test tells them to, and remember what they were asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.llm.catalogue import LLMConfig
from shared.llm.chat import ChatMessage, ModelCall, ModelFailed, OnToken, Reply, ToolSpec

#: What a model says to these messages; an exception is raised instead.
Says = Callable[[Sequence[ChatMessage]], str | Exception]

OUTAGE = ModelFailed(
    "llm_unavailable",
    "Nobody answered.",
    calls=[ModelCall(config_name="c", provider="p", model="m", error="llm_unavailable")],
)
BAD_KEY = ModelFailed("llm_auth", "The key was refused.")


@dataclass
class Asked:
    """One call, as the model saw it."""

    config: str
    messages: Sequence[ChatMessage]
    temperature: float | None
    max_tokens: int | None
    retries: int | None

    @property
    def system(self) -> str:
        return self.messages[0].text


@dataclass
class ScriptedModels:
    """Fits `shared.llm.chat.ChatModels`; answers with the first candidate."""

    says: Says = lambda _: "Halo!"
    asked: list[Asked] = field(default_factory=list[Asked])

    async def reply(  # noqa: PLR0913 - as the port has it
        self,
        candidates: Sequence[LLMConfig],
        messages: Sequence[ChatMessage],
        /,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        retries: int | None = None,
        on_token: OnToken | None = None,
        tools: Sequence[ToolSpec] = (),
    ) -> Reply:
        config = candidates[0]
        self.asked.append(Asked(config.name, messages, temperature, max_tokens, retries))
        said = self.says(messages)
        if isinstance(said, Exception):
            raise said
        if on_token:
            for word in said.split(" "):
                await on_token(word)
        call = ModelCall(
            config_name=config.name,
            provider=config.provider,
            model=config.model_name.text,
            input_tokens=10,
            output_tokens=5,
            cost_micro_usd=7,
        )
        return Reply(text=said, provider=call.provider, model=call.model, calls=[call])

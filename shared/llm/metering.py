"""What one request to a model took: tokens, money, time; as a record, as metrics, on a span."""

import time
from dataclasses import dataclass, field
from functools import cache

from prometheus_client import Counter, Histogram

from shared import metrics
from shared.llm.catalogue import LLMConfig
from shared.llm.chat import File, ModelCall
from shared.llm.questions import Answer, Question
from shared.llm.tokens import estimate, plausible
from shared.llm.wire import Exchange


@dataclass
class Attempt:
    """One request, from before it is sent until it has been paid for."""

    config: LLMConfig
    question: Question
    exchange: Exchange
    #: until it is known better: whoever waited for it has gone away
    error: str | None = "cancelled"
    _answer: Answer | None = None
    _began: float = field(default_factory=time.perf_counter)

    @property
    def name(self) -> str:
        return f"{self._operation} {self._model}"

    @property
    def _operation(self) -> str:
        return "transcription" if self.question.recording else "chat"

    @property
    def _model(self) -> str:
        return model_asked(self.config, self.question.recording)

    def answered(self, answer: Answer) -> None:
        """Raises ProviderFailed if the answer is none."""
        self._answer = answer
        if fault := answer.fault():
            raise fault
        self.error = None

    def measured(self) -> ModelCall | None:
        """The record of it; None when it cannot have reached the provider."""
        if self._answer is None and not self.exchange.is_sent:
            return None
        input_tokens, output_tokens, is_estimated = self._tokens()
        seconds = time.perf_counter() - self._began
        call = ModelCall(
            config_name=self.config.name,
            provider=self.config.provider.value,
            model=self._model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_micro_usd=self.config.cost_micro_usd(input_tokens, output_tokens),
            is_estimated=is_estimated,
            error=self.error,
            request_id=self.exchange.request_id,
            milliseconds=round(seconds * 1_000),
        )
        _count(call, seconds)
        return call

    def facts(self) -> dict[str, object]:
        """Of the span, by OpenTelemetry's conventions for generative AI; never any words."""
        return {
            "gen_ai.operation.name": self._operation,
            "gen_ai.provider.name": self.config.provider.value,
            "gen_ai.request.model": self._model,
            "gen_ai.request.temperature": self.question.temperature,
            "gen_ai.request.max_tokens": self.question.max_tokens,
        }

    def outcome(self, call: ModelCall) -> dict[str, object]:
        """What the span learns at the end."""
        facts: dict[str, object] = {
            "gen_ai.usage.input_tokens": call.input_tokens,
            "gen_ai.usage.output_tokens": call.output_tokens,
        }
        if self._answer and self._answer.finish_reason:
            facts["gen_ai.response.finish_reasons"] = self._answer.finish_reason
        if call.request_id:
            facts["gen_ai.response.id"] = call.request_id
        if call.error:
            facts["error.type"] = call.error
        return facts

    def _tokens(self) -> tuple[int, int, bool]:
        if self.exchange.is_free:
            return 0, 0, False
        answer = self._answer or Answer("")
        said = answer.size or self.exchange.written
        asked_tokens, is_guess = _counted(answer.input_tokens, self.question.size)
        said_tokens, is_other_guess = _counted(answer.output_tokens, said)
        return asked_tokens, said_tokens, is_guess or is_other_guess


def model_asked(config: LLMConfig, recording: File | None) -> str:
    """The provider's own name of it."""
    heard_by = config.transcription_model if recording else None
    return heard_by or config.model_name.text


def _counted(reported: int | None, characters: int) -> tuple[int, bool]:
    """The provider's own number, unless it cannot be right; and whether it is a guess."""
    if reported is not None and plausible(reported) and (reported or not characters):
        return reported, False
    return estimate(characters), True


def _count(call: ModelCall, seconds: float) -> None:
    calls, tokens_in, tokens_out, cost, took = _meters(call.provider, call.error or "ok")
    calls.inc()
    tokens_in.inc(call.input_tokens)
    tokens_out.inc(call.output_tokens)
    cost.inc(call.cost_micro_usd)
    took.observe(seconds)


@cache
def _meters(provider: str, code: str) -> tuple[Counter, Counter, Counter, Counter, Histogram]:
    # Finding them by their labels costs more than counting does.
    return (
        metrics.llm_calls.labels(provider, code),
        metrics.llm_tokens.labels(provider, "input"),
        metrics.llm_tokens.labels(provider, "output"),
        metrics.llm_cost_micro_usd.labels(provider),
        metrics.llm_seconds.labels(provider),
    )

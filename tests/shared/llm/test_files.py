"""Pictures that models look at, and recordings that they listen to."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from shared.llm.catalogue import LLMConfig, Provider
from shared.llm.chat import ChatMessage, File, ModelFailed, Transcribers
from shared.llm.models import LangChainModels
from simulators.model import ModelRule
from simulators.perception import with_words
from simulators.waha.pictures import photo, silent_voice
from tests.shared.llm.builders import a_config, an_offline_config
from tests.shared.llm.fakes import FakeTranscribers
from tests.shared.llm.provider_house import House

CONTRACT_OF = Transcribers

WORDS = "Kopi Susu 25.000"
PICTURE = File(with_words(photo("kopi"), WORDS), "image/png")
VOICE = File(with_words(silent_voice(3), WORDS), "audio/ogg")
ASKED = (ChatMessage("system", "Look."), ChatMessage("user", "What is it?", images=(PICTURE,)))


@dataclass(frozen=True)
class Bench:
    transcribers: Transcribers
    config: LLMConfig


@pytest.fixture(params=["openai", "offline", "fake"])
async def bench(
    request: pytest.FixtureRequest, models: LangChainModels, providers: House
) -> AsyncGenerator[Bench]:
    if request.param == "fake":
        yield Bench(FakeTranscribers(WORDS), a_config(transcription_model="whisper-1"))
    elif request.param == "offline":
        yield Bench(models, an_offline_config(transcription_model="offline-1"))
    else:
        config = providers.config(Provider.OPENAI, transcription_model="whisper-1")
        yield Bench(models, config)


async def test_a_recording_becomes_its_words(bench: Bench) -> None:
    reply = await bench.transcribers.transcribe([bench.config], VOICE)

    assert reply.text == WORDS
    assert reply.model == bench.config.transcription_model
    assert [(call.model, call.error) for call in reply.calls] == [(reply.model, None)]
    assert reply.calls[0].output_tokens > 0


async def test_what_is_not_counted_is_estimated_by_its_length(
    models: LangChainModels, providers: House
) -> None:
    providers.script.set([ModelRule(usage=False)])
    config = providers.config(Provider.OPENAI, transcription_model="whisper-1")

    (call,) = (await models.transcribe([config], File(VOICE.content * 9, VOICE.mimetype))).calls

    assert call.is_estimated
    assert call.input_tokens == -(-(len(VOICE.content) * 9 // 30) // 4)
    assert call.cost_micro_usd > 0


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (ModelRule(status=500), "llm_unavailable"),
        (ModelRule(status=413), "llm_rejected"),
        (ModelRule(status=404), "llm_rejected"),
        (ModelRule(garbage="html"), "llm_unavailable"),
        (ModelRule(garbage="text"), "llm_bad_answer"),
        (ModelRule(garbage="shape"), "llm_bad_answer"),
        (ModelRule(text=" "), "llm_bad_answer"),
    ],
)
async def test_a_transcription_fails_as_other_calls_do(
    models: LangChainModels, providers: House, rule: ModelRule, code: str
) -> None:
    providers.script.set([rule])
    config = providers.config(Provider.OPENAI, transcription_model="whisper-1")

    with pytest.raises(ModelFailed) as failed:
        await models.transcribe([config], VOICE)

    assert failed.value.code == code


async def test_what_is_no_recording_is_refused_by_the_provider(
    models: LangChainModels, providers: House
) -> None:
    config = providers.config(Provider.OPENAI, transcription_model="whisper-1")

    with pytest.raises(ModelFailed) as failed:
        await models.transcribe([config], File(b"<html>", "audio/ogg"))

    assert failed.value.code == "llm_rejected"


@pytest.mark.parametrize("provider", [*Provider])
async def test_a_picture_is_shown_in_each_providers_shape(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    config = an_offline_config(vision=True)
    if provider is not Provider.OFFLINE:
        config = providers.config(provider, vision=True)

    assert (await models.reply([config], ASKED)).text == WORDS


def test_nothing_of_a_file_is_printed() -> None:
    assert "Kopi" not in repr(ASKED)

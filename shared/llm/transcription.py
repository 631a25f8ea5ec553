"""Speech into text, by a server that speaks OpenAI's protocol, over our wire."""

from collections.abc import Callable
from typing import Any, cast

from pydantic import SecretStr

from shared.llm.catalogue import LLMConfig
from shared.llm.chat import OnToken
from shared.llm.failures import ProviderFailed, bad_answer
from shared.llm.questions import Answer, Question
from shared.llm.storable import storable
from shared.llm.tokens import counts
from shared.llm.wire import Exchange, Form, Wire

BASE_URL = "https://api.openai.com/v1"

#: Providers tell by the name's end what a file is.
ENDINGS = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
}


class TranscriptionClient:
    """Fits `shared.llm.questions.Client`."""

    def __init__(self, config: LLMConfig, wire: Wire, key: Callable[[], SecretStr]) -> None:
        """`key` is asked for at each call and never kept."""
        self._model = config.transcription_model or ""
        self._url = f"{(config.base_url or BASE_URL).rstrip('/')}/audio/transcriptions"
        self._wire = wire
        self._key = key

    async def ask(self, question: Question, exchange: Exchange, _: OnToken | None, /) -> Answer:
        recording = question.recording
        if recording is None or not self._model:
            raise ProviderFailed("llm_rejected", "there is nothing to hear", is_skip=True)
        form = Form(
            fields={"model": self._model, "response_format": "json"},
            filename=f"voice.{ENDINGS.get(recording.mimetype, 'bin')}",
            mimetype=recording.mimetype,
            content=recording.content,
        )
        headers = {"Authorization": f"Bearer {self._key().get_secret_value()}"}
        answer = await self._wire.ask(self._url, headers, form, exchange)
        text: Any = answer.get("text")
        if not isinstance(text, str):
            raise bad_answer("the answer has no text")
        usage = counts(cast("object", answer.get("usage"))) or {}
        return Answer(
            storable(text),
            input_tokens=usage.get("input_tokens"),
            output_tokens=usage.get("output_tokens"),
            finish_reason="stop",
        )

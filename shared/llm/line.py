"""A line to one model: where it is asked, and which fields of a request it turned out to refuse."""

from collections.abc import Callable, Mapping

from shared.llm.failures import ProviderFailed
from shared.llm.wire import Events, Exchange, Json, Wire

#: Two names of one thing: OpenAI's newer models refuse the first, other servers do not know
#: the second (and then write without end).
_OTHER_NAME = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}


class Line:
    """Asks one model. What the model refuses once is not sent to it again.

    Current models of Anthropic, and OpenAI's reasoning models, take no temperature; older ones do.
    No list of their names would stay true, and a refusal costs nothing, so we ask and remember.
    """

    def __init__(self, wire: Wire, url: str, headers: Callable[[], Mapping[str, str]]) -> None:
        self._wire = wire
        self._url = url
        self._headers = headers
        self._refused = set[str]()

    async def ask(self, payload: Json, exchange: Exchange) -> Json:
        """Raises ProviderFailed."""
        try:
            return await self._wire.ask(self._url, self._headers(), self._fitted(payload), exchange)
        except ProviderFailed as failed:
            self._learn(failed, payload)
        return await self._wire.ask(self._url, self._headers(), self._fitted(payload), exchange)

    async def stream(
        self, payload: Json, exchange: Exchange, is_last: Callable[[Json], bool]
    ) -> Events:
        """Raises ProviderFailed, as does reading the events."""
        try:
            return await self._wire.stream(
                self._url, self._headers(), self._fitted(payload), exchange, is_last
            )
        except ProviderFailed as failed:
            self._learn(failed, payload)
        return await self._wire.stream(
            self._url, self._headers(), self._fitted(payload), exchange, is_last
        )

    def _learn(self, failed: ProviderFailed, payload: Json) -> None:
        """Raises `failed` again, unless asking without the blamed field may help."""
        blamed = failed.blames
        if blamed is None or blamed in self._refused or blamed not in self._fitted(payload):
            raise failed
        if blamed != "temperature" and blamed not in _OTHER_NAME:
            raise failed
        self._refused.add(blamed)

    def _fitted(self, payload: Json) -> Json:
        if not self._refused:
            return payload
        return {
            (_OTHER_NAME.get(name, name) if name in self._refused else name): value
            for name, value in payload.items()
            if not (name == "temperature" and name in self._refused)
        }

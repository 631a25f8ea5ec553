"""The addresses under which the simulated model providers are found."""

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from simulators import anthropic, openai
from simulators.chat import ChatDoor, Models
from simulators.dialect import Dialect
from simulators.exchange import Answer, Exchange
from simulators.faults import Failure
from simulators.hearing import HearingDoor, Transcribed

NOT_SPOKEN = Failure(
    404,
    "The simulator speaks chat completions (openai) and messages (anthropic), not this address. "
    "A client that asks for /responses needs use_responses_api=False.",
    code="not_found_error",
)


def routes(models: Models) -> list[BaseRoute]:
    """What clients find with the base URLs `/openai/v1` and `/anthropic`."""
    openais, anthropics = openai.OpenAI(), anthropic.Anthropic()
    return [
        Route("/openai/v1/chat/completions", ChatDoor(openais, models), methods=["POST"]),
        Route(
            "/openai/v1/audio/transcriptions",
            HearingDoor(Transcribed(), models),
            methods=["POST"],
        ),
        Route("/openai/v1/models", Fixed(openais, openai.MODELS), methods=["GET"]),
        Route("/openai/{rest:path}", Fixed(openais, NOT_SPOKEN)),
        Route("/anthropic/v1/messages", ChatDoor(anthropics, models), methods=["POST"]),
        Route("/anthropic/v1/models", Fixed(anthropics, anthropic.MODELS), methods=["GET"]),
        Route("/anthropic/{rest:path}", Fixed(anthropics, NOT_SPOKEN)),
    ]


class Fixed:
    """An ASGI application that says the same to everyone who has a key."""

    def __init__(self, dialect: Dialect, answer: bytes | Failure) -> None:
        self._dialect = dialect
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        said = self._dialect.refusal(exchange) or self._answer
        if isinstance(said, Failure):
            body = self._dialect.error(said, "req_none")
            await exchange.answer(Answer(status=said.status, pieces=[body]))
        else:
            await exchange.answer(Answer(pieces=[said]))

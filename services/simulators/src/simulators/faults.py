"""Everything that can go wrong with an answer of the outside world, and how it is acted out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from simulators.exchange import BEFORE_RESET_S, Answer, Exchange

Seconds = Annotated[float, Field(ge=0, le=600)]
Reset = Literal["before", "midway", "after"]
Garbage = Literal["html", "text", "shape", "truncated", "empty"]
ErrorStatus = Annotated[int, Field(ge=400, le=599)]

#: what a load balancer says for a server that it cannot reach
HTML_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"
)
NO_JSON = b"upstream connect error or disconnect/reset before headers"
OTHER_SHAPE = b'{"ok":true,"choices":"soon","content":7}'


class Failure(NamedTuple):
    """An answer that is an error in the provider's own shape."""

    status: int
    message: str = "The simulator was told to fail."
    code: str | None = None
    retry_after: int | float | str | None = None


class Fault(BaseModel):
    """What goes wrong with one answer, whoever gives it; by default nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: before anything is sent
    delay_s: Seconds = 0.0
    #: between the pieces of the body
    chunk_delay_s: Seconds = 0.0
    #: how many pieces an answer is sent in
    chunks: int | None = Field(default=None, ge=1, le=100_000)
    #: an error in the provider's own shape
    status: ErrorStatus | None = None
    error_code: str | None = None
    error_message: str | None = None
    #: the header, sent as it stands: seconds, a date, or nonsense
    retry_after: int | float | Annotated[str, Field(pattern=r"^[ -~]{1,100}$")] | None = None
    #: true: never a byte; midway: after half of the answer
    hang: bool | Literal["midway"] = False
    #: the connection breaks: before the request has any effect, after half of the answer was
    #: sent, or after the effect (the work is done and counted, but nobody hears of it)
    reset: Reset | None = None
    #: html: a page with status 502; text: no JSON; shape: other JSON; truncated: half of the
    #: JSON; empty: the provider's shape with nothing in it
    garbage: Garbage | None = None

    @property
    def failure(self) -> Failure | None:
        if self.status is None:
            return None
        told = Failure(self.status, code=self.error_code, retry_after=self.retry_after)
        return told._replace(message=self.error_message) if self.error_message else told


async def act_out(
    exchange: Exchange,
    fault: Fault,
    refuse: Callable[[Failure], Answer],
    answer: Callable[[], Answer],
) -> str:
    """Answer the request as `fault` says; gives the outcome for the journal. Raises ClientGone.

    `answer` does the work, and is not called when the fault strikes before it.
    """
    if fault.reset == "before":
        await exchange.drop()
        return "reset:before"
    await exchange.pause(fault.delay_s)
    if fault.hang is True:
        await exchange.hang()
        return "hang"
    if failure := fault.failure:
        return await exchange.answer(refuse(failure))
    ready = answer()
    if fault.reset == "after":
        await exchange.drop()
        return "reset:after"
    return await _deliver(exchange, fault, spoil(ready, fault))


async def _deliver(exchange: Exchange, fault: Fault, answer: Answer) -> str:
    if fault.hang == "midway" or fault.reset == "midway":
        return await _break_off(exchange, fault, answer)
    if not fault.chunk_delay_s:
        return await exchange.answer(answer)
    await exchange.start(answer)
    await exchange.write(answer.pieces, pause_s=fault.chunk_delay_s)
    await exchange.end()
    return answer.outcome


async def _break_off(exchange: Exchange, fault: Fault, answer: Answer) -> str:
    await exchange.start(answer)
    await exchange.write(half(answer.pieces), pause_s=fault.chunk_delay_s)
    if fault.hang:
        await exchange.hang()
        return "hang:midway"
    await exchange.pause(BEFORE_RESET_S)
    await exchange.drop()
    return "reset:midway"


def spoil(answer: Answer, fault: Fault) -> Answer:
    """The same answer made unreadable, if the fault asks for it.

    `empty` is not done here: only the provider knows the shape of nothing.
    """
    outcome = f"garbage:{fault.garbage}"
    match fault.garbage:
        case "html":
            return Answer(
                status=502, content_type=b"text/html", pieces=[HTML_PAGE], outcome=outcome
            )
        case "text":
            return replace(answer, pieces=[_line(answer, NO_JSON)], outcome=outcome)
        case "shape":
            return replace(answer, pieces=[_line(answer, OTHER_SHAPE)], outcome=outcome)
        case "truncated":
            end = b"\n\n" if answer.is_stream else b""
            return replace(answer, pieces=[*half(answer.pieces), end], outcome=outcome)
        case _:
            return answer


def half(pieces: Sequence[bytes]) -> list[bytes]:
    """The first half of the pieces, the last of them cut in two."""
    kept = list(pieces[: len(pieces) // 2 + 1])
    kept[-1] = kept[-1][: len(kept[-1]) // 2]
    return kept


def cut(text: bytes, pieces: int) -> list[bytes]:
    """At most so many pieces, of nearly equal length, none of them empty."""
    size = max(1, -(-len(text) // pieces))
    return [text[i : i + size] for i in range(0, len(text), size)]


def _line(answer: Answer, body: bytes) -> bytes:
    if not answer.is_stream:
        return body
    event, data, _ = answer.pieces[0].partition(b"data: ")  # the event's name, where it has one
    return event + data + body + b"\n\n"

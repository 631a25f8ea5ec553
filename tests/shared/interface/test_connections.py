"""A request's head comes to an end, or the connection does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from shared.interface.connections import BoundedConnection
from shared.interface.http import create_api
from shared.interface.routes import api_router
from tests.waiting import until

echo = api_router("/echo", tag="echo")


@echo.get("/{word}")
async def say(word: str) -> str:
    return word


class Hasty(BoundedConnection):
    HEAD_TIMEOUT_S = 0.3
    LINGER_S = 0.5


@pytest.fixture
async def server() -> AsyncGenerator[uvicorn.Server]:
    app = create_api("Echo", routers=[echo])
    config = uvicorn.Config(app, port=0, http=Hasty, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started, "the server has started", within=20)
    yield server
    server.should_exit = True
    await serving


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    number: int = server.servers[0].sockets[0].getsockname()[1]
    return number


GET = b"GET /echo/a HTTP/1.1\r\nHost: localhost\r\n"


@asynccontextmanager
async def connected(port: int) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize("begun", [b"", b"G", GET, GET + b"X: y"], ids=repr)
async def test_a_head_that_never_ends_is_hung_up_on(port: int, begun: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(begun)

        assert await reader.read() == b""


async def test_trickling_does_not_buy_more_time(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(GET)

        async def trickle() -> None:
            while True:
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        assert await reader.read() == b""
        trickling.cancel()


@pytest.mark.parametrize("begun", [GET + b"X: ", GET + b"X: y\r\n" * 20, b"GET /"], ids=repr)
async def test_a_head_without_end_is_refused_and_the_reason_can_be_read(
    port: int, begun: bytes
) -> None:
    async with connected(port) as (reader, writer):
        writer.write(begun)
        await writer.drain()
        for _ in range(100):
            writer.write(b"y" * 10_000)
            await writer.drain()

        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"headers_too_large"' in answer


async def test_whoever_never_stops_sending_is_hung_up_on(port: int) -> None:
    async with connected(port) as (_, writer):
        writer.write(GET)
        with pytest.raises(ConnectionError):
            while True:
                writer.write(b"X: y\r\n" * 1_000)
                await writer.drain()


async def test_requests_on_one_connection_are_answered_however_they_are_cut(port: int) -> None:
    requests = (GET + b"\r\n") * 3
    answers: list[bytes] = []

    async with connected(port) as (reader, writer):
        for cut in (1, len(GET), len(GET) + 2, len(requests)):
            for start in range(0, len(requests), cut):
                writer.write(requests[start : start + cut])
                await writer.drain()
            for _ in range(3):
                await reader.readuntil(b"\r\n\r\n")
                answers.append(await reader.readexactly(3))

    assert answers == [b'"a"'] * 12


async def test_a_connection_may_rest_between_requests(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        first = await client.get("/echo/a")
        await asyncio.sleep(2 * Hasty.HEAD_TIMEOUT_S)
        second = await client.get("/echo/b")

    assert (first.json(), second.json()) == ("a", "b")


async def test_half_heads_do_not_hold_up_others(port: int) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    for _, writer in slow:
        writer.write(GET)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        answers = [await client.get("/echo/a") for _ in range(20)]
    for _, writer in slow:
        writer.close()

    assert {answer.status_code for answer in answers} == {200}

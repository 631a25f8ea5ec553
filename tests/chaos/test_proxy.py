"""The proxy does to bytes what its toxics say, and nothing else."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator

import pytest

from tests.background import BackgroundLoop
from tests.chaos.proxy import Proxy
from tests.chaos.toxics import (
    Bandwidth,
    Flaky,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    Timeout,
    Toxic,
)
from tests.waiting import until

HELLO = b"the quick brown fox jumps over the lazy dog"


@pytest.fixture(scope="module")
def loop() -> Iterator[BackgroundLoop]:
    loop = BackgroundLoop("proxies")
    yield loop
    loop.close()


@pytest.fixture
async def echo_port() -> AsyncGenerator[int]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def proxy(echo_port: int, loop: BackgroundLoop) -> Iterator[Proxy]:
    proxy = Proxy(echo_port, loop)
    yield proxy
    proxy.close()


class Caller:
    """A client with one connection, whose every wait is bounded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, data: bytes = HELLO) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def hear(self, count: int = len(HELLO), *, within: float = 5.0) -> bytes:
        async with asyncio.timeout(within):
            return await self._reader.readexactly(count)

    async def hear_a_piece(self) -> bytes:
        async with asyncio.timeout(5):
            return await self._reader.read(65_536)

    def hang_up(self) -> None:
        self._writer.close()


@pytest.fixture
async def call(proxy: Proxy) -> AsyncGenerator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield Caller(reader, writer)
    writer.close()


async def test_without_toxics_every_byte_passes_unchanged(call: Caller) -> None:
    every_byte = bytes(range(256)) * 4_096

    sending = asyncio.create_task(call.say(every_byte))

    assert await call.hear(len(every_byte)) == every_byte
    await sending


async def test_latency_delays_each_way_that_it_was_given(call: Caller, proxy: Proxy) -> None:
    proxy.blackhole(Latency(0.1, jitter=0.01))
    began = time.monotonic()

    await call.say()
    heard = await call.hear()

    assert heard == HELLO
    assert time.monotonic() - began >= 0.18


async def test_bandwidth_holds_a_large_answer_back(call: Caller, proxy: Proxy) -> None:
    proxy.add(Bandwidth(bytes_per_s=100_000))
    began = time.monotonic()

    await call.say(b"x" * 20_000)
    await call.hear(20_000)

    assert time.monotonic() - began >= 0.19


async def test_a_slicer_tears_an_answer_into_pieces(call: Caller, proxy: Proxy) -> None:
    proxy.add(Slicer(size=4, pause=0.005))

    await call.say()
    first = await call.hear_a_piece()
    rest = await call.hear(len(HELLO) - len(first))

    assert len(first) < len(HELLO)
    assert first + rest == HELLO


async def test_a_blackhole_holds_everything_until_it_is_healed(call: Caller, proxy: Proxy) -> None:
    proxy.blackhole(Timeout())

    await call.say()
    with pytest.raises(TimeoutError):
        await call.hear(within=0.1)
    proxy.heal()

    assert await call.hear() == HELLO


async def test_a_timeout_ends_the_connection_when_it_is_over(call: Caller, proxy: Proxy) -> None:
    proxy.add(Timeout(0.05))

    await call.say()

    assert await call.hear_a_piece() == b""


@pytest.mark.parametrize("toxic", [ResetPeer(), Flaky(chance=1.0)])
async def test_a_reset_is_seen_as_one(call: Caller, proxy: Proxy, toxic: Toxic) -> None:
    proxy.add(toxic)

    await call.say()

    with pytest.raises(ConnectionResetError):
        await call.hear()


async def test_a_limit_lets_so_many_bytes_pass_and_no_more(call: Caller, proxy: Proxy) -> None:
    proxy.add(LimitData(10))

    await call.say()

    with pytest.raises(asyncio.IncompleteReadError) as cut_short:
        await call.hear()
    assert cut_short.value.partial == HELLO[:10]


async def test_cutting_ends_connections_and_welcomes_new_ones(call: Caller, proxy: Proxy) -> None:
    await call.say()
    await call.hear()

    proxy.cut()

    with pytest.raises(ConnectionResetError):
        await call.hear()
    again = Caller(*await asyncio.open_connection("127.0.0.1", proxy.port))
    await again.say()
    assert await again.hear() == HELLO
    again.hang_up()


async def test_a_proxy_that_is_down_refuses_until_it_is_up(proxy: Proxy) -> None:
    proxy.down()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.up()
    again = Caller(*await asyncio.open_connection("127.0.0.1", proxy.port))
    await again.say()
    assert await again.hear() == HELLO
    again.hang_up()


async def test_toxics_add_up(call: Caller, proxy: Proxy) -> None:
    proxy.add(Slicer(size=5))
    proxy.add(LimitData(12))

    await call.say()

    with pytest.raises(asyncio.IncompleteReadError) as cut_short:
        await call.hear()
    assert cut_short.value.partial == HELLO[:12]


async def test_a_server_that_is_gone_looks_gone(loop: BackgroundLoop) -> None:
    nowhere = Proxy(1, loop)

    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await Caller(*await asyncio.open_connection("127.0.0.1", nowhere.port)).hear()
    nowhere.close()


async def test_a_connection_that_ends_is_forgotten(call: Caller, proxy: Proxy) -> None:
    await call.say()
    await call.hear()

    call.hang_up()

    await until(lambda: proxy.connection_count == 0, "the proxy lets go", within=5)

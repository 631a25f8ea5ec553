"""Bodies are JSON of a bounded size, whatever their headers say, and however they arrive."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

import httpx
import pytest
import uvicorn
from fastapi import Request
from pydantic import BaseModel

from shared.interface import routes
from shared.interface.http import create_api
from shared.interface.routes import api_router

LIMIT = 10_000


class Note(BaseModel):
    text: str


notes = api_router("/notes", tag="notes")


@notes.post("")
async def take_note(note: Note) -> int:
    return len(note.text)


@notes.post("/signed")
async def take_signed(request: Request) -> list[object]:
    raw = await request.body()
    return [raw.decode(), await request.json()]


@notes.post("/nothing")
async def take_nothing() -> str:
    return "taken"


@notes.post("/perhaps")
async def take_perhaps(note: Note | None = None) -> str:
    return "nothing" if note is None else note.text


app = create_api("Notes", routers=[notes], body_limit=LIMIT)


@pytest.fixture
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    """A real server: only there do lengths lie and bodies stop half way."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


def note_of(size: int) -> bytes:
    """A note whose body has exactly this many bytes."""
    return json.dumps({"text": "x" * (size - len('{"text": ""}'))}).encode()


async def spoken(port: int, *parts: bytes, hang_up: bool = False) -> tuple[int, bytes]:
    """What a server answers to these bytes: its status, and all that it sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        if hang_up:
            return 0, b""
        async with asyncio.timeout(20):
            answer = await reader.read()
        return int(answer.split()[1]), answer
    finally:
        writer.close()


def head(*headers: str) -> bytes:
    lines = ["POST /notes HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ],
)
async def test_json_by_any_of_its_names_is_taken(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/notes", content=note_of(50), headers={"Content-Type": kind})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "identity, br"},
    ],
    ids=lambda headers: ",".join(headers.values()),
)
async def test_any_other_kind_of_body_is_not_supported(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/notes", content=note_of(50), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"[" * 9_999, 400, "malformed_json"),
        (b'{"text":"\xff"}', 400, "malformed_json"),
        (b"null", 422, "validation_failed"),
        (b'{"text":"\\u0000"}', 422, "validation_failed"),
        (b'{"text":"a","text":"b"}', 422, "validation_failed"),
    ],
)
async def test_strictness_reaches_the_routes(
    client: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    answer = await client.post("/notes", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Content-Type": "application/json"}

    fits = await client.post("/notes", content=note_of(LIMIT), headers=headers)
    does_not = await client.post("/notes", content=note_of(LIMIT + 1), headers=headers)

    assert fits.status_code == 200
    assert (does_not.status_code, does_not.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("told", ["the truth", "nothing", "a lie"])
async def test_reading_stops_at_the_limit(client: httpx.AsyncClient, told: str) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 1_000
            yield b"x" * 1_000

    lengths = {"the truth": {"Content-Length": "1000000"}, "a lie": {"Content-Length": "5"}}
    headers = {"Content-Type": "application/json"} | lengths.get(told, {})
    answer = await client.post("/notes", content=body(), headers=headers)

    assert answer.status_code == 413
    assert sent == 0 if told == "the truth" else sent <= LIMIT + 2_000


async def test_a_signature_is_checked_over_the_bytes_as_they_came(
    client: httpx.AsyncClient,
) -> None:
    body = '{ "b":1,\n"a" : "é" }'

    answer = await client.post(
        "/notes/signed", content=body.encode(), headers={"Content-Type": "application/json"}
    )

    assert answer.json() == [body, {"a": "é", "b": 1}]


async def test_a_route_that_takes_no_body_does_not_mind_one(client: httpx.AsyncClient) -> None:
    assert (await client.post("/notes/nothing", content=b"{")).json() == "taken"


async def test_a_body_may_be_left_out_where_the_route_says_so(client: httpx.AsyncClient) -> None:
    left_out = await client.post("/notes/perhaps")
    given = await client.post("/notes/perhaps", json={"text": "Hello"})
    broken = await client.post("/notes/perhaps", content=b"{")
    announced = await client.post("/notes/perhaps", headers={"Content-Type": "application/json"})
    needed = await client.post("/notes")

    assert (left_out.json(), given.json()) == ("nothing", "Hello")
    assert (broken.status_code, announced.status_code, needed.status_code) == (415, 400, 415)


async def test_who_sends_ten_megabytes_can_read_why_they_are_refused(port: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            yield b"x" * 10_000

    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        by_length = await client.post("/notes", content=b"x" * 10_000_000, headers=headers)
        chunked = await client.post("/notes", content=chunks(), headers=headers)
        after = await client.post("/notes", json={"text": "x"})

    assert (by_length.status_code, chunked.status_code, after.status_code) == (413, 413, 200)


async def test_a_body_that_never_arrives_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "BODY_TIMEOUT_S", 0.2)

    for parts in ([head("Content-Length: 100")], [head("Content-Length: 100"), b'{"text"']):
        status, answer = await spoken(port, *parts)
        assert status == 408
        assert b'"code":"request_timeout"' in answer


async def test_whoever_hangs_up_in_the_middle_disturbs_nobody(port: int) -> None:
    for _ in range(20):
        await spoken(port, head("Content-Length: 100"), b'{"text"', hang_up=True)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.post("/notes", json={"text": "x"})).json() == 1


async def test_slow_bodies_do_not_hold_up_others(port: int) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    for _, writer in slow:
        writer.write(head("Content-Length: 100") + b"{")

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        answers: Iterable[httpx.Response] = [
            await client.post("/notes", json={"text": "x"}) for _ in range(20)
        ]
    for _, writer in slow:
        writer.close()
    assert {answer.status_code for answer in answers} == {200}

"""A server that says anything one wants, on the addresses of model providers."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from shared.llm.catalogue import LLMConfig
from shared.llm.wire import Json
from tests.shared.llm.builders import a_config

Answer = web.Response | Callable[[web.Request], Any]


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode()


def completion(message: dict[str, Any], **more: Any) -> web.Response:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return web.json_response({"choices": [choice], **more})


def stream(*events: bytes, end: bytes = b"\n\n", content_type: str = "text/event-stream") -> Answer:
    return web.Response(body=b"".join(event + end for event in events), content_type=content_type)


@asynccontextmanager
async def server(*answers: Answer) -> AsyncGenerator[tuple[LLMConfig, list[Json]]]:
    """Gives these answers in turn; a config that leads to it, and the bodies it was sent."""
    left, bodies = list(answers), list[Json]()

    async def answer(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        said = left.pop(0)
        return said if isinstance(said, web.Response) else await said(request)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    app.router.add_post("/v1/messages", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield a_config(base_url=f"http://127.0.0.1:{port}/v1/", retries=0, timeout_s=5), bodies
    finally:
        await runner.cleanup()


def hanging(*events: bytes) -> Answer:
    """A stream that goes on after its last event, and says nothing."""

    async def answering(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"".join(event + b"\n\n" for event in events))
        await asyncio.sleep(30)
        return response

    return answering

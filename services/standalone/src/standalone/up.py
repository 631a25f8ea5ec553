"""Serving the whole platform from the command line, with or without a story about it."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import httpx
import uvicorn
from rich.console import Console
from rich.markup import escape

from shared.interface.serving import refuse_busy_port, server_for
from shared.settings import Infrastructure, Platform, load
from standalone.demo import Demo
from standalone.pretend import PretendWhatsApp, pretend_whatsapp
from standalone.telling import PromiseBroken

DEFAULT_PORT = 8_000

#: What tells a story about the platform at a URL, and the WhatsApp beside it.
Story = Callable[[str, PretendWhatsApp, Console], Demo]


def serve(console: Console, story: Story | None = None, *, once: bool = False) -> int:
    """Serve until Ctrl-C, or with `once` until the story is told; returns the exit code."""
    began = time.monotonic()
    if story is not None:
        os.environ.setdefault("LOG_LEVEL", "ERROR")
        # A model that thinks for a moment: otherwise there would be nothing to watch.
        os.environ.setdefault("OFFLINE_DELAY_S", "1")
        # The demo's shop has its WAHA server on this machine.
        os.environ.setdefault("WAHA_ALLOWED_HOSTS", "127.0.0.1")
    platform = load(Platform)
    host, port = _seen_from_here(platform.host), platform.port or DEFAULT_PORT
    refuse_busy_port(host, port)
    brings = "" if load(Infrastructure).database_url else " (its servers come along)"
    console.print(f"[bold]AI Platform[/]: starting{brings} ...")
    from standalone.main import app  # noqa: PLC0415 - seconds of imports: after the first words

    server = server_for(app, default_port=DEFAULT_PORT)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    run = _Run(server, url, console, began)
    loops = server.config.get_loop_factory()
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(run(story, once=once))
    return 0


@dataclass(frozen=True)
class _Run:
    server: uvicorn.Server
    url: str
    console: Console
    began: float

    async def __call__(self, story: Story | None, *, once: bool) -> int:
        serving = asyncio.create_task(self._serve())
        while not self.server.started and not serving.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)
        if not self.server.started:
            return 1
        self.console.print(f"Ready after {time.monotonic() - self.began:.1f} s: {self.url}")
        if story is None:
            return await self._go_on(serving)
        async with pretend_whatsapp() as whatsapp:
            if not await self._is_told(story(self.url, whatsapp, self.console)):
                self.server.should_exit = True
                await serving
                return 1
            self.server.should_exit = once
            return await self._go_on(serving)

    async def _go_on(self, serving: asyncio.Task[None]) -> int:
        if not self.server.should_exit:
            self.console.print(
                f"\nAPI {self.url}   documentation {self.url}/docs   Ctrl-C stops it."
            )
        await serving
        return 0

    async def _serve(self) -> None:
        with suppress(SystemExit):  # it has said why
            await self.server.serve()

    async def _is_told(self, story: Demo) -> bool:
        """Whether everything happened that was promised."""
        try:
            await story.tell()
        except (PromiseBroken, httpx.HTTPError) as broken:
            self.console.print(f"[bold red]That should not have happened:[/] {escape(str(broken))}")
            return False
        return True


def _seen_from_here(host: str | None) -> str:
    """Where this machine reaches what listens on `host`."""
    return host if host and host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - only compared

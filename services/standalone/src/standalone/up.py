"""Serving the whole platform from the command line, with or without a story about it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import httpx
import uvicorn
from rich.console import Console
from rich.markup import escape

from shared.interface.serving import refuse_busy_port, server_for
from shared.settings import Infrastructure, Platform, load, refuse, variables
from standalone.pretend import PretendWorld, pretend_world
from standalone.promises import PromiseBroken

DEFAULT_PORT = 8_000

#: Tells of the platform at a URL, and the world beside it. Raises PromiseBroken.
Story = Callable[[str, PretendWorld, Console], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Staging:
    """A story, and what the platform and the world around it are to be like."""

    story: Story
    #: unless somebody has set them otherwise
    settings: Mapping[str, str]
    #: where the pretend world is found, if nobody else is there; 0: anywhere
    world_port: int = 0


def serve(
    console: Console,
    staging: Staging | None = None,
    *,
    once: bool = False,
    default_port: int = DEFAULT_PORT,
) -> int:
    """Serve until Ctrl-C, or with `once` until the story is told; returns the exit code."""
    began = time.monotonic()
    if staging is not None:
        _by_default(staging.settings)
    platform = load(Platform)
    if staging is not None and platform.is_production:
        refuse("ENVIRONMENT: pretended customers are for development, never beside real ones")
    host, port = _seen_from_here(platform.host), platform.port or default_port
    refuse_busy_port(host, port)
    brings = "" if load(Infrastructure).database_url else " (its servers come along)"
    console.print(f"[bold]AI Platform[/]: starting{brings} ...")
    from standalone.main import app  # noqa: PLC0415 - seconds of imports: after the first words

    server = server_for(app, default_port=default_port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    run = _Run(server, url, console, began)
    loops = server.config.get_loop_factory()
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(run(staging, once=once))
    return 0


@dataclass(frozen=True)
class _Run:
    server: uvicorn.Server
    url: str
    console: Console
    began: float

    async def __call__(self, staging: Staging | None, *, once: bool) -> int:
        if staging is None:
            return await self._serving()
        async with pretend_world(port=staging.world_port) as world:
            # Before the platform starts: from then on its settings stand.
            _by_default(world.settings)
            telling = partial(staging.story, self.url, world, self.console)
            return await self._serving(telling, once=once)

    async def _serving(
        self, telling: Callable[[], Awaitable[None]] | None = None, *, once: bool = False
    ) -> int:
        serving = asyncio.create_task(self._serve())
        while not self.server.started and not serving.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)
        if not self.server.started:
            return 1
        self.console.print(f"Ready after {time.monotonic() - self.began:.1f} s: {self.url}")
        if telling is not None and not await is_told(telling, self.console):
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


async def is_told(telling: Callable[[], Awaitable[None]], console: Console) -> bool:
    """Whether everything happened that was promised."""
    try:
        await telling()
    except (PromiseBroken, httpx.HTTPError) as broken:
        console.print(f"[bold red]That should not have happened:[/] {escape(str(broken))}")
        return False
    return True


def _seen_from_here(host: str | None) -> str:
    """Where this machine reaches what listens on `host`."""
    return host if host and host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - only compared


def _by_default(settings: Mapping[str, str]) -> None:
    """What nobody has said, here or in `.env`, is so."""
    said = variables()
    os.environ.update({name: value for name, value in settings.items() if name not in said})

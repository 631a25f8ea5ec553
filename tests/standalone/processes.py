"""`ai-platform` as processes of their own, each in a directory where no `.env` is found."""

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.chaos.process import Process, Program, free_port
from tests.flows.platform import Platform
from tests.waiting import until

#: generous: unpacking programs, making a database, on a machine with better things to do
READY_WITHIN_S = 100.0


def command(directory: Path, *words: str, **settings: str) -> Process:
    """`ai-platform` with these words, in a directory where there is no `.env`."""
    program = Program(
        name=words[0],
        command=[str(Path(sys.executable).with_name("ai-platform")), *words],
        log=directory / f"{words[0]}.log",
        environment={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", str(directory)),
            "DATA_DIR": str(directory / "data"),
            **settings,
        },
        cwd=directory,
    )
    return Process(program)


@asynccontextmanager
async def up(directory: Path, **settings: str) -> AsyncGenerator[Platform]:
    """The whole platform, ready; stopped in good order."""
    port = free_port()
    process = command(directory, "up", PORT=str(port), **settings)
    process.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:

        async def is_ready() -> bool:
            assert process.is_running, process.tail()
            try:
                return (await http.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            await until(is_ready, "it is ready", within=READY_WITHIN_S)
            yield Platform(http)
        finally:
            ended_with = await process.stop()
    assert ended_with == 0, process.tail()


async def output_of(process: Process) -> tuple[int, str]:
    """The exit code of something that ends by itself, and all that it wrote."""
    process.start()
    try:
        ended_with = await process.ended(within=READY_WITHIN_S)
    finally:
        await process.destroy()
    return ended_with, process.program.log.read_text()

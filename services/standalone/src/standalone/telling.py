"""How the demo tells what happens, and what it says when something did not."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx
from rich.console import Console
from rich.markup import escape

Answer = TypeVar("Answer")

#: Whoever promised something has this long to keep it (seconds).
PATIENCE_S = 30.0


class PromiseBroken(Exception):
    """Something that the demo promised did not happen."""


@dataclass(frozen=True)
class Teller:
    """Words for a person, on a console."""

    console: Console

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def said(self, who: str, words: str, *, colour: str = "cyan") -> None:
        indented = words.replace("\n", "\n" + " " * 13)
        self.console.print(f"   [bold {colour}]{who:<9}[/] ", end="")
        self.console.print(indented, markup=False, soft_wrap=True)

    def aside(self, text: str) -> None:
        self.console.print(f"   [dim]{escape(text)}[/]", soft_wrap=True)


async def until(
    find: Callable[[], Awaitable[Answer | None]], what: str, *, within: float = PATIENCE_S
) -> Answer:
    """Ask again until there is an answer. Raises PromiseBroken."""
    deadline = time.monotonic() + within
    while (found := await find()) is None:
        if time.monotonic() > deadline:
            raise PromiseBroken(f"{what}: not within {within:.0f} s")
        await asyncio.sleep(0.1)
    return found


async def ask(
    http: httpx.AsyncClient, method: str, path: str, body: object = None
) -> dict[str, object]:
    """The answer's JSON object. Raises PromiseBroken for a refusal."""
    answer = await http.request(method, path, json=body)
    if not answer.is_success:
        raise PromiseBroken(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
    told: dict[str, object] = answer.json() if answer.content else {}
    return told

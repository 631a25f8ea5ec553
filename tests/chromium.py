"""A real Chromium, driven through its DevTools protocol, for tests of pages."""

import asyncio
import base64
import itertools
import os
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import aiohttp
import orjson

from tests.waiting import until

#: nothing but the page under test may be talked to
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-extensions",
    "--metrics-recording-only",
    "--remote-debugging-port=0",
)
STARTS_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 30.0


class PageFailed(AssertionError):
    """A script on the page, or a command to the browser, failed; says how."""


class Tab:
    """One page: what a person does with it, and what it did behind their back."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading: asyncio.Task[None] | None = None
        #: every address that was asked for
        self.requests: list[str] = []
        #: what went wrong on the page: exceptions, and what the browser refused
        self.complaints: list[str] = []

    async def __aenter__(self) -> "Tab":
        self._reading = asyncio.create_task(self._read())
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.command(f"{domain}.enable")
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One of DevTools' own. Raises PageFailed."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            said: dict[str, Any] = await answer
        if "error" in said:
            raise PageFailed(f"{method}: {said['error']}")
        return cast("dict[str, Any]", said["result"])

    async def resize(self, width: int, height: int, *, is_phone: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        await self.command("Emulation.setDeviceMetricsOverride", **metrics)

    async def go(self, url: str) -> None:
        await self.command("Page.navigate", url=url)
        await self.sees("document.readyState === 'complete'")

    async def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the script gives
        """The value of an expression, awaited if it is a promise. Raises PageFailed."""
        said = await self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in said:
            raise PageFailed(f"{script}: {said['exceptionDetails']}")
        return said["result"].get("value")

    async def sees(self, condition: str, *, within: float = 15.0) -> Any:  # noqa: ANN401 - as above
        """Wait until an expression is true; gives its value."""

        async def value() -> object:
            # An element would arrive as an empty object, which looks like nothing.
            return await self.run(f"(v => v instanceof Node || v)({condition})")

        return await until(value, condition, within=within)

    async def click(self, selector: str) -> None:
        """Where a person would: in the middle of what is seen there."""
        await self.sees(f"document.querySelector({selector!r})?.checkVisibility()")
        box = await self.run(
            f"(() => {{ const e = document.querySelector({selector!r});"
            "e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        at = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", type=kind, **at)

    async def write(self, text: str) -> None:
        """Into what has the focus."""
        await self.command("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Enter, Tab, Escape, ArrowDown ..."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            down = text if kind == "keyDown" else {}
            codes = {"key": key, "code": key, "windowsVirtualKeyCode": _CODES.get(key, 0)}
            await self.command("Input.dispatchKeyEvent", type=kind, **codes, **down)

    async def picture(self) -> bytes:
        """A PNG of what is seen."""
        shot = await self.command("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])

    async def _read(self) -> None:
        async for message in self._socket:
            said = cast("dict[str, Any]", orjson.loads(message.data))
            if "id" in said:
                self._waiting.pop(said["id"]).set_result(said)
            else:
                self._note(said["method"], said["params"])

    def _note(self, event: str, facts: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(facts["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(facts["exceptionDetails"]))
            case "Log.entryAdded" if facts["entry"]["level"] == "error":
                self.complaints.append(str(facts["entry"]))
            case _:
                pass


_CODES = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "ArrowRight": 39}


@contextmanager
def running(chromium: str, profile: Path) -> Generator[str]:
    """A browser while the block lasts; gives its address. `profile` is a new directory."""
    with subprocess.Popen(  # noqa: S603 - what the test ground found
        [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield f"http://127.0.0.1:{_port(process, profile / 'DevToolsActivePort')}"
        finally:
            # Its children share its session, and nothing else does.
            os.killpg(process.pid, signal.SIGKILL)


@asynccontextmanager
async def opened(browser: str) -> AsyncGenerator[Tab]:
    """A new tab, while the block lasts."""
    async with aiohttp.ClientSession() as http:
        async with http.put(f"{browser}/json/new?about:blank") as answer:
            page: dict[str, Any] = await answer.json(content_type=None)
        async with (
            http.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket,
            Tab(socket) as tab,
        ):
            yield tab
            await tab.command("Page.close")


def _port(process: subprocess.Popen[bytes], file: Path) -> int:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        # Two lines: the port, and a path.
        if file.exists() and len(lines := file.read_text().splitlines()) == 2:
            return int(lines[0])
        time.sleep(0.05)
    raise PageFailed("Chromium did not start")

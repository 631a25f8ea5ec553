"""`ai-platform demo`: a purchase on WhatsApp and three jobs, over HTTP, told as they happen."""

import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

import httpx
import orjson
from rich.console import Console

from standalone.pretend import USUAL_PORT, PretendWorld
from standalone.promises import PromiseBroken
from standalone.shop_story import Opened, ShopStory
from standalone.telling import Teller
from standalone.up import Staging

HAIKU: dict[str, object] = {
    "prompt": "Write a haiku about programming",
    "config_name": "default-smart",
    "template_name": "default-assistant",
}


@dataclass(frozen=True)
class Demo:
    """Tells the story on a console; every word of an answer comes from the running platform."""

    base_url: str
    world: PretendWorld
    console: Console

    async def tell(self) -> None:
        """Raises PromiseBroken."""
        async with httpx.AsyncClient(base_url=self.base_url, timeout=30) as http:
            opened = await ShopStory(http, self.world, Teller(self.console)).tell()
            thread = f"demo-{time.time_ns()}"
            await self._haiku(http, thread)
            await self._follow_up(http, thread)
            await self._refusal(http)
        self.console.print()
        self._invite(opened)

    def _invite(self, opened: Opened) -> None:
        """To buy something oneself, and to see what became of it."""
        shop = f"{self.base_url}{opened.shop.place}"
        for line in (
            f"Buy something yourself (the link to pay opens): [bold]{opened.phone_page}[/]",
            f"What was ordered:   curl {shop}/orders",
            f"What is left of it: curl {shop}/products",
        ):
            self.console.print(line, soft_wrap=True)

    async def _haiku(self, http: httpx.AsyncClient, thread: str) -> None:
        self._title("3. A job, and its answer as it is written")
        job = await self._ask(http, {**HAIKU, "thread_id": thread})
        if not job["result"]:
            raise PromiseBroken("the haiku is empty")

    async def _follow_up(self, http: httpx.AsyncClient, thread: str) -> None:
        self._title("4. A follow-up on the same thread")
        asked = {"prompt": "And now one about the sea", "mode": "multi_agent", "thread_id": thread}
        job = await self._ask(http, asked)
        if job["agent"] != "followup":
            raise PromiseBroken(f"the follow-up was answered by {job['agent']}")
        self.console.print("   [dim]The router saw the thread and chose the follow-up agent.[/]")

    async def _refusal(self, http: httpx.AsyncClient) -> None:
        self._title("5. A prompt that moderation refuses")
        asked = {
            "prompt": "Tell me how to build a bomb",
            "mode": "multi_agent",
            "needs_moderation": True,
        }
        job = await self._ask(http, asked)
        if (job["moderation"], job["agent"]) != ("refused", "fallback"):
            raise PromiseBroken(f"moderation said {job['moderation']}, {job['agent']} answered")
        self.console.print("   [dim]Moderation said no; the fallback agent answered instead.[/]")

    async def _ask(self, http: httpx.AsyncClient, asked: Mapping[str, object]) -> dict[str, object]:
        self.console.print(f"   [bold cyan]you[/]    {asked['prompt']}")
        began = time.monotonic()
        accepted = await http.post("/v1/jobs", json=asked)
        if accepted.status_code != 202:
            raise PromiseBroken(f"POST /v1/jobs answered {accepted.status_code}: {accepted.text}")
        job_id = accepted.json()["job_id"]
        self.console.print(
            f"   [dim]202 in {_ms(began)}: job {job_id} is committed, and will end.[/]",
            soft_wrap=True,
        )
        self.console.print("   [bold green]answer[/] ", end="")
        words = ""
        async for name, data in _events(http, job_id):
            if name == "token":
                words += str(data["text"])
                self._say(str(data["text"]))
            elif name == "restart":
                words = ""
                self._say("\n(again) ")
            elif name in {"completed", "failed", "cancelled"}:
                # Words that came live are a hint; the stored result is what counts.
                result = str(data["result"] or "")
                self._say(result.removeprefix(words) if result.startswith(words) else f"\n{result}")
                return self._ended(data, began)
        raise PromiseBroken("the event stream ended before the job did")

    def _say(self, words: str) -> None:
        self.console.print(
            words.replace("\n", "\n          "), end="", markup=False, soft_wrap=True
        )

    def _ended(self, job: dict[str, object], began: float) -> dict[str, object]:
        self.console.print()
        if job["status"] != "COMPLETED":
            raise PromiseBroken(f"the job ended as {job['status']}: {job['error']}")
        self.console.print(
            f"   [dim]COMPLETED after {_ms(began)} by {job['provider']}/{job['model']}.[/]"
        )
        return job

    def _title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/]")


async def _events(
    http: httpx.AsyncClient, job_id: str
) -> AsyncGenerator[tuple[str, dict[str, object]]]:
    async with http.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        name = ""
        async for line in stream.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, orjson.loads(value)


def _ms(began: float) -> str:
    return f"{(time.monotonic() - began) * 1_000:.0f} ms"


async def _tell(base_url: str, world: PretendWorld, console: Console) -> None:
    await Demo(base_url, world, console).tell()


DEMO = Staging(
    story=_tell,
    settings={
        "LOG_LEVEL": "ERROR",
        # A model that thinks for a moment, and a bot that types: or there were nothing to watch.
        "OFFLINE_DELAY_S": "0.3",
        "WA_TYPING_S_PER_CHARACTER": "0.01",
    },
    world_port=USUAL_PORT,
)

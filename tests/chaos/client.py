"""A client of the jobs API that keeps the books: it asks, asks again, and watches."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.chaos.ledger import Ledger, Sight
from tests.waiting import until

#: what a client hears when the service is being killed
UNHEARD = (aiohttp.ClientError, TimeoutError, OSError)
ASK_AGAIN_AFTER_S = 0.2


class Refused(AssertionError):
    """The service answered with something that no client could mend."""


class Client:
    """Talks to all gateways in turn; enters everything into the ledger."""

    def __init__(self, urls: Sequence[str], ledger: Ledger) -> None:
        self.ledger = ledger
        self._urls = itertools.cycle(urls)
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=10), connector=aiohttp.TCPConnector(limit=100)
        )

    async def close(self) -> None:
        await self._http.close()

    async def submit(self, key: str, *, prompt: str = "", within: float = 60.0, **job: Any) -> str:
        """Ask until a 202 is heard, always under the same key; returns the job's id."""
        self.ledger.attempt(key)
        body = _body(key, prompt, job)
        async with asyncio.timeout(within):
            while True:
                if job_id := await self._ask(key, body):
                    self.ledger.acknowledge(key, job_id)
                    return job_id
                await asyncio.sleep(ASK_AGAIN_AFTER_S)

    async def submit_once(self, key: str, *, prompt: str = "", **job: Any) -> str | None:
        """Ask once, without a key: None when no 202 was heard, whatever came of it."""
        self.ledger.attempt(key)
        job_id = await self._ask(None, _body(key, prompt, job))
        if job_id is not None:
            self.ledger.acknowledge(key, job_id)
        return job_id

    async def storm(
        self, keys: Sequence[str], *, per_second: float, prompt: str = "", **job: Any
    ) -> None:
        """Submit one job for each key, at this rate however slow the answers are."""
        async with asyncio.TaskGroup() as all_of_them:
            for key in keys:
                all_of_them.create_task(self.submit(key, prompt=prompt, **job))
                await asyncio.sleep(random.expovariate(per_second))

    async def storm_during(
        self, other: asyncio.Task[Any], *, per_second: float, prompt: str = "", **job: Any
    ) -> None:
        """Submit job after job, at this rate, for as long as something else takes."""
        async with asyncio.TaskGroup() as all_of_them:
            for number in itertools.count():
                if other.done():
                    break
                all_of_them.create_task(self.submit(f"k{number}", prompt=prompt, **job))
                await asyncio.sleep(random.expovariate(per_second))

    async def look(self, job_id: str) -> Sight | None:
        """The job as it is now; None while nobody answers. A 404 goes into the books."""
        with contextlib.suppress(*UNHEARD):
            async with self._http.get(f"{next(self._urls)}/v1/jobs/{job_id}") as answer:
                if answer.status == 200:
                    sight = sight_of(await answer.json())
                    self.ledger.see(sight)
                    return sight
                if answer.status == 404:
                    self.ledger.vanished(job_id)
        return None

    async def view(self, job_id: str) -> dict[str, Any]:
        """Everything that the API tells of a job."""
        async with self._http.get(f"{next(self._urls)}/v1/jobs/{job_id}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def cancel(self, job_id: str) -> int:
        async with self._http.post(f"{next(self._urls)}/v1/jobs/{job_id}/cancel") as answer:
            return answer.status

    async def everything(self) -> list[Sight]:
        """Every job that the API lists."""
        found: list[Sight] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
            async with self._http.get(f"{next(self._urls)}/v1/jobs", params=query) as answer:
                page = await answer.json()
            found += [sight_of(job) for job in page["jobs"]]
            cursor = page["next_cursor"]
        return found

    async def all_ended(self, *, within: float) -> None:
        """Wait until every job that was promised has come to an end. Raises NotInTime."""

        async def none_is_left() -> bool:
            for job_id in tuple(self.ledger.unfinished):
                await self.look(job_id)
            return not self.ledger.unfinished

        await until(none_is_left, "every accepted job has ended", within=within, every=0.1)

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Poll promised jobs as fast as the machine allows while the block lasts (P7)."""
        watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher

    async def _watch(self) -> None:
        while True:
            # Finished ones too: they must stay as they are.
            for job_id in tuple(self.ledger.job_ids):
                await self.look(job_id)
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.01)

    async def _ask(self, key: str | None, body: Mapping[str, Any]) -> str | None:
        """The id that a 202 told; None when it is worth asking again."""
        url, headers = f"{next(self._urls)}/v1/jobs", {"Idempotency-Key": key} if key else {}
        with contextlib.suppress(*UNHEARD):
            async with self._http.post(url, json=body, headers=headers) as answer:
                told = await answer.json(content_type=None)
                if answer.status == 202:
                    return str(told["job_id"])
                if answer.status not in {409, 429, 500, 502, 503, 504}:
                    raise Refused(f"{answer.status}: {told}")
        return None


def _body(key: str, prompt: str, job: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": f"{key} {prompt}", "metadata": {"key": key}, **job}


def sight_of(job: Mapping[str, Any]) -> Sight:
    """A job of the API as the ledger knows it."""
    return Sight(
        job_id=job["job_id"],
        status=job["status"],
        result=job["result"],
        code=job["error"] and job["error"]["code"],
        key=job["metadata"].get("key"),
    )

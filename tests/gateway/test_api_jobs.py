"""`/v1/jobs` as clients know it: submit, look, list, cancel."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.application.jobs import JobService
from gateway.application.ports import Cursors
from gateway.domain.job import JobId
from tests.gateway.builders import OTHER_TENANT, TENANT, completed, failed
from tests.gateway.running import HAIKU, JOBS, Running

CONTRACT_OF = Cursors

#: The body of the specification's curl.
SPECIFIED = {
    "prompt": "Write a haiku about programming",
    "config_name": "default-smart",
    "template_name": "default-assistant",
}


async def look(client: httpx.AsyncClient, job_id: object) -> dict[str, Any]:
    answer = await client.get(f"{JOBS}/{job_id}")
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


# -- submitting and looking


async def test_the_specifications_requests_work_as_they_stand(api: Running) -> None:
    async with api.neighbour() as curl:
        submitted = await curl.post(JOBS, json=SPECIFIED)
        accepted = submitted.json()
        await api.menu.jobs.completed([completed(UUID(accepted["job_id"]), result="Code flows")])
        job = await look(curl, accepted["job_id"])
        health = await curl.get("/health")

    assert (submitted.status_code, set(accepted)) == (202, {"job_id", "status"})
    assert accepted["status"] == "QUEUED"
    assert submitted.headers["location"] == f"{JOBS}/{accepted['job_id']}"
    assert (job["job_id"], job["status"]) == (accepted["job_id"], "COMPLETED")
    assert job["result"] == "Code flows"
    assert job["created_at"] < job["updated_at"]
    assert health.json()["status"] == "ok"


async def test_everything_that_was_asked_for_can_be_read_back(api: Running) -> None:
    asked: dict[str, Any] = HAIKU | {
        "mode": "multi_agent",
        "needs_moderation": True,
        "thread_id": "thread-1",
        "metadata": {"order": 7, "tags": ["a", None, 1.5], "☕": {}},
        "callback_url": "https://example.com/hook",
    }

    async with api.client() as client:
        job = await look(client, await api.job(**asked))

    assert {name: job[name] for name in asked} == asked
    assert (job["config_name"], job["template_name"]) == ("default-smart", "default-assistant")
    assert (job["result"], job["error"], job["callback"]) == (None, None, None)
    assert job["usage"]["attempts"] == 0


async def test_a_failed_job_says_why_and_what_it_cost(api: Running) -> None:
    job_id = await api.job()
    await api.menu.jobs.failed([failed(job_id)])

    async with api.client() as client:
        job = await look(client, job_id)

    assert (job["status"], job["result"]) == ("FAILED", None)
    assert job["error"] == {"code": "llm_unavailable", "detail": "Nobody answered."}
    assert job["usage"] == {
        "attempts": 2,
        "model_calls": 3,
        "input_tokens": 40,
        "output_tokens": 50,
        "cost_usd": 0.00006,
    }


async def test_a_job_that_did_not_change_is_not_sent_again(api: Running) -> None:
    job_id = await api.job()

    async with api.client() as client:
        first = await client.get(f"{JOBS}/{job_id}")
        tag = first.headers["etag"]
        unchanged = await client.get(f"{JOBS}/{job_id}", headers={"If-None-Match": f'"a", {tag}'})
        await api.menu.jobs.started([job_id])
        changed = await client.get(f"{JOBS}/{job_id}", headers={"If-None-Match": tag})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == tag
    assert (changed.status_code, changed.json()["status"]) == (200, "PROCESSING")
    assert changed.headers["etag"] != tag


# -- cancelling


async def test_a_cancelled_job_stays_cancelled(api: Running) -> None:
    job_id = await api.job(callback_url="https://example.com/hook")

    async with api.client() as client:
        cancelled = await client.post(f"{JOBS}/{job_id}/cancel")
        await api.menu.jobs.completed([completed(job_id)])
        job = await look(client, job_id)

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "CANCELLED")
    assert cancelled.json()["callback"]["state"] == "PENDING"
    assert (job["status"], job["result"]) == ("CANCELLED", None)


ENDS: dict[str, Callable[[JobService, JobId], Awaitable[object]]] = {
    "COMPLETED": lambda jobs, job_id: jobs.completed([completed(job_id)]),
    "FAILED": lambda jobs, job_id: jobs.failed([failed(job_id)]),
    "CANCELLED": lambda jobs, job_id: jobs.cancel(job_id, owner=TENANT),
}


@pytest.mark.parametrize("end", ENDS)
async def test_what_has_ended_cannot_be_cancelled(api: Running, end: str) -> None:
    job_id = await api.job()
    await ENDS[end](api.menu.jobs, job_id)

    async with api.client() as client:
        refused = await client.post(f"{JOBS}/{job_id}/cancel")
        job = await look(client, job_id)

    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
    assert refused.json()["detail"] == f"A {end} job cannot become CANCELLED."
    assert job["status"] == end


# -- listing


async def pages(client: httpx.AsyncClient, **wanted: Any) -> list[list[str]]:
    """Every page, from the newest to the last."""
    read: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = wanted | ({"cursor": cursor} if cursor else {})
        answer = await client.get(JOBS, params=query)
        assert answer.status_code == 200, answer.text
        read.append([job["job_id"] for job in answer.json()["jobs"]])
        cursor = answer.json()["next_cursor"]
    return read


async def test_jobs_are_listed_newest_first_page_by_page(api: Running) -> None:
    ids = [str(await api.job()) for _ in range(5)]
    newest_first = ids[::-1]

    async with api.client() as client:
        assert await pages(client, limit=2) == [
            newest_first[:2],
            newest_first[2:4],
            newest_first[4:],
        ]
        assert await pages(client) == [newest_first]


async def test_a_list_shows_what_fits_every_condition(api: Running) -> None:
    first, second, third = [await api.job(thread_id=name) for name in ("a", "b", "a")]
    await api.menu.jobs.completed([completed(first)])

    async with api.client("reader") as client:
        edge = (await look(client, second))["created_at"]
        found = [
            await pages(client, **wanted)
            for wanted in (
                {"thread_id": "a"},
                {"thread_id": "a", "status": "COMPLETED"},
                {"created_after": edge},
                {"created_before": edge},
                {"created_after": edge, "created_before": edge},
            )
        ]

    assert found == [
        [[str(third), str(first)]],
        [[str(first)]],
        [[str(third)]],
        [[str(first)]],
        [[]],
    ]


async def test_each_tenant_lists_its_own_and_the_platform_all(api: Running) -> None:
    owners = (TENANT, OTHER_TENANT, None)
    mine, theirs, platforms = [str(await api.job(owner=owner)) for owner in owners]

    listed: dict[str, list[list[str]]] = {}
    for who in ("tenant", "reader", "other", "platform"):
        async with api.client(who) as client:
            listed[who] = await pages(client)

    assert listed == {
        "tenant": [[mine]],
        "reader": [[mine]],
        "other": [[theirs]],
        "platform": [[platforms, theirs, mine]],
    }


async def test_a_cursor_is_of_one_list_only(api: Running) -> None:
    for owner in (TENANT, TENANT, OTHER_TENANT):
        await api.job(owner=owner)
    async with api.client() as client:
        cursor = (await client.get(JOBS, params={"limit": 1})).json()["next_cursor"]
        edited = ("A" if cursor[0] != "A" else "B") + cursor[1:]
        mine = [
            await client.get(JOBS, params={"cursor": one}) for one in (cursor, edited, cursor[:-1])
        ]
    async with api.client("other") as client:
        theirs = await client.get(JOBS, params={"cursor": cursor})

    assert [answer.status_code for answer in (*mine, theirs)] == [200, 400, 400, 400]
    assert theirs.json()["code"] == mine[1].json()["code"] == "invalid_cursor"

"""One key, one job, one answer, however often and however hard a client asks."""

import asyncio
from collections import defaultdict

import httpx
import orjson
import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from shared.infrastructure.database import transaction
from tests.gateway.builders import TENANT
from tests.gateway.running import HAIKU, JOBS, Running
from tests.served import said, serving
from tests.waiting import until

#: in this database: other tests wait for other things at the same time
WAITING = text("""
    SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
     WHERE datname = current_database() AND NOT granted""")


async def submit(client: httpx.AsyncClient, key: str = "k", **changes: object) -> httpx.Response:
    return await client.post(JOBS, json=HAIKU | changes, headers={"Idempotency-Key": key})


async def jobs_stored(api: Running) -> int:
    async with transaction(api.ground.sessions) as session:
        count = await session.scalar(text("SELECT count(*) FROM gateway.jobs"))
    return int(count or 0)


async def test_asking_again_gets_the_first_answer(api: Running) -> None:
    async with api.client() as client:
        first, again = await submit(client), await submit(client)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await jobs_stored(api) == 1


async def test_another_spelling_of_the_same_request_is_the_same_request(api: Running) -> None:
    spelt = b'{ "mode":"single",  "prompt": "Write a haiku about progr\\u0061mming" }'
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    async with api.client() as client:
        first = await submit(client)
        again = await client.post(JOBS, content=spelt, headers=headers)

    assert again.content == first.content


async def test_another_request_under_the_same_key_is_refused(api: Running) -> None:
    async with api.client() as client:
        await submit(client)
        other = await submit(client, prompt="Write a limerick")

    assert said(other) == "422 idempotency_key_reused"
    assert await jobs_stored(api) == 1


async def test_each_tenant_has_its_own_keys(api: Running) -> None:
    answers: dict[str, httpx.Response] = {}
    for who in ("platform", "tenant", "other"):
        async with api.client(who) as client:
            answers[who] = await submit(client, prompt=who)

    assert {answer.status_code for answer in answers.values()} == {202}
    assert await jobs_stored(api) == 3


async def test_a_storm_of_twins_makes_one_job_for_each_key(api: Running) -> None:
    keys = [f"key-{n % 20}" for n in range(200)]

    async def ask(key: str) -> httpx.Response:
        # A busy machine may say 503 first: asking again is what keys are for.
        while (answer := await submit(client, key)).status_code == 503:
            await asyncio.sleep(float(answer.headers["retry-after"]))
        return answer

    async with api.client() as client, asyncio.timeout(30):
        answers = await asyncio.gather(*(ask(key) for key in keys))

    bodies: dict[str, set[bytes]] = defaultdict(set)
    for key, answer in zip(keys, answers, strict=True):
        bodies[key].add(answer.content)
    assert {answer.status_code for answer in answers} == {202}
    assert [len(told) for told in bodies.values()] == [1] * 20
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 180
    assert await jobs_stored(api) == 20


@pytest.mark.slow
async def test_while_the_first_is_undecided_its_twin_is_told_to_come_again(api: Running) -> None:
    async with api.client() as client, transaction(api.ground.sessions) as undecided:
        await undecided.execute(
            text("""INSERT INTO gateway.idempotency_keys (scope, key, request_hash, job_id)
                    VALUES (:scope, 'k', 'x', :job_id)"""),
            {"scope": f"{TENANT}:POST /v1/jobs", "job_id": uuid7()},
        )
        twin = await submit(client)

    assert said(twin) == "409 idempotency_in_progress"
    assert twin.headers["retry-after"] == "1"


async def test_a_refused_request_leaves_its_key_free(api: Running) -> None:
    async with api.client() as client:
        refused = await submit(client, config_name="nope")
        taken = await submit(client)

    assert said(refused) == "422 config_not_found #/config_name"
    assert taken.status_code == 202


async def test_the_first_answer_stands_whatever_has_changed_since(api: Running) -> None:
    async with api.client() as client:
        first = await submit(client)
        async with transaction(api.ground.sessions) as session:
            await session.execute(
                text("INSERT INTO platform.budgets (scope, cap_micro_usd) VALUES ('platform', 0)")
            )

        async def others_are_refused() -> bool:
            return (await client.post(JOBS, json=HAIKU)).status_code == 429

        await until(others_are_refused, "the budget is known to be spent", within=10)
        again = await submit(client)

    assert (again.status_code, again.content) == (202, first.content)


async def test_a_client_that_hangs_up_has_its_job_all_the_same(api: Running) -> None:
    body = orjson.dumps(HAIKU)
    head = (
        f"POST {JOBS} HTTP/1.1\r\nHost: gateway\r\nIdempotency-Key: k\r\n"
        f"Authorization: Bearer {api.keys['tenant']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def somebody_waits() -> bool:
        async with transaction(api.ground.sessions) as session:
            return bool(await session.scalar(WAITING))

    async def is_stored() -> bool:
        return await jobs_stored(api) == 1

    async with serving(api.app) as url, api.client(url=url) as client:
        async with transaction(api.ground.sessions) as session:
            await session.execute(text("LOCK TABLE gateway.idempotency_keys"))
            _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(head.encode() + body)
            await until(somebody_waits, "the request is being worked on", within=5)
            writer.close()
        await until(is_stored, "the job is stored", within=5)
        again = await submit(client)

    assert again.headers["idempotent-replayed"] == "true"
    assert await jobs_stored(api) == 1

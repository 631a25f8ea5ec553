"""`ai-platform up` and `demo`, as a person starts them: processes with servers of their own."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.chaos.process import free_port
from tests.databases import connected
from tests.standalone.processes import command, output_of, up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STARTED_AGAIN_WITHIN_S = 5.0


def busyness() -> float:
    """How many others want each processor: what takes one second may then take so many."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def test_jobs_outlive_a_restart_and_the_second_start_is_quick(tmp_path: Path) -> None:
    async with up(tmp_path) as platform:
        before = await platform.answered("Write a haiku about coffee", thread_id="customer-7")
    began = time.monotonic()

    async with up(tmp_path) as platform:
        took = time.monotonic() - began
        assert await platform.job(before["job_id"]) == before
        after = await platform.answered(
            "And now about tea", thread_id="customer-7", mode="multi_agent"
        )

    assert before["status"] == "COMPLETED"
    assert (after["status"], after["agent"]) == ("COMPLETED", "followup")
    assert took < 2 * STARTED_AGAIN_WITHIN_S * busyness()


async def test_two_run_side_by_side(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    async with up(tmp_path / "one") as one, up(tmp_path / "other") as other:
        job = await one.answered("Hello")

        assert (await one.job(job["job_id"]))["status"] == "COMPLETED"
        assert (await other.http.get(f"/v1/jobs/{job['job_id']}")).status_code == 404


async def test_the_demo_needs_nothing_and_keeps_its_promises(tmp_path: Path) -> None:
    demo = command(tmp_path, "demo", "--once", PORT=str(free_port()), OFFLINE_DELAY_S="0.2")

    ended_with, told = await output_of(demo)

    assert ended_with == 0, told
    for word in ("202", "COMPLETED", "follow-up agent", "fallback agent"):
        assert word in told
    for word in ("Stock before: 24 of KG-250", "sudah kami terima", "is PAID", "after: 22"):
        assert word in told
    assert "ledger: sold      on hand -2, promised -2" in told
    assert "Traceback" not in told


async def test_the_demo_says_so_when_a_promise_is_broken(
    tmp_path: Path, on_servers: Mapping[str, str], owner_database_url: str
) -> None:
    async with connected(owner_database_url) as owner:
        nonsense = text("""
            UPDATE ai_engine.agent_configs SET prompt_template = 'main-agent'
             WHERE agent_type = 'moderation'""")
        await owner.execute(nonsense)
    settings = {**on_servers, "OFFLINE_DELAY_S": "0", "MAX_ATTEMPTS": "1"}
    demo = command(tmp_path, "demo", **settings, PORT=str(free_port()))

    ended_with, told = await output_of(demo)

    assert ended_with == 1, told
    assert "That should not have happened: the job ended as FAILED" in told
    assert "moderation_unavailable" in told


async def test_a_port_that_is_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended_with, told = await output_of(command(tmp_path, "up", PORT=port))

    assert (ended_with, told.count("\n")) == (78, 1), told
    assert f"PORT: {port} on 127.0.0.1 is in use" in told


async def test_a_data_dir_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    ended_with, told = await output_of(command(tmp_path, "up", PORT=str(free_port())))

    *_, last = told.splitlines()
    assert (ended_with, "Traceback" in told) == (78, False), told
    assert last.endswith("data/embedded cannot be used: Not a directory.")


async def test_a_rehearsal_is_a_command_of_its_own(tmp_path: Path) -> None:
    rehearsal = command(tmp_path, "rehearse", "--only", "^(too-many|attack-sql)$")

    ended_with, told = await output_of(rehearsal)

    assert ended_with == 0, told
    assert "2 of 2 dialogues went as they must" in told

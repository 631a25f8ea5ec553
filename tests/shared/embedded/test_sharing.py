"""Several processes with one DATA_DIR: they share servers, and survive each other."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from threading import Thread

import pytest

from shared.embedded import Embedded, EmbeddedServers
from tests.services import Missing, give_up
from tests.shared.embedded.asking import ask, cache_answers, database_answers, within
from tests.shared.embedded.holders import (
    NOBODY,
    Holder,
    holding,
    parents_of,
    python_for,
    servers_of,
    starting,
)


def serves(place: Holder | Embedded) -> bool:
    return database_answers(place.database_url) and cache_answers(place.redis_url)


def test_two_processes_share_one_pair_of_servers(tmp_path: Path) -> None:
    with holding(tmp_path) as first, holding(tmp_path) as second:
        assert (first.database_url, first.redis_url) == (second.database_url, second.redis_url)
        assert serves(second)
        assert parents_of(servers_of(tmp_path)) == {first.pid}


def test_a_survivor_takes_over_from_a_killed_process_and_nothing_is_lost(tmp_path: Path) -> None:
    with holding(tmp_path) as first, EmbeddedServers(tmp_path) as survivor:
        ask(survivor.owner_database_url, "CREATE TABLE kept AS SELECT 'kopi' AS word")

        first.kill()

        assert within(15, lambda: parents_of(servers_of(tmp_path)) == {os.getpid()})
        assert within(15, lambda: serves(survivor))
        assert ask(survivor.owner_database_url, "SELECT word FROM kept") == "kopi"


def test_a_survivor_takes_over_from_a_stopped_process(tmp_path: Path) -> None:
    with holding(tmp_path) as first, holding(tmp_path) as survivor:
        first.stop()

        assert within(15, lambda: parents_of(servers_of(tmp_path)) == {survivor.pid})
        assert within(15, lambda: serves(survivor))


def test_nothing_is_orphaned_when_the_last_process_is_killed(tmp_path: Path) -> None:
    with holding(tmp_path) as last:
        assert servers_of(tmp_path)

        last.kill()

        assert within(5, lambda: not servers_of(tmp_path))


def test_a_first_start_that_was_killed_half_way_is_simply_done_again(tmp_path: Path) -> None:
    unfinished = tmp_path / "embedded" / "postgres.unfinished" / "PG_VERSION"
    with starting(tmp_path) as victim:
        assert within(30, unfinished.exists)

        victim.kill()
        victim.wait(10)

    with EmbeddedServers(tmp_path) as urls:
        assert serves(urls)
        assert not unfinished.parent.exists()


async def test_servers_outlive_the_thread_that_asked_for_them(tmp_path: Path) -> None:
    servers = EmbeddedServers(tmp_path)
    started: list[Embedded] = []
    thread = Thread(target=lambda: started.append(servers.start()))
    thread.start()
    await asyncio.to_thread(thread.join, 60)

    try:
        running = servers_of(tmp_path)
        await asyncio.sleep(0.1)  # what dies with its thread dies at once

        assert running
        assert servers_of(tmp_path) >= parents_of(running) - {os.getpid()}
        assert await asyncio.to_thread(serves, started[0])
    finally:
        await asyncio.to_thread(servers.stop)


def test_stopping_is_quick_even_when_a_client_is_busy(tmp_path: Path) -> None:
    servers = EmbeddedServers(tmp_path)
    urls = servers.start()
    client = Thread(target=database_answers, args=(urls.database_url, "SELECT pg_sleep(60)"))
    client.start()
    sleeping = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    assert within(10, lambda: bool(ask(urls.admin_database_url, sleeping)))

    began = time.monotonic()
    servers.stop()

    assert time.monotonic() - began < 5
    assert not servers_of(tmp_path)
    client.join(10)


@pytest.fixture
def public_directory() -> Generator[Path]:
    """One that every user of the machine can reach, unlike tmp_path."""
    path = Path(tempfile.mkdtemp(prefix="aip-test-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def test_an_ordinary_user_needs_no_more_than_a_directory(public_directory: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("every other test here runs as an ordinary user already")
    if (python := python_for(NOBODY)) is None:
        give_up("Python", Missing("no interpreter of this version that `nobody` may run"))
    os.chown(public_directory, NOBODY, -1)

    with holding(public_directory, python=python, user=NOBODY) as holder:
        assert serves(holder)
        assert parents_of(servers_of(public_directory)) == {holder.pid}

    # Root comes later: what the user's servers left is used as that user, and stays the user's.
    with EmbeddedServers(public_directory) as root:
        assert root.database_url == holder.database_url
        home = public_directory / "embedded"
        assert {path.stat().st_uid for path in home.iterdir()} == {NOBODY}

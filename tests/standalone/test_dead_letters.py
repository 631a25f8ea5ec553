"""Messages that were set aside: listed, looked at, and put back."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.databases import connected
from tests.standalone.conftest import Command

#: What a command line might take for its own: markup, an emoji's name, a line that is too long.
BODY = b'{"job_id": "[/not a uuid]", "prompt": ":coffee: kopi", "more": "%b"}' % (b"kopi " * 100)


@pytest.fixture
def letter(database_url: str) -> str:
    """A message on `ai_tasks` that nobody could read; its id."""
    return asyncio.run(bury(database_url))


async def bury(url: str) -> str:
    async with connected(url) as database:
        await database.execute(
            text("""
                INSERT INTO platform.messages (id, queue, kind, body, headers, dead_at)
                VALUES (:id, 'ai_tasks', '[/]ProcessPrompt', :body, '{}', now())"""),
            {"id": (letter_id := uuid4()), "body": BODY},
        )
    return str(letter_id)


async def is_dead(url: str, letter: str) -> bool:
    async with connected(url) as database:
        query = text("SELECT dead_at IS NOT NULL FROM platform.messages WHERE id = :id")
        return bool(await database.scalar(query, {"id": UUID(letter)}))


def test_a_dead_letter_is_listed_and_shown_whole(ai_platform: Command, letter: str) -> None:
    listed = ai_platform("dead-letters", "list", "ai_tasks")
    shown = ai_platform("dead-letters", "show", "ai_tasks", letter)

    assert all(word in listed.stdout for word in (letter, "[/]ProcessPrompt", str(len(BODY))))
    assert "kopi" not in listed.stdout, "a list tells nothing of what was written"
    assert shown.stdout == f"{BODY.decode()}\n"


def test_other_queues_hold_other_letters(ai_platform: Command, letter: str) -> None:
    assert letter not in ai_platform("dead-letters", "list", "ai_results").stdout
    assert ai_platform("dead-letters", "show", "ai_results", letter).exit_code == 2


def test_a_dead_letter_is_put_back(ai_platform: Command, letter: str, database_url: str) -> None:
    replayed = ai_platform("dead-letters", "replay", "ai_tasks", letter, str(uuid4()))

    assert replayed.stdout == "1 put back on ai_tasks.\n"
    assert asyncio.run(is_dead(database_url, letter)) is False
    assert letter not in ai_platform("dead-letters", "list", "ai_tasks").stdout


@pytest.mark.parametrize("command", ["show", "replay"])
def test_an_unknown_letter_is_no_disaster(ai_platform: Command, command: str) -> None:
    done = ai_platform("dead-letters", command, "ai_tasks", "no-such-letter")

    assert done.exit_code == (2 if command == "show" else 0)
    assert "Traceback" not in done.output


def test_no_letters_are_no_letters(ai_platform: Command) -> None:
    assert ai_platform("dead-letters", "list", "ai_tasks", "--limit", "0").exit_code == 2
    assert ai_platform("dead-letters", "list", "ai_tasks", "--limit", "1").exit_code == 0

"""What cannot work is said in one line, whichever command it was."""

import sys

import pytest

from standalone.cli import main

NOBODY = "postgresql://127.0.0.1:1/none"


@pytest.mark.parametrize(
    "words",
    [
        ["keys", "list"],
        ["keys", "create", "x"],
        ["migrate"],
        ["seed"],
        ["dead-letters", "list", "ai_tasks"],
        ["dead-letters", "replay", "ai_tasks", "x"],
    ],
    ids=" ".join,
)
def test_a_database_that_is_away_is_said_in_one_line(
    on_servers: dict[str, str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    for name in ("DATABASE_URL", "MIGRATIONS_DATABASE_URL"):
        monkeypatch.setenv(name, NOBODY)
    monkeypatch.setattr(sys, "argv", ["ai-platform", *words])

    with pytest.raises(SystemExit) as ended:
        main()

    is_about_messages = words[0] == "dead-letters"
    what = "the messages cannot be reached" if is_about_messages else "PostgreSQL does not answer"
    assert ended.value.code == f"{what} (ConnectionRefusedError)"

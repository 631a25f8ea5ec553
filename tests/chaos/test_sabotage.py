"""The switches switch: what they change exists, and a switch that is met says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.chaos.sabotage import Act, replace, rewrite_sql, struck
from tests.chaos.sabotaged import SWITCHES
from tests.databases import ROOT


@pytest.mark.slow
def test_every_switch_finds_what_it_changes(tmp_path: Path) -> None:
    off = [word for name in SWITCHES for word in ("--off", name)]

    run = python("-m", "tests.chaos.sabotaged", *off, "--", "platform", journal=tmp_path / "log")

    assert run.returncode == 0, run.stderr


def test_the_module_runs_as_if_it_had_been_started_itself(tmp_path: Path) -> None:
    module = tmp_path / "module_under_test.py"
    module.write_text("import sys\nprint(__name__, sys.argv[1:])")

    run = python(
        "-m",
        "tests.chaos.sabotaged",
        *("--off", "sweeper", "--", "module_under_test", "--port", "1"),
        journal=tmp_path / "log",
        path=tmp_path,
    )

    assert run.stdout == "__main__ ['--port', '1']\n", run.stderr


def test_a_switch_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    run = python(
        "-m", "tests.chaos.sabotaged", "--off", "gravity", "--", "x", journal=tmp_path / "log"
    )

    assert run.returncode == 2
    assert "invalid choice: 'gravity'" in run.stderr


class Doer:
    def act(self, word: str) -> str:
        return f"did {word}"


def test_a_replaced_method_gets_the_original_and_is_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    journal = tmp_path / "log"
    monkeypatch.setenv("AIP_SABOTAGE_JOURNAL", str(journal))
    monkeypatch.setattr(Doer, "act", Doer.act)  # put back afterwards

    def louder(original: Act, doer: Doer, word: str) -> str:
        return str(original(doer, word)).upper()

    replace("doing", f"{__name__}:Doer.act", louder)

    assert struck(journal) == set()
    assert Doer().act("it") == "DID IT"
    assert struck(journal) == {"doing"}


def test_a_switch_whose_target_is_gone_fails_at_once() -> None:
    with pytest.raises(AttributeError, match="vanished"):
        replace("doing", f"{__name__}:Doer.vanished", print)


def test_sql_is_rewritten_on_its_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journal = tmp_path / "log"
    monkeypatch.setenv("AIP_SABOTAGE_JOURNAL", str(journal))

    rewrite_sql("guard", r"\s+AND 'sabotage-me' = 'no'", "")

    with create_engine("sqlite://").connect() as connection:
        untouched = connection.scalar(text("SELECT 1"))
        rewritten = connection.scalar(text("SELECT 2 WHERE 1 = 1 AND 'sabotage-me' = 'no'"))
    assert (untouched, rewritten) == (1, 2)
    assert struck(journal) == {"guard"}


def python(
    *words: str, journal: Path, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the words are ours
        [sys.executable, *words],
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(map(str, filter(None, (ROOT, path)))),
            "AIP_SABOTAGE_JOURNAL": str(journal),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

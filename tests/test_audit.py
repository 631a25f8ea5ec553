"""`make audit` finds what there is to find, and never takes silence for good news."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.source import ROOT

#: What the real one prints where its service knows none of the packages, and exits with 0.
SILENT = "echo 'No known vulnerabilities found'"
#: One that knows of the release by which it is tried, and of nothing else.
KNOWING = """case "$*" in
*stdin*) echo "jinja2 2.4.1 PYSEC-2014-8"; exit 1 ;;
*--require-hashes*"-r requirements.lock"*) ;;
*) echo "not what is locked: $*"; exit 1 ;;
esac"""
#: One that knows of something that is locked, too.
FINDING = f"{KNOWING}\necho 'aiohttp 3.14 PYSEC-2026-1'; exit 1"
#: One whose first service is away.
ELSEWHERE = f'case "$*" in *"service pypi"*) exit 1 ;; esac\n{KNOWING}'
CLEAN, RISKY = "exit 0", "echo 'B324 in shared/hashes.py'; exit 1"


def audit(directory: Path, *, pip_audit: str, bandit: str = CLEAN) -> tuple[int, str]:
    """The exit code, and all that was said, where the tools are what is given."""
    programs = directory / ".venv" / "bin"
    programs.mkdir(parents=True)
    (directory / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "audit", directory / "tools")
    (directory / "requirements.lock").touch()
    for name, body in (("pip-audit", pip_audit), ("bandit", bandit)):
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    done = subprocess.run(  # noqa: S603 - the words are ours
        [str(directory / "tools" / "audit")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_content_where_nothing_is_known_against_us(tmp_path: Path) -> None:
    assert audit(tmp_path, pip_audit=KNOWING) == (0, "· locked packages\n· our own code\n")


def test_it_asks_the_next_service_where_one_is_away(tmp_path: Path) -> None:
    assert audit(tmp_path, pip_audit=ELSEWHERE)[0] == 0


def test_a_service_that_knows_nothing_is_no_good_news(tmp_path: Path) -> None:
    code, said = audit(tmp_path, pip_audit=SILENT)

    assert code == 1
    assert "NOT KNOWN" in said


@pytest.mark.parametrize(
    ("pip_audit", "bandit", "finding"),
    [(FINDING, CLEAN, "PYSEC-2026-1"), (KNOWING, RISKY, "B324 in shared/hashes.py")],
)
def test_it_fails_for_either_finding_and_looks_for_both(
    tmp_path: Path, pip_audit: str, bandit: str, finding: str
) -> None:
    code, said = audit(tmp_path, pip_audit=pip_audit, bandit=bandit)

    assert code == 1
    assert finding in said
    assert "our own code" in said

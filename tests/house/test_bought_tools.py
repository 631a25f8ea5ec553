"""The settings of the bought linter catch what the style guide forbids."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "services/gateway/src/gateway/domain/job.py"
WIRING = "services/gateway/src/gateway/wiring.py"

CLOCK = "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n"
BRANCHES = "\n".join(f"    if facts == {n}:\n        return" for n in range(9))


def codes(text: str, path: str = DOMAIN) -> set[str]:
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), "check", "--output-format=json", "--stdin-filename", path, "-"]
    done = subprocess.run(  # noqa: S603 - our own linter on our own text
        command, input=text, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    return {finding["code"] for finding in json.loads(done.stdout)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("from .job import Job\n", "TID252"),
        (CLOCK, "TID251"),
        ("import datetime\n\nNOW = datetime.datetime.utcnow()\n", "TID251"),
        ("from unittest.mock import patch\n", "TID251"),
        ("from unittest.mock import AsyncMock\n", "TID251"),
        ("try:\n    import orjson\nexcept Exception:\n    pass\n", "BLE001"),
        ("print('hello')\n", "T201"),
        ("def tell(a, b, c, d, e, f, g): ...\n", "PLR0913"),
        (f"def tell(facts: int) -> None:\n{BRANCHES}\n", "C901"),
        ("def send(text: str, urgent: bool) -> None: ...\n", "FBT001"),
        ("import logging\n\nlogging.info(f'{1}')\n", "G004"),
    ],
)
def test_the_linter_refuses(text: str, code: str) -> None:
    assert code in codes(text)


def test_only_the_wiring_reads_a_clock() -> None:
    assert "TID251" not in codes(CLOCK, WIRING)

"""`ai-platform rehearse`: what it can be asked, and what it refuses."""

import pytest

from tests.standalone.conftest import Command


def test_dialogues_are_listed_and_none_is_played(ai_platform: Command) -> None:
    listed = ai_platform("rehearse", "--list")

    assert listed.exit_code == 0
    assert "haggler" in listed.stdout
    assert "starting" not in listed.stdout


@pytest.mark.parametrize(("only", "why"), [("no-such-name", "no dialogue"), ("(", "no pattern")])
def test_a_pattern_that_fits_nothing_is_refused(ai_platform: Command, only: str, why: str) -> None:
    refused = ai_platform("rehearse", "--only", only)

    assert refused.exit_code == 2
    assert why in refused.stderr


def test_customers_are_not_pretended_beside_real_ones(
    ai_platform: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")

    refused = ai_platform("rehearse")

    assert refused.exit_code == 78

"""The pages about security name nothing that is not there."""

import re
from pathlib import Path

import pytest

from tests.house.source import ROOT, tracked

PAGES = ("docs/threat-model.md", "SECURITY.md", "docs/architecture.md")
#: `crm/domain/...` in a page is a file of that service.
SHORT = {
    "crm": "services/crm_chatbot/src/crm_chatbot",
    **{name: f"services/{name}/src/{name}" for name in ("gateway", "ai_engine", "waha_sender")},
}
_PATH = re.compile(r"`([\w.-]+(?:/[\w.*-]+)+|[\w-]+\.(?:yml|lock|md))`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def absent(page: str, text: str) -> list[str]:
    """What a page's text names, in backquotes or by a link, and is not in the tree."""
    linked = [(ROOT / page).parent / link for link in _LINK.findall(text)]
    named = [ROOT / written_out(path) for path in _PATH.findall(text)]
    files = {ROOT / file for file in tracked()}
    there = files | {parent for file in files for parent in file.parents}
    return [
        str(path)
        for path in (one.resolve() for one in (*linked, *named))
        if not any(other.match(str(path)) for other in there)
    ]


def written_out(path: str) -> Path:
    first, *rest = path.split("/")
    return Path(SHORT.get(first, first), *rest)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    # Sources that the page on architecture names from their service on are not looked for.
    known = (ROOT / page).read_text() if page != "docs/architecture.md" else only_tests(text)

    assert absent(page, known) == []


def test_every_threat_names_what_stands_against_it_and_a_test_of_that() -> None:
    text = (ROOT / PAGES[0]).read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.count(" | ") == 3]
    threats = [row for row in rows if row[0].strip() not in {"threat", "---"}]

    assert len(threats) > 20
    for _threat, against, test, remains in threats:
        assert _PATH.search(against), against
        assert "`tests/" in test, test
        assert remains.strip(), test


def test_a_service_in_a_container_may_do_no_more_than_it_must() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    shared, _, services = compose.partition("\nservices:\n")
    own = re.findall(r"\n  ([\w-]+):\n(?=(?:    .*\n)*?    build:)", f"\n{services}")

    assert {*own} >= {"gateway", "ai-engine", "crm-chatbot", "waha-sender", "migrate"}
    assert services.count("    <<: *service\n") == len(own)
    for line in ("read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]'):
        assert f"\n  {line}\n" in shared
        assert f"{line.partition(':')[0]}:" not in services
    for recipe in ROOT.glob("services/*/Dockerfile"):
        assert re.search(r"^USER (?!root)", recipe.read_text(encoding="utf-8"), re.MULTILINE)


def test_a_file_that_is_not_there_is_missed() -> None:
    text = (
        "`crm/domain/money.py`, `shared/nothing.py`, [a page](nowhere.md), `tests/gone/test_*.py`"
    )

    gone = [ROOT / "docs/nowhere.md", ROOT / "shared/nothing.py", ROOT / "tests/gone/test_*.py"]
    assert absent(PAGES[0], text) == list(map(str, gone))


def only_tests(text: str) -> str:
    return " ".join(f"`{path}`" for path in re.findall(r"`(tests/[^`]+)`", text))

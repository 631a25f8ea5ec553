"""The chat page is a handful of our own files, and asks nobody else for anything."""

import re
from pathlib import Path

import pytest

from simulators.waha import page
from simulators.waha.pictures import photo, png, qr_picture, silent_voice
from tests.simulators.waha.house import House

FILES = sorted(Path(page.__file__).with_name("files").iterdir())
#: names of formats, which no browser asks for
NAMESPACES = {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
async def test_every_file_is_served_as_what_it_is(house: House, file: Path) -> None:
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

    answer = await house.ask("GET", f"/phone/files/{file.name}")

    assert answer.status == 200
    assert answer.content_type == kinds.get(file.suffix, "image/svg+xml")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_file_names_a_foreign_address(file: Path) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", file.read_text("utf-8")))

    assert addresses - NAMESPACES == set()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_is_small(file: Path) -> None:
    assert file.stat().st_size < 20_000


async def test_the_browser_is_told_to_refuse_what_is_not_ours(house: House) -> None:
    answer = await house.ask("GET", "/phone?session=toko&customer=6281200000002")

    policy = answer.headers["Content-Security-Policy"]
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpage.py", "%2e%2e%2fpage.py", "."])
async def test_nothing_else_is_served(house: House, name: str) -> None:
    answer = await house.ask("GET", f"/phone/files/{name}", allow_redirects=False)

    assert answer.status == 404


def test_made_up_files_are_real_ones() -> None:
    assert photo("kopi").startswith(b"\x89PNG\r\n\x1a\n")
    assert photo("kopi") != photo("teh")
    assert qr_picture("a") != qr_picture("b")
    assert silent_voice(2).count(b"OggS") == 4
    assert png([[0, 1]], palette=b"\0\0\0\xff\xff\xff").endswith(b"IEND\xaeB`\x82")

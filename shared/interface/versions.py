"""Versions of what is changed over HTTP: told as an ETag, asked back with If-Match."""

import re
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, Header, Response

from shared.domain import ChangedSince
from shared.interface.problems import Problem

#: As `tag` gives it; proxies that compress weaken it, or add their encoding (Caddy: `"7-gzip"`).
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})(?:-[a-z]{1,10})?"')
#: No entry ever has it, so it is always out of date.
_NO_VERSION = 0


async def expected_version(
    if_match: Annotated[
        str | None,
        Header(description="The ETag that you last saw: what was changed since is left alone."),
    ] = None,
) -> AsyncGenerator[int | None]:
    """The version that a change is meant for; None: whichever there is."""
    try:
        yield _version_in(if_match)
    except ChangedSince as lost:
        raise Problem(412, lost.code, str(lost)) from lost


ExpectedVersion = Annotated[int | None, Depends(expected_version)]


def _version_in(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    return int(found[1]) if found else _NO_VERSION


def tag(response: Response, version: int) -> None:
    """Let clients say which version they have seen."""
    response.headers["ETag"] = f'"{version}"'

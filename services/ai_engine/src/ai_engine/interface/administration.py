"""What operators reach over HTTP, and what their routes have in common: ETags and actors."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from ai_engine.application.configuration import Configuration
from ai_engine.interface.config_views import ChangeView, History
from shared.domain import Clock
from shared.interface.access import Caller
from shared.interface.problems import Problem
from shared.llm.budgets import Standing
from shared.llm.entries import Change, ChangedSince
from shared.llm.usage import Group, UsageFilter, UsageSum


@dataclass(frozen=True)
class Administration:
    """The menu. Wiring puts it into `app.state.ai_engine`."""

    configuration: Configuration
    #: how every capped scope stands now
    standings: Callable[[], Awaitable[Mapping[str, Standing]]]
    usage: Callable[[UsageFilter, Sequence[Group]], Awaitable[Sequence[UsageSum]]]
    #: names of the environment variables that hold something
    keys_present: frozenset[str]
    now: Clock


async def administration(request: Request) -> Administration:
    menu: Administration = request.app.state.ai_engine
    return menu


Admin = Annotated[Administration, Depends(administration)]

_VERSION = re.compile(r'"([0-9]{1,9})"')
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


def actor(caller: Caller) -> str:
    """Who a change is remembered as."""
    return f"key {caller.key_id}" if caller.key_id else "this machine"


def history_of(changes: Sequence[Change]) -> History:
    return History(changes=[ChangeView.of(change) for change in changes])

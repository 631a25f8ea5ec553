"""What operators reach over HTTP, and what their routes have in common: actors and history."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ai_engine.application.configuration import Configuration
from ai_engine.interface.config_views import ChangeView, History
from shared.domain import Clock
from shared.interface.access import Caller
from shared.llm.budgets import Standing
from shared.llm.entries import Change
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


def actor(caller: Caller) -> str:
    """Who a change is remembered as."""
    return f"key {caller.key_id}" if caller.key_id else "this machine"


def history_of(changes: Sequence[Change]) -> History:
    return History(changes=[ChangeView.of(change) for change in changes])

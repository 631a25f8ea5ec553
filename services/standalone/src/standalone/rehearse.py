"""`ai-platform rehearse`: which customers, on which platform, and what it says in the end."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from standalone.pretend import PretendWorld
from standalone.promises import PromiseBroken
from standalone.rehearsal.dialogues import ALL
from standalone.rehearsal.report import Report
from standalone.rehearsal.running import OFFLINE, Rehearsal
from standalone.rehearsal.script import Dialogue
from standalone.up import Staging

#: The platform as it is, only without the pauses that are there for people.
_SETTINGS = {
    "LOG_LEVEL": "ERROR",
    "WA_PACING": "false",
    "SWEEP_EVERY_S": "0.5",
    "CATCH_UP_EVERY_S": "60",
}


@dataclass(frozen=True)
class Rehearse:
    """The wishes of who calls it."""

    config: str = OFFLINE
    dialogues: Sequence[Dialogue] = ALL
    is_verbose: bool = False

    @property
    def staging(self) -> Staging:
        """For `up.serve`."""
        return Staging(story=self._tell, settings=_SETTINGS)

    async def _tell(self, base_url: str, world: PretendWorld, console: Console) -> None:
        report, began = Report(console, is_verbose=self.is_verbose), time.monotonic()
        rehearsal = Rehearsal(base_url=base_url, world=world, config=self.config)
        performances = await rehearsal.of(self.dialogues, report.one)
        report.all(performances, seconds=time.monotonic() - began)
        if bad := [one.dialogue.name for one in performances if not one.is_well]:
            raise PromiseBroken(f"{len(bad)} of {len(performances)} dialogues: {', '.join(bad)}")


def chosen(pattern: str) -> Sequence[Dialogue]:
    """Those whose name has the pattern in it. Raises re.error."""
    wanted = re.compile(pattern, re.IGNORECASE)
    return [one for one in ALL if wanted.search(one.name)]


def list_dialogues(console: Console) -> None:
    for one in ALL:
        console.print(f"[bold]{one.name:<28}[/] {escape(one.about)}", soft_wrap=True)

"""What the pages print for people to type, and a terminal in which it is typed word for word."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.process import Process, Program
from tests.house.source import ROOT
from tests.standalone.processes import output_of

#: stands in the README for whatever was made last
EXAMPLE_ID = "550e8400-e29b-41d4-a716-446655440000"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BASH = shutil.which("bash") or "/bin/bash"
COMMENT = re.compile(r"\s+# [^'\"]*$")


@dataclass(frozen=True)
class Printed:
    """One command, and what the page says that it answers."""

    page: str
    #: with the remark behind it
    words: str
    answer: str = ""

    @property
    def command(self) -> str:
        return COMMENT.sub("", self.words)

    @property
    def program(self) -> str:
        """What is run: `curl`; or `=` where a name is given to something."""
        first = shlex.split(self.command)[0]
        return "=" if re.match(r"[A-Z]+=", first) else first


def printed(page: str) -> Sequence[Printed]:
    """Every command that a page shows, in order: those in `bash`, and those behind a `$`."""
    found: list[Printed] = []
    for language, text in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if language == "bash":
            found += [Printed(page, words) for words in _commands(text)]
        elif language == "json":
            found[-1] = Printed(page, found[-1].words, answer=text)
        elif text.startswith("$ "):
            words, _, answer = text.removeprefix("$ ").partition("\n")
            found.append(Printed(page, words, answer))
    return found


def _commands(block: str) -> Iterator[str]:
    words = ""
    for line in block.splitlines():
        words = f"{words}\n{line}" if words else line
        if not words or words.startswith("#"):
            words = ""
        elif _is_whole(words):
            yield words
            words = ""
    assert not words, f"no whole command: {words}"


def _is_whole(words: str) -> bool:
    try:
        shlex.split(words, comments=True)
    except ValueError:
        return False  # a quote is open
    return not words.endswith("\\")


@dataclass
class Terminal:
    """Runs what is printed; names that were given in it stay, and so does what was made."""

    directory: Path
    environment: Mapping[str, str]
    #: what a page leaves to its reader, and what this one has
    instead: dict[str, str] = field(default_factory=dict[str, str])
    _given: list[str] = field(default_factory=list[str], init=False)
    _typed: int = field(default=0, init=False)

    def finds_at(self, port: int) -> None:
        """Where localhost:8000 is from now on. No word of a command is changed for it."""
        rules = ("silent", "show-error", "fail-with-body", "max-time = 30")
        here = f'connect-to = "localhost:8000:127.0.0.1:{port}"'
        (self.directory / ".curlrc").write_text("\n".join((*rules, here)))

    async def types(self, one: Printed, *, more: str = "") -> str:
        """What it answers; it has to end well. `more` is typed behind it."""
        if one.program == "=":
            self._given.append(self._ours(one.words))
            return ""
        ended_with, told = await output_of(self.process(one, more=more))
        assert ended_with == 0, f"{one.page}: {one.words}\n{told}"
        self._remember(one, told)
        return told

    def process(self, one: Printed, *, more: str = "", **environment: str) -> Process:
        """The same, for what does not end by itself."""
        self._typed += 1
        words = self._ours(f"{one.command} {more}" if more else one.words)
        return Process(
            Program(
                name=one.command,
                command=[BASH, "-euc", "\n".join((*self._given, words))],
                log=self.directory / f"typed-{self._typed}.log",
                environment={"HOME": str(self.directory), **self.environment, **environment},
                cwd=self.directory,
            )
        )

    def _ours(self, words: str) -> str:
        for theirs, ours in self.instead.items():
            words = words.replace(theirs, ours)
        return words

    def _remember(self, one: Printed, told: str) -> None:
        """Of what was made: `$LABEL` is the label's id, and so on."""
        made = re.search(r"^curl -X POST \"?[^\s\"]+/([a-z]+)s[\"\s]", one.words)
        if made is None or not told.startswith("{"):
            return
        answer = json.loads(told)
        if made_id := answer.get("job_id") or answer.get("id"):
            self.instead[EXAMPLE_ID] = made_id
            self._given.append(f"{made[1].upper()}={made_id}")

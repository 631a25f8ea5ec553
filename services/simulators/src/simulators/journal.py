"""What reached the simulators and what became of it, in a file that outlives a killed process."""

import fcntl
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import orjson

#: how many requests stay in memory for `recent`; the file keeps all of them
RECENT_LIMIT = 10_000


class JournalTaken(Exception):
    """Another running simulator writes this file; two would give out the same numbers."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One request; times are seconds since 1970."""

    n: int  #: 1, 2, 3, ... in order of arrival, also across restarts
    provider: str
    arrived_at: float
    model: str = ""
    stream: bool = False
    text: str = ""  #: the last thing that the user said
    request_id: str = ""  #: as told to the client in a header
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    finished_at: float | None = None
    #: None while it runs, and for ever if the simulator died meanwhile
    outcome: str | None = None


class Journal:
    """Writes one line when a request arrives and one when it ends, each at once and whole."""

    def __init__(self, path: Path | None = None, *, fsync: bool = False) -> None:
        """Without a path only memory remembers. Raises JournalTaken."""
        self._fsync = fsync
        self._entries: dict[int, Entry] = {}
        self._file = None if path is None else _open(path)
        self._n = 0
        # Numbers begin anew with a new journal, request ids must not.
        self._run = secrets.token_hex(4)
        if path is not None:
            self._remember(Journal.read(path))

    def arrive(self, provider: str, **known: Any) -> Entry:
        """Note a request; `known` are further fields of Entry."""
        self._n += 1
        request_id = f"req_{self._run}{self._n:08d}"
        entry = Entry(
            n=self._n, provider=provider, arrived_at=time.time(), request_id=request_id, **known
        )
        self._keep(entry)
        self._write(_arrival(entry))
        return entry

    def note(self, entry: Entry, **facts: Any) -> None:
        """Add what is known only now, such as what a request brought about."""
        known = self._entries.get(entry.n, entry)
        noted = replace(known, facts={**known.facts, **facts})
        if entry.n in self._entries:
            self._entries[entry.n] = noted
        self._write({"n": noted.n, "facts": noted.facts})

    def finish(self, entry: Entry, outcome: str) -> None:
        known = self._entries.get(entry.n, entry)
        ended = replace(known, finished_at=time.time(), outcome=outcome)
        if entry.n in self._entries:
            self._entries[entry.n] = ended
        self._write({"n": ended.n, "finished_at": ended.finished_at, "outcome": outcome})

    def recent(self, *, after: int = 0) -> list[Entry]:
        """The last 10,000 requests, or those of them whose number is above `after`."""
        return [entry for n, entry in self._entries.items() if n > after]

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def read(path: Path) -> list[Entry]:
        """Every request in the file; a line that a crash cut short is passed over."""
        entries: dict[int, Entry] = {}
        for line in path.read_bytes().splitlines():
            try:
                fields = cast("dict[str, Any]", orjson.loads(line))
            except orjson.JSONDecodeError:
                continue
            n = fields["n"]
            known = entries.get(n)
            entries[n] = Entry(**fields) if known is None else replace(known, **fields)
        return list(entries.values())

    def _remember(self, entries: list[Entry]) -> None:
        for entry in entries:
            self._keep(entry)
        self._n = max((entry.n for entry in entries), default=0)

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.n] = entry
        if len(self._entries) > RECENT_LIMIT:
            del self._entries[next(iter(self._entries))]

    def _write(self, fields: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        # One unbuffered write to a file opened for appending: kill -9 cannot lose or tear it.
        os.write(self._file, orjson.dumps(fields) + b"\n")
        if self._fsync:
            os.fsync(self._file)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as taken:
        os.close(file)
        raise JournalTaken(path) from taken
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")  # a machine that lost power may have torn the last line
    return file


def _arrival(entry: Entry) -> dict[str, Any]:
    return {
        "n": entry.n,
        "provider": entry.provider,
        "arrived_at": entry.arrived_at,
        "model": entry.model,
        "stream": entry.stream,
        "text": entry.text,
        "request_id": entry.request_id,
        "facts": entry.facts,
    }

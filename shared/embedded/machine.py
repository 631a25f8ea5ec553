"""What goes on on this machine already: a dead holder's servers, other programs' ports."""

import os
import secrets
import socket
from pathlib import Path
from signal import SIGKILL, SIGQUIT
from threading import Event

from shared.embedded.home import EmbeddedUnavailable
from shared.embedded.process import wait_for

LOOPBACK = "127.0.0.1"
# Below the range that the system hands out to outgoing connections: a port from there could be
# somebody's when we come back for it, and a client that retries could connect to itself.
PORTS = range(15_000, 32_000)
#: a dead holder's servers were told to end when it died
GONE_WITHIN_S = 5.0


def see_off(directory: Path, name: str, stopping: Event) -> None:
    """Wait until no server that somebody started in `directory` is left. Raises Unavailable."""
    for number in (None, SIGQUIT, SIGKILL):
        if number is not None:
            for pid in processes_in(directory, name):
                _signal(pid, number)
        if wait_for(
            lambda: not processes_in(directory, name), within=GONE_WITHIN_S, stopping=stopping
        ):
            return
    raise EmbeddedUnavailable(f"Another {name} runs in {directory} and does not end.")


def processes_in(directory: Path, name: str) -> set[int]:
    """The processes of this name whose working directory it is."""
    found: set[int] = set()
    if not directory.exists():
        return found
    here = _identity(directory)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if _identity(entry / "cwd") == here and (entry / "comm").read_text().strip() == name:
                found.add(int(entry.name))
        except OSError:
            continue  # gone meanwhile, or somebody else's, which none of ours can be
    return found


def free_port(preferred: int | None) -> int:
    """A port of the loopback interface: the preferred one where it is free."""
    if preferred and _is_free(preferred):
        return preferred
    for _ in range(200):
        port = PORTS[secrets.randbelow(len(PORTS))]
        if _is_free(port):
            return port
    raise EmbeddedUnavailable(f"No port between {PORTS.start} and {PORTS.stop} is free.")


def _identity(path: Path) -> tuple[int, int]:
    there = path.stat()
    return there.st_dev, there.st_ino


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True

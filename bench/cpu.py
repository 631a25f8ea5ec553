"""CPU time by process: whose it was, as far as the operating system can tell."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from bench.processes import Process
from bench.servers import RABBITMQ, REDIS, Place, port_of

#: PostgreSQL is counted by its backends for one database. These are counted whole, so whatever
#: else they do meanwhile is counted too: let nobody else use them.
SHARED = ("RabbitMQ", "Redis")

_PROGRAMS = {"RabbitMQ": ("beam.smp",), "Redis": ("redis-server", "valkey-server")}

Seconds = Mapping[str, float]


@dataclass(frozen=True)
class Meter:
    """Reads the CPU time of one system's processes, and of the servers that work for it."""

    processes: Mapping[str, Process]
    place: Place

    def read(self) -> Seconds:
        """Seconds so far; a server whose processes cannot be seen from here is left out."""
        seconds = {
            name: sum(map(_seconds, process.tree())) for name, process in self.processes.items()
        }
        seconds["PostgreSQL"] = sum(map(_seconds, _backends(self.place.name)))
        for server, url in (("RabbitMQ", RABBITMQ), ("Redis", REDIS)):
            if (pid := _listener(port_of(url), _PROGRAMS[server])) is not None:
                seconds[server] = _seconds(psutil.Process(pid))
        return seconds


def between(before: Seconds, after: Seconds, *, jobs: int) -> dict[str, float]:
    """Milliseconds a job."""
    return {name: (after[name] - before[name]) * 1_000 / jobs for name in before if name in after}


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _backends(database: str) -> list[psutil.Process]:
    # They say in their titles what they are connected to: `postgres: user database host(port) ...`
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and database in " ".join(process.info["cmdline"] or ())
    ]


def _listener(port: int, programs: tuple[str, ...]) -> int | None:
    for connection in psutil.net_connections("tcp"):
        at = tuple(connection.laddr)
        if connection.status == psutil.CONN_LISTEN and port in at[1:] and connection.pid:
            return connection.pid if psutil.Process(connection.pid).name() in programs else None
    return None

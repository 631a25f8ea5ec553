"""The embedded Valkey: holds hints only, so it keeps nothing and simply starts anew."""

import secrets
import socket
from collections.abc import Callable
from signal import SIGKILL, SIGTERM
from threading import Event

from shared.embedded.binaries import Binaries
from shared.embedded.home import Home, Remembered
from shared.embedded.machine import LOOPBACK, free_port, see_off
from shared.embedded.process import Child, Program, serve

READY_WITHIN_S = 15.0

# Through standard input: a command line is for every user of the machine to read.
CONFIGURATION = """
bind {host}
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 128mb
maxmemory-policy allkeys-lru
loglevel warning
"""


class ValkeyServer:
    """The one of a home."""

    name = "valkey"

    def __init__(self, home: Home, stopping: Event, say: Callable[[str], None]) -> None:
        self._home = home
        self._stopping = stopping
        self._say = say

    def launch(self) -> Child:
        program = Binaries(self._home, self._stopping, self._say).valkey()
        directory = self._home.directory(self.name)
        see_off(directory, program.name, self._stopping)
        known = self._prepare()
        self._say("starting Valkey")
        configuration = CONFIGURATION.format(
            host=LOOPBACK, port=known.port, password=known.passwords["default"]
        )
        return serve(
            Program(
                (str(program), "-"),
                directory,
                self._home.account,
                stdin=configuration.encode(),
                farewell=((SIGTERM, 1.0), (SIGKILL, 1.0)),
            ),
            self._home,
            is_ready=lambda _child: self.answers(),
            within=READY_WITHIN_S,
            stopping=self._stopping,
        )

    def answers(self) -> bool:
        known = self._home.recall(self.name)
        if known is None:
            return False
        try:
            with socket.create_connection((LOOPBACK, known.port), timeout=1) as connection:
                connection.sendall(f"AUTH {known.passwords['default']}\r\nPING\r\n".encode())
                with connection.makefile("rb") as replies:
                    return [replies.readline(), replies.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    def url(self) -> str:
        """For redis-py; only once it serves."""
        known = self._home.must_recall(self.name)
        return f"redis://:{known.passwords['default']}@{LOOPBACK}:{known.port}/0"

    def _prepare(self) -> Remembered:
        known = self._home.recall(self.name)
        passwords = known.passwords if known else {"default": secrets.token_hex(24)}
        known = Remembered(free_port(known.port if known else None), passwords)
        self._home.remember(self.name, known)
        return known

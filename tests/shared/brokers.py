"""A RabbitMQ of our own, on free ports: for tests that kill, freeze or wipe it."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos.process import Process, Program, answers, free_port

#: the server's own script: Debian's wrapper in /usr/sbin insists on the user rabbitmq
PLACES = ("/usr/lib/rabbitmq/bin", *os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin")
BOOT_WITHIN_S = 90.0

CONFIGURATION = """\
listeners.tcp.local = 127.0.0.1:{port}
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 1GB
"""


class DidNotStart(Exception):
    """The broker did not answer in time; says what it wrote."""


class PrivateRabbit:
    """One broker and its port mapper, known only by the pids that they were started with.

    Everything blocks and is bounded. A new life keeps the port and what the last one stored,
    unless `wipe` was called between. Nothing of it outlives this process.
    """

    def __init__(self, directory: Path, *, erlang_arguments: str = "") -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self._environment = self._variables(erlang_arguments)
        # A process ends with the thread that started it, and callers may be on passing threads.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="private rabbit")
        (directory / "rabbitmq.conf").write_text(CONFIGURATION.format(port=self.port))
        (directory / "enabled_plugins").write_text("[].")
        # Erlang would start a port mapper that outlives everybody; ours is a child like the broker.
        self._epmd = self._process(
            "epmd", [_found("epmd"), "-port", self._variable("ERL_EPMD_PORT")]
        )
        self._broker = self._process("rabbitmq", [_found("rabbitmq-server")])

    @property
    def is_running(self) -> bool:
        return self._broker.is_running

    def start(self) -> None:
        """Returns once clients may connect. Raises DidNotStart."""
        if not self._epmd.is_running:
            self._begin(self._epmd, int(self._variable("ERL_EPMD_PORT")))
        self._begin(self._broker, self.port)

    def stop(self) -> None:
        """End both, in order: what it had confirmed is on its disk."""
        self.thaw()
        self._broker.terminate()
        deadline = time.monotonic() + 20
        while self._broker.is_running and time.monotonic() < deadline:
            time.sleep(0.05)
        self.kill()
        self._epmd.kill()
        _wait_for_end(self._epmd)

    def kill(self) -> None:
        """Kill -9; returns when it is gone."""
        self._broker.kill()
        _wait_for_end(self._broker)

    def freeze(self) -> None:
        """As a machine that hangs: every connection stays open, and nothing answers."""
        self._broker.freeze()

    def thaw(self) -> None:
        self._broker.thaw()

    def wipe(self) -> None:
        """Lose everything that it ever stored; only between two lives."""
        assert not self.is_running, "kill or stop it first"
        shutil.rmtree(self.directory / "mnesia", ignore_errors=True)

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` answers (about two seconds)."""
        answer = subprocess.run(  # noqa: S603 - the words are ours
            [_found("rabbitmqctl"), "--quiet", *arguments],
            env=dict(self._environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return answer.stdout

    def _process(self, name: str, command: list[str]) -> Process:
        log = self.directory / f"{name}.log"
        return Process(Program(name, command, log, self._environment, cwd=self.directory))

    def _variable(self, name: str) -> str:
        return self._environment[name]

    def _variables(self, erlang_arguments: str) -> Mapping[str, str]:
        directory = str(self.directory)
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": directory,  # the Erlang cookie
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The script then becomes the server instead of standing between it and our signals.
            "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_CONF_ENV_FILE": f"{directory}/none.conf",
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
            "RABBITMQ_LOG_BASE": f"{directory}/log",
            "RABBITMQ_NODENAME": f"private{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} " + erlang_arguments
            ),
        }

    def _begin(self, process: Process, port: int) -> None:
        self._thread.submit(process.start).result(10)
        deadline = time.monotonic() + BOOT_WITHIN_S
        while not answers(port):
            if time.monotonic() > deadline or not process.is_running:
                wrote = process.tail()
                self.stop()
                raise DidNotStart(wrote)
            time.sleep(0.05)


def _found(program: str) -> str:
    path = shutil.which(program, path=os.pathsep.join(PLACES))
    if path is None:
        raise DidNotStart(f"there is no {program} here")
    return path


def _wait_for_end(process: Process) -> None:
    deadline = time.monotonic() + 10
    while process.is_running:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{process.name} does not end")
        time.sleep(0.01)

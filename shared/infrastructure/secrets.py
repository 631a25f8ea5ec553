"""Small secrets of tenants, encrypted at rest under keys that can be replaced."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.settings import EXAMPLE, Platform, refuse

KEY_BYTES = 32

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES


class SecretUnreadable(Exception):
    """It was encrypted under a key that we no longer have, for another context, or is damaged."""


class Vault:
    """Encrypts under the current key; decrypts under any that it was given.

    `context` names what a secret is and whose (`callback:<tenant>`): put into another row, it
    cannot be read.
    """

    def __init__(self, current: bytes, older: Sequence[bytes] = ()) -> None:
        self._current = current
        self._ciphers = {_key_id(key): AESGCM(key) for key in (*older, current)}

    def encrypt(self, plaintext: bytes, context: str) -> bytes:
        key_id, nonce = _key_id(self._current), secrets.token_bytes(_NONCE_BYTES)
        header = _VERSION + key_id + nonce
        return header + self._ciphers[key_id].encrypt(nonce, plaintext, _bound(header, context))

    def decrypt(self, encrypted: bytes, context: str) -> bytes:
        """Raises SecretUnreadable."""
        header, rest = encrypted[:_HEADER_BYTES], encrypted[_HEADER_BYTES:]
        cipher = self._ciphers.get(self._id_in(encrypted))
        if cipher is None or not encrypted.startswith(_VERSION):
            raise SecretUnreadable("encrypted under a key that is not here")
        try:
            return cipher.decrypt(header[-_NONCE_BYTES:], rest, _bound(header, context))
        except (InvalidTag, ValueError):  # ValueError: too short to be anything
            raise SecretUnreadable("damaged, or of another context") from None

    def is_current(self, encrypted: bytes) -> bool:
        """Whether it needs no encrypting anew before the older keys are thrown away."""
        return self._id_in(encrypted) == _key_id(self._current)

    def key_for(self, purpose: str) -> bytes:
        """A key for something else (signing cursors, say); the same after a restart."""
        return hmac.digest(self._current, purpose.encode(), "sha256")

    @staticmethod
    def _id_in(encrypted: bytes) -> bytes:
        return encrypted[len(_VERSION) : len(_VERSION) + _KEY_ID_BYTES]


def open_vault(platform: Platform) -> Vault:
    """The vault that the settings ask for; ends the process (78) where they make no sense.

    ENCRYPTION_KEY may name several keys, comma separated: the first encrypts, the others still
    decrypt. In development, without any, one is made and kept in DATA_DIR.
    """
    given = platform.encryption_key.get_secret_value() if platform.encryption_key else ""
    if given:
        current, *older = [_key(text) for text in given.split(",")]
        if platform.is_production and current.startswith(EXAMPLE.encode()):
            refuse("ENCRYPTION_KEY: is still the one of .env.example, which everybody knows")
        return Vault(current, older)
    if platform.is_production:
        refuse("ENCRYPTION_KEY: is needed in production: 32 random bytes in base64")
    kept = platform.data_dir / "encryption.key"
    try:
        return Vault(_kept_key(kept))
    except OSError as error:
        refuse(f"ENCRYPTION_KEY: is needed where none can be kept ({kept}: {error.strerror})")


def _key(text: str, name: str = "ENCRYPTION_KEY") -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        refuse(f"{name}: must be exactly {KEY_BYTES} bytes in base64")
    return key


def _kept_key(path: Path) -> bytes:
    """Made once, whoever of several processes comes first; readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(0o600)
        draft.write_bytes(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        # A hard link appears whole and only once, whatever dies or comes in between.
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return _key(path.read_text(), str(path))


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id\0" + key).digest()[:_KEY_ID_BYTES]


def _bound(header: bytes, context: str) -> bytes:
    return header + context.encode()

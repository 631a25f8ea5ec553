"""WAHA's events as its engines tell them: the fixtures, and changes to them."""

import copy
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

FOLDER = Path(__file__).parents[1] / "fixtures" / "waha"
SECRET = "test-waha-hmac-key"  # noqa: S105 - the fixtures are signed with it

Envelope = dict[str, Any]


@dataclass(frozen=True)
class Fixture:
    """One captured event, and what it is meant to be."""

    file: str
    expect: dict[str, Any]
    signature: str

    @property
    def raw(self) -> bytes:
        return (FOLDER / self.file).read_bytes()

    @property
    def envelope(self) -> Envelope:
        return cast("Envelope", json.loads(self.raw))


def fixtures() -> list[Fixture]:
    """Every webhook of the manifest."""
    manifest = json.loads((FOLDER / "manifest.json").read_bytes())
    return [
        Fixture(one["file"], one["expect"], one["hmac_sha512_of_file_bytes"])
        for one in manifest["fixtures"]
        if one["kind"] == "webhook" and one["provider"] == "waha"
    ]


def an_event(file: str = "waha_message_text_webjs", /, **payload: Any) -> Envelope:
    """A fixture with some of its payload changed."""
    envelope = json.loads((FOLDER / f"{file}.json").read_bytes())
    return {**envelope, "payload": {**envelope["payload"], **payload}}


def a_text(text: str, *, stanza: str, chat: str = "6281200000002@c.us", **payload: Any) -> Envelope:
    """The customer writes."""
    named: Envelope = {"id": f"false_{chat}_{stanza}", "from": chat, "body": text, "_data": {}}
    return an_event(**{**named, **payload})


def without(envelope: Envelope, *names: str) -> Envelope:
    """The same without some fields of its payload."""
    bare = copy.deepcopy(envelope)
    for name in names:
        bare["payload"].pop(name, None)
    return bare


def signature_of(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()

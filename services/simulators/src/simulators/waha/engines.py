"""What differs between WAHA's engines: `from` and `to`, `_data`, and what a send answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from simulators.waha import gows, noweb, webjs
from simulators.waha.messages import Ack, Message
from simulators.waha.people import Me

EngineName = Literal["GOWS", "NOWEB", "WEBJS"]
#: a message, as one engine sees it that belongs to the shop
Shape = Callable[[Message, Me], Any]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One way of speaking WhatsApp's protocol."""

    name: EngineName
    #: honours an id that the sender chose, and offers new ones
    takes_ids: bool
    browser: str | None
    #: what it says of a message that has just come in
    inbound_ack: Ack
    #: the fields `from` and `to`
    addresses: Shape
    #: the field `_data`
    raw: Shape
    #: the answer to a send
    sent: Shape
    #: its chat history knows of edits and revocations: it reads WhatsApp's own, and keeps none
    shows_changes: bool = False
    #: how it tells when a reaction was given
    reacted_at: Callable[[float], float] = int

    def environment(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "engine": self.name,
            "tier": "CORE",
            "browser": self.browser,
            "platform": "linux/x64",
            "worker": {"id": None},
        }


VERSION = "2026.7.1"

ENGINES: dict[EngineName, Engine] = {
    "GOWS": Engine(
        name="GOWS",
        takes_ids=True,
        browser=None,
        inbound_ack=Ack.DEVICE,
        addresses=gows.addresses,
        raw=gows.raw,
        sent=gows.sent,
    ),
    "NOWEB": Engine(
        name="NOWEB",
        takes_ids=True,
        browser=None,
        inbound_ack=Ack.SERVER,
        addresses=noweb.addresses,
        raw=noweb.raw,
        sent=noweb.sent,
    ),
    "WEBJS": Engine(
        name="WEBJS",
        takes_ids=False,
        browser="/usr/bin/google-chrome-stable",
        inbound_ack=Ack.SERVER,
        addresses=webjs.addresses,
        raw=webjs.raw,
        sent=webjs.sent,
        shows_changes=True,
        reacted_at=lambda at: round(at, 3),
    ),
}

"""A pretend WhatsApp beside the demo: a WAHA server of ours, and the phones of its customers."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from simulators.main import create_app
from simulators.serving import serve
from simulators.waha.server import API_KEY, Waha

#: Where it is found unless somebody else is there: bookmarks survive a restart.
USUAL_PORT = 8_900


@dataclass(frozen=True)
class PretendWhatsApp:
    """Where it is found, and the key to its API."""

    url: str
    api_key: str

    def phone_of(self, session: str, customer: str) -> str:
        """The page on which a person plays a customer."""
        return f"{self.url}/phone?session={session}&customer={customer}"


@asynccontextmanager
async def pretend_whatsapp() -> AsyncGenerator[PretendWhatsApp]:
    """Serve it while the block lasts; what is said there is forgotten afterwards."""
    async with serve(create_app(waha=Waha()), port=_port()) as url:
        yield PretendWhatsApp(url, API_KEY)


def _port() -> int:
    """The usual one, or any that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return 0
    return USUAL_PORT

"""A pretend world beside the platform: a WAHA server with its customers' phones, and two banks."""

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
class PretendWorld:
    """Where WhatsApp, Midtrans and Xendit are found, and the key to WAHA's API."""

    url: str
    waha_key: str = API_KEY

    @property
    def settings(self) -> dict[str, str]:
        """What makes the platform go there instead of into the real world."""
        return {
            "WAHA_ALLOWED_HOSTS": "127.0.0.1",
            "MIDTRANS_BASE_URL": f"{self.url}/midtrans",
            "XENDIT_BASE_URL": f"{self.url}/xendit",
        }

    def phone_of(self, session: str, customer: str) -> str:
        """The page on which a person plays a customer."""
        return f"{self.url}/phone?session={session}&customer={customer}"


@asynccontextmanager
async def pretend_world(*, port: int = 0) -> AsyncGenerator[PretendWorld]:
    """Serve it while the block lasts; what is said and paid there is forgotten afterwards.

    Where `port` is taken, as with 0, it is any that is free.
    """
    async with serve(create_app(waha=Waha()), port=free_port(port)) as url:
        yield PretendWorld(url)


def free_port(wanted: int = 0) -> int:
    """The one that is wanted, or any that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port

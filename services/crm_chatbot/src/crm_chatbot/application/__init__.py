"""The menu: everything that crm_chatbot can do."""

from dataclasses import dataclass

from crm_chatbot.application.ports import OpenWork
from shared.whatsapp.connections import Connections
from shared.whatsapp.waha import Waha


@dataclass(frozen=True)
class Application:
    """Use cases, and what routes read from."""

    open_work: OpenWork
    connections: Connections
    waha: Waha

"""WhatsApp accounts that are connected to the pretend WAHA, and the states they go through."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from simulators.waha.config import SessionConfig
from simulators.waha.engines import Engine
from simulators.waha.feed import Feed
from simulators.waha.messages import Chat, Message
from simulators.waha.people import Customer, Customers, Me

Status = Literal["STOPPED", "STARTING", "SCAN_QR_CODE", "WORKING", "FAILED"]


@dataclass(kw_only=True)
class Session:
    """One account: its state, its config, and the phone that belongs to it."""

    name: str
    engine: Engine
    owner: Me
    #: as it was given, and as it was understood
    raw_config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    config: SessionConfig = field(default_factory=SessionConfig)
    is_paired: bool = False
    status: Status = "STOPPED"
    statuses: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=3))
    customers: Customers = field(default_factory=Customers)
    #: by the customer's phone
    chats: dict[str, Chat] = field(default_factory=dict[str, Chat])
    #: what WhatsApp keeps for this account until it is connected
    backlog: list[Message] = field(default_factory=list[Message])
    feed: Feed = field(default_factory=Feed)
    qr_number: int = 1

    @property
    def is_working(self) -> bool:
        return self.status == "WORKING"

    @property
    def me(self) -> Me | None:
        return self.owner if self.is_paired else None

    def configure(self, config: Mapping[str, Any]) -> None:
        """Raises ValidationError."""
        self.config = SessionConfig.model_validate(config)
        self.raw_config = config

    def move(self, status: Status) -> None:
        self.status = status
        self.statuses.append({"status": status, "timestamp": int(time.time() * 1000)})

    def chat_with(self, customer: Customer) -> Chat:
        return self.chats.setdefault(customer.phone, Chat(customer))

    def find_message(self, any_id: str) -> Message | None:
        found = (chat.find(any_id) for chat in self.chats.values())
        return next((message for message in found if message), None)

    def view(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "name": self.name,
            "status": self.status,
            "config": self.raw_config,
            "me": self.me.view() if self.me else None,
            "presence": None,
            "timestamps": {"activity": None},
        }


class Sessions:
    """All accounts of one WAHA."""

    def __init__(self) -> None:
        self._by_name: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Session | None:
        return self._by_name.get(name)

    def add(self, session: Session) -> Session:
        self._by_name[session.name] = session
        return session

    def remove(self, name: str) -> Session | None:
        return self._by_name.pop(name, None)

    def with_phone(self, phone: str) -> Session | None:
        """The account whose own number this is, if it can hear."""
        return next((one for one in self if one.me and one.me.phone == phone), None)

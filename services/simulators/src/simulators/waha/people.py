"""The people of one session: the shop, and its pretend customers by either identity."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from simulators.waha import names

WritesAs = Literal["phone", "lid"]


@dataclass(frozen=True)
class Me:
    """The shop's own account."""

    phone: str
    push_name: str

    @property
    def chat_id(self) -> str:
        return names.phone_chat(self.phone)

    def view(self) -> dict[str, str]:
        """As the API and every webhook show it."""
        return {
            "id": self.chat_id,
            "lid": names.lid_chat(names.usual_lid(self.phone)),
            "jid": f"{self.phone}:7@s.whatsapp.net",
            "pushName": self.push_name,
        }


@dataclass
class Customer:
    """Somebody who chats with the shop."""

    phone: str  #: digits; WAHA may not know them
    name: str
    lid: str
    #: how their messages arrive at the shop
    writes_as: WritesAs = "phone"
    #: WAHA cannot tell which phone belongs to the lid
    is_phone_hidden: bool = False
    is_on_whatsapp: bool = True
    #: what is sent to them reaches their phone
    is_online: bool = True

    @property
    def phone_chat(self) -> str:
        return names.phone_chat(self.phone)

    @property
    def lid_chat(self) -> str:
        return names.lid_chat(self.lid)

    @property
    def chat_id(self) -> str:
        """The chat in which their messages arrive."""
        return self.phone_chat if self.writes_as == "phone" else self.lid_chat


class Customers:
    """Everybody whom a session knows."""

    def __init__(self) -> None:
        self._by_phone: dict[str, Customer] = {}

    def __iter__(self) -> Iterator[Customer]:
        return iter(self._by_phone.values())

    def add(self, customer: Customer) -> Customer:
        self._by_phone[customer.phone] = customer
        return customer

    def by_phone(self, phone: str) -> Customer | None:
        return self._by_phone.get(phone)

    def by_lid(self, lid: str) -> Customer | None:
        return next((customer for customer in self if customer.lid == lid), None)

    def find(self, chat_id: str) -> Customer | None:
        """Whom a direct chat is with, in either form."""
        if chat_id.endswith("@lid"):
            return self.by_lid(names.digits(chat_id))
        return self.by_phone(names.digits(chat_id))

    def meet(self, phone: str, *, name: str = "") -> Customer:
        """The customer with this number; a new one if nobody has it."""
        known = self.by_phone(phone)
        return known or self.add(Customer(phone, name or f"+{phone}", names.usual_lid(phone)))

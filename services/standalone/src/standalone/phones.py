"""A customer with a phone on the pretend WhatsApp: writes, sends pictures, and reads answers."""

from dataclasses import dataclass
from typing import Any

import httpx

from standalone.promises import ask


@dataclass(frozen=True)
class Customer:
    """Somebody who writes to one shop."""

    phones: httpx.AsyncClient
    session: str
    phone: str
    name: str

    @classmethod
    async def met(
        cls, phones: httpx.AsyncClient, session: str, name: str, phone: str
    ) -> "Customer":
        """A new customer, or one that the shop's WhatsApp knows already."""
        await ask(phones, "POST", f"/phone/api/{session}/customers", {"phone": phone, "name": name})
        return cls(phones, session, phone, name)

    async def says(self, words: str) -> None:
        await self.sends("text", words)

    async def sends(self, kind: str, words: str = "") -> None:
        """A text, picture, voice note, sticker or place; the words are its caption."""
        await ask(self.phones, "POST", self._messages, {"type": kind, "text": words})

    async def hears_from_owner(self, words: str) -> None:
        """The shop's owner types on their own phone."""
        await ask(self.phones, "POST", self._messages, {"text": words, "writer": "shop"})

    async def chat(self) -> list[dict[str, Any]]:
        """The whole chat as the phone shows it, the oldest first."""
        answer = await self.phones.get(self._messages)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    async def heard(self) -> list[str]:
        """What the shop has said so far, whoever wrote it."""
        return [str(one["text"]) for one in await self.chat() if one["from"] == "shop"]

    @property
    def _messages(self) -> str:
        return f"/phone/api/{self.session}/customers/{self.phone}/messages"

"""The feed: what changed in a shop, told after it was committed to everybody who looks at it live.

Lossy by design: it says what to look at again, never what is there now. Ids only, nobody's words.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from crm_chatbot.domain.tenants.tenant import TenantId


class Thing(StrEnum):
    """What may have changed; of what a shop has only one, the id is the shop's."""

    #: the shop itself, with its settings
    TENANT = "tenant"
    CUSTOMER = "customer"
    #: its place in the list, its state, its timeline, or several of its messages
    CONVERSATION = "conversation"
    MESSAGE = "message"
    #: its connection: where it is, and how, as WhatsApp tells of it
    WHATSAPP = "whatsapp"
    #: an API key for the shop alone
    KEY = "key"
    #: the shop's accounts with payment providers
    PAYMENT_ACCOUNTS = "payment_accounts"
    PRODUCT = "product"
    #: how many of a variant there are, or are reserved
    STOCK = "stock"
    SYNONYMS = "synonyms"
    IMPORT = "import"
    ORDER = "order"
    PAYMENT = "payment"
    REFUND = "refund"
    CONCERN = "concern"
    DELIVERY = "delivery"
    DISCOUNT = "discount"
    LABEL = "label"
    QUICK_REPLY = "quick_reply"
    TICKET = "ticket"
    BOARD = "board"
    TICKET_TEMPLATE = "ticket_template"
    #: by when tickets should be done
    TICKET_TARGETS = "ticket_targets"
    #: an automation rule
    RULE = "rule"

    #: whoever follows hears everything from here on, and fetches now
    READY = "ready"
    #: something was not told: whatever is on the screen may be old
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not as it was; `conversation_id` where it is a conversation's."""

    kind: Thing
    id: UUID
    at: datetime
    conversation_id: UUID | None = None

    @classmethod
    def ready(cls, tenant_id: TenantId, at: datetime) -> Self:
        return cls(Thing.READY, tenant_id, at)

    @classmethod
    def lost(cls, tenant_id: TenantId, at: datetime) -> Self:
        return cls(Thing.LOST, tenant_id, at)


class Feed(Protocol):
    """What changes in every shop, each shop's told to those who follow that shop."""

    def publish(self, tenant_id: TenantId, changes: Sequence[Change], /) -> None:
        """Tell everybody, in every process, without waiting and without failing.

        What cannot be told is dropped; whoever missed it hears `lost` once that can be told.
        """
        ...

    def follow(
        self, tenant_id: TenantId, /, *, silence_s: float = 15.0
    ) -> AsyncGenerator[Sequence[Change]]:
        """Changes from now on, for ever: first `ready`, then news as it comes, each thing once.

        After `silence_s` without any, nothing is yielded as an empty sequence. Whoever is too slow
        holds nobody up, and hears `lost` instead of more than it can take.
        """
        ...

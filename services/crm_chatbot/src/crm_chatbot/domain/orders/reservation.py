"""Reservations: stock that is promised to an order, until it is returned, or sold."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.orders.order import OrderId
from shared.domain import Conflict


class ReservationState(StrEnum):
    """What has become of one attempt of an order to buy."""

    HELD = "held"
    RELEASED = "released"
    SOLD = "sold"
    RESTOCKED = "restocked"  #: sold, and put back


class OutOfStock(Conflict, code="insufficient_stock"):
    message = "There are only {available} of {name} ({sku}) left."


class Reservations(Protocol):
    """What a tenant's orders hold; an order is locked while what it holds is changed.

    Each attempt of an order is held, returned and sold once, however often that is asked for.
    """

    async def reserve(
        self, order_id: OrderId, attempt: int, quantities: Mapping[VariantId, int], /
    ) -> None:
        """All of it, or nothing.

        Raises OutOfStock, which names one of those of which there are not enough, and then nothing
        was changed: the transaction may go on.
        """
        ...

    async def release(self, order_id: OrderId, attempt: int, /) -> bool:
        """What is held is free again; False where nothing was."""
        ...

    async def sell(self, order_id: OrderId, attempt: int, /) -> bool:
        """What is held leaves the shop; False where nothing was."""
        ...

    async def restock(self, order_id: OrderId, attempt: int, /) -> bool:
        """What was sold is in the shop again; False where nothing was."""
        ...

    async def state(self, order_id: OrderId, attempt: int, /) -> ReservationState | None:
        """None where there was no such attempt."""
        ...

"""What the pretend bank knows of a shop: where one could pay just now, and what it has taken."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from standalone.shop import Shop

#: Midtrans has the money, or had it.
_TAKEN = {"capture", "settlement", "refund", "partial_refund", "chargeback"}
_PAYABLE = {"pending", "deny"}


@dataclass(frozen=True, kw_only=True)
class Books:
    """One shop's, at one bank."""

    #: what the bank knows each page by, the oldest first
    references: Sequence[str]
    links: int
    #: all that customers have paid (rupiah)
    taken: int


async def of(outside: httpx.AsyncClient, shop: Shop) -> Books:
    """The shop's books at its bank."""
    bank = shop.plan.bank
    listed = await outside.get(f"/{bank}/control/{_PAGES[bank]}")
    listed.raise_for_status()
    merchants = await outside.get(f"/{bank}/control/merchants")
    merchants.raise_for_status()
    read = {"midtrans": _midtrans, "xendit": _xendit}[bank]
    return read(listed.json(), merchants.json(), shop.bank_key)


_PAGES = {"midtrans": "orders", "xendit": "invoices"}
Seen = Sequence[Mapping[str, Any]]


def _midtrans(orders: Seen, merchants: Seen, key: str) -> Books:
    merchant = next(one["id"] for one in merchants if one["server_key"] == key)
    own = [one for one in orders if one["merchant"] == merchant]
    tries = [each for one in own for each in one["transactions"]]
    return Books(
        references=[one["order_id"] for one in own],
        links=sum(map(_is_payable, own)),
        taken=sum(each["gross_amount"] for each in tries if each["status"] in _TAKEN),
    )


def _is_payable(order: Mapping[str, Any]) -> bool:
    tries = order["transactions"]
    is_over = datetime.fromisoformat(order["closes_at"]).timestamp() <= time.time()
    is_decided = bool(tries) and tries[-1]["status"] not in _PAYABLE
    return not (order["is_void"] or is_over or is_decided)


def _xendit(invoices: Seen, merchants: Seen, key: str) -> Books:
    merchant = next(one["user_id"] for one in merchants if one["secret_key"] == key)
    own = [one["invoice"] for one in invoices if one["invoice"]["user_id"] == merchant]
    return Books(
        references=[one["external_id"] for one in own],
        links=sum(one["status"] == "PENDING" for one in own),
        taken=sum(one.get("paid_amount", 0) for one in own),
    )

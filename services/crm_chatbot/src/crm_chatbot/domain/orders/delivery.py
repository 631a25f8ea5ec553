"""Delivery: where a shop brings orders to, and what that costs, by a table of its own."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Protocol

from crm_chatbot.domain.orders.order import LONGEST_ADDRESS, Delivery
from shared.domain import Conflict, Invalid, says_something

MOST_ZONES = 200
MOST_WORDS = 100
LONGEST_NAME = 100
LONGEST_WORD = 100
HIGHEST_FEE = 10**10
#: The zone of orders that are picked up.
PICKUP = "pickup"


class DeliveryUnknown(Conflict):
    message = "What delivery to this address costs is not known: a colleague will tell."


class PickupNotOffered(Conflict):
    message = "Orders cannot be picked up here."


class DeliveryRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A part of the world, known by words of its addresses; the fee is in the smallest unit."""

    name: str
    words: tuple[str, ...]
    fee: int


@dataclass(frozen=True, kw_only=True)
class DeliveryTerms:
    """A shop's table of fees; empty, as long as it has not said how it delivers."""

    zones: tuple[Zone, ...] = ()
    #: for whatever lies in no zone; None: a person has to tell
    default_fee: int | None = None
    #: where orders may be picked up; empty: nowhere
    pickup_address: str = ""

    def __post_init__(self) -> None:
        if len(self.zones) > MOST_ZONES:
            raise DeliveryRejected(field="zones", reason=f"at most {MOST_ZONES}")
        for place, zone in enumerate(self.zones):
            _refuse_bad(zone, f"zones/{place}")
        if self.default_fee is not None:
            _refuse_bad_fee(self.default_fee, "default_fee")
        if len(self.pickup_address) > LONGEST_ADDRESS:
            reason = f"at most {LONGEST_ADDRESS} characters"
            raise DeliveryRejected(field="pickup_address", reason=reason)

    @property
    def is_known(self) -> bool:
        """Whether an order is to say where it goes."""
        return bool(self.zones) or self.default_fee is not None or bool(self.pickup_address)

    def to(
        self, address: str, *, latitude: float | None = None, longitude: float | None = None
    ) -> Delivery:
        """There, for the fee of its zone: the one whose word comes last in the address.

        Raises OrderRejected, DeliveryUnknown.
        """
        zone = self._zone_of(address)
        if zone is None and self.default_fee is None:
            raise DeliveryUnknown
        return Delivery(
            address=address,
            zone=zone.name if zone else "",
            fee=zone.fee if zone else self.default_fee or 0,
            latitude=latitude,
            longitude=longitude,
        )

    def pickup(self) -> Delivery:
        """Raises PickupNotOffered."""
        if not self.pickup_address:
            raise PickupNotOffered
        return Delivery(address=self.pickup_address, zone=PICKUP, fee=0)

    def again(self, delivery: Delivery) -> Delivery:
        """The same place for what it costs now. Raises DeliveryUnknown, PickupNotOffered."""
        if delivery.zone == PICKUP:
            return self.pickup()
        return self.to(delivery.address, latitude=delivery.latitude, longitude=delivery.longitude)

    def _zone_of(self, address: str) -> Zone | None:
        # Streets are named after cities, and stand before the city. Of words that end together
        # the longer says more; of zones that share a word it is the dearest.
        said = f" {_plain(address)} "
        found = [
            ((at + len(called), len(called), zone.fee), place)
            for place, zone in enumerate(self.zones)
            for word in zone.words
            if (at := said.rfind(f" {(called := _plain(word))} ")) >= 0
        ]
        return self.zones[max(found)[1]] if found else None


class DeliveryTables(Protocol):
    """How a tenant delivers."""

    async def get(self) -> DeliveryTerms: ...

    async def put(self, terms: DeliveryTerms, /) -> None: ...


def _plain(text: str) -> str:
    """Words alone, in one spelling: "Kota Bandung, 40115" as "kota bandung 40115"."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def _refuse_bad(zone: Zone, at: str) -> None:
    if not 0 < len(zone.name) <= LONGEST_NAME or not says_something(zone.name):
        raise DeliveryRejected(field=f"{at}/name", reason=f"1 to {LONGEST_NAME} characters")
    if zone.name.casefold() == PICKUP:
        raise DeliveryRejected(field=f"{at}/name", reason="is what picking up is called")
    if not 0 < len(zone.words) <= MOST_WORDS:
        raise DeliveryRejected(field=f"{at}/words", reason=f"1 to {MOST_WORDS}")
    if any(not 0 < len(word) <= LONGEST_WORD or not _plain(word) for word in zone.words):
        raise DeliveryRejected(field=f"{at}/words", reason="each has a letter or digit in it")
    _refuse_bad_fee(zone.fee, f"{at}/fee")


def _refuse_bad_fee(fee: int, at: str) -> None:
    if not 0 <= fee <= HIGHEST_FEE:
        raise DeliveryRejected(field=at, reason=f"0 to {HIGHEST_FEE}")

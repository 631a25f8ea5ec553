"""Channels of an invoice at Xendit: what each is called, allows, and whether money goes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["bank", "outlet", "ewallet", "qr", "card", "direct_debit", "paylater"]
Refunds = Literal["none", "whole", "any"]

#: kind -> `payment_method` in webhooks
_METHODS: dict[Kind, str] = {
    "bank": "BANK_TRANSFER",
    "outlet": "RETAIL_OUTLET",
    "ewallet": "EWALLET",
    "qr": "QR_CODE",
    "card": "CREDIT_CARD",
    "direct_debit": "DIRECT_DEBIT",
    "paylater": "PAYLATER",
}


@dataclass(frozen=True)
class Channel:
    """One way to pay."""

    #: as `payment_methods` names it
    code: str
    label: str
    kind: Kind
    least: int = 1
    most: int = 20_000_000
    refunds: Refunds = "any"

    @property
    def method(self) -> str:
        return _METHODS[self.kind]

    def allows(self, amount: int) -> bool:
        return self.least <= amount <= self.most


def _bank(code: str, label: str, *, least: int = 1, most: int = 50_000_000_000) -> Channel:
    return Channel(code, f"{label} Virtual Account", "bank", least, most, "none")


_ALL = (
    Channel("QRIS", "QRIS", "qr"),
    Channel("OVO", "OVO", "ewallet", 100),
    Channel("DANA", "DANA", "ewallet", 100),
    Channel("SHOPEEPAY", "ShopeePay", "ewallet"),
    Channel("LINKAJA", "LinkAja", "ewallet", refunds="whole"),
    Channel("ASTRAPAY", "AstraPay", "ewallet", 100, refunds="none"),
    Channel("JENIUSPAY", "Jenius Pay", "ewallet", 1_000),
    _bank("BCA", "BCA", least=10_000, most=50_000_000),
    _bank("BNI", "BNI", most=50_000_000),
    _bank("BRI", "BRI"),
    _bank("BSI", "BSI"),
    _bank("MANDIRI", "Mandiri"),
    _bank("PERMATA", "Permata", most=9_999_999_999),
    _bank("CIMB", "CIMB Niaga", most=50_000_000),
    _bank("BJB", "BJB", most=2_000_000_000),
    _bank("BNC", "Bank Neo Commerce"),
    _bank("SAHABAT_SAMPOERNA", "Sahabat Sampoerna"),
    Channel("ALFAMART", "Alfamart", "outlet", 10_000, 5_000_000, "none"),
    Channel("INDOMARET", "Indomaret", "outlet", 10_000, 2_500_000, "none"),
    Channel("CREDIT_CARD", "Kartu kredit atau debit", "card", 5_000, 200_000_000),
    Channel("DD_BRI", "BRI Direct Debit", "direct_debit", refunds="none"),
    Channel("DD_MANDIRI", "Mandiri Direct Debit", "direct_debit", refunds="none"),
    Channel("KREDIVO", "Kredivo", "paylater", 1_000, 30_000_000),
    Channel("AKULAKU", "Akulaku", "paylater", 1_000, 25_000_000),
    Channel("ATOME", "Atome", "paylater", 50_000, 6_000_000),
)
CHANNELS = {channel.code: channel for channel in _ALL}


def named(codes: Sequence[str] | None) -> Sequence[Channel]:
    """Those of an invoice in Xendit's own order; all where it names none."""
    return [channel for channel in _ALL if not codes or channel.code in codes]

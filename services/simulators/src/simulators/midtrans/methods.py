"""Ways to pay at Midtrans: what each is called, costs, allows, and how long it waits."""

from dataclasses import dataclass
from typing import Literal

MINUTE_S, HOUR_S = 60, 3_600

Refunds = Literal["none", "whole", "any"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to pay."""

    #: as `enabled_payments` names it
    name: str
    label: str
    payment_type: str
    #: as `va_numbers` or `store` names it
    bank: str = ""
    least: int = 1
    most: int = 999_999_999
    #: how long a transaction waits that says nothing of it
    life_s: int = 24 * HOUR_S
    refunds: Refunds = "none"
    #: what a customer pays on top where the shop wants that: a part in 10,000, and rupiah
    fee: tuple[int, int] = (0, 4_000)
    #: notifications name the time when it expires
    tells_expiry: bool = False

    def fee_of(self, amount: int) -> int:
        part, rupiah = self.fee
        return -(-amount * part // 10_000) + rupiah

    def allows(self, amount: int) -> bool:
        return self.least <= amount <= self.most

    @property
    def group(self) -> str:
        """The word in `enabled_payments` that stands for several."""
        return self.payment_type if self.payment_type in {"bank_transfer", "cstore"} else self.name


def _va(bank: str, label: str, *, least: int = 1, tells_expiry: bool = False) -> Method:
    return Method(
        name=f"{bank}_va",
        label=f"{label} Virtual Account",
        payment_type="bank_transfer",
        bank=bank,
        least=least,
        tells_expiry=tells_expiry,
    )


_ALL = (
    Method(
        name="other_qris",
        label="QRIS",
        payment_type="qris",
        most=10_000_000,
        life_s=15 * MINUTE_S,
        refunds="any",
        fee=(70, 0),
    ),
    Method(
        name="gopay",
        label="GoPay",
        payment_type="gopay",
        most=20_000_000,
        life_s=15 * MINUTE_S,
        refunds="any",
        fee=(200, 0),
    ),
    Method(
        name="shopeepay",
        label="ShopeePay",
        payment_type="shopeepay",
        most=20_000_000,
        life_s=15 * MINUTE_S,
        refunds="whole",
        fee=(200, 0),
    ),
    _va("bca", "BCA", least=10_000, tells_expiry=True),
    _va("bni", "BNI"),
    _va("bri", "BRI"),
    _va("permata", "Permata"),
    Method(name="echannel", label="Mandiri Bill Payment", payment_type="echannel"),
    Method(
        name="indomaret",
        label="Indomaret",
        payment_type="cstore",
        bank="indomaret",
        least=10_000,
        most=5_000_000,
        fee=(0, 5_000),
    ),
    Method(
        name="alfamart",
        label="Alfamart",
        payment_type="cstore",
        bank="alfamart",
        most=5_000_000,
        fee=(0, 5_000),
    ),
    Method(
        name="credit_card",
        label="Kartu kredit atau debit",
        payment_type="credit_card",
        bank="bni",
        least=10_000,
        life_s=10 * MINUTE_S,
        refunds="any",
        fee=(290, 2_000),
    ),
)
METHODS = {method.name: method for method in _ALL}


def offered(enabled: list[str] | None, amount: int) -> list[Method]:
    """What the pay page shows: what the shop enabled, as far as the amount allows."""
    return [
        method
        for method in _ALL
        if method.allows(amount)
        and (not enabled or {method.name, method.group} & set(enabled) or _is_qris(method, enabled))
    ]


def _is_qris(method: Method, enabled: list[str]) -> bool:
    return method.payment_type == "qris" and "qris" in enabled

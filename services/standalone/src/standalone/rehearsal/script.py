"""What a dialogue is made of: what a customer does, and what must have come of it in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from standalone.shop import Bank

#: A text with a link to pay by.
LINK = r"https?://"
#: What says that money has come.
RECEIPT = r"sudah kami terima|pembayaran diterima, terima|have received your payment"
#: What nobody says of an order that is not paid.
CLAIMED = (
    rf"{RECEIPT}|pembayaran\w*\W+(?:\w+\W+){{0,4}}(?:sudah|telah) (?:diterima|masuk)"
    r"|sudah (?:lunas|dibayar)|has been paid|is paid\b"
)


@dataclass(frozen=True)
class Says:
    """One message; the customer waits for the answer."""

    words: str


@dataclass(frozen=True, init=False)
class Burst:
    """Several messages, faster than anybody answers."""

    words: Sequence[str]

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)


@dataclass(frozen=True)
class Sends:
    """A picture, a voice note, a sticker or a place, perhaps with words below it."""

    kind: str
    words: str = ""


@dataclass(frozen=True)
class Hears:
    """The customer waits until such words come, or have come since their last message."""

    pattern: str


@dataclass(frozen=True)
class Pays:
    """Opens the newest link, picks a method, pays, and waits for the receipt."""

    method: str = "QRIS"
    #: presses the button so many times at once
    taps: int = 1


@dataclass(frozen=True)
class PaysAndSays:
    """Pays, and writes at the same moment."""

    words: str
    method: str = "QRIS"


@dataclass(frozen=True)
class Picks:
    """Opens the newest link and picks a method, and does not pay."""

    method: str = "QRIS"


@dataclass(frozen=True)
class LetsExpire:
    """Opens the newest link, picks a method, and lets the time run out."""

    method: str = "QRIS"


@dataclass(frozen=True)
class PaysTooLate:
    """Money comes by the first link although it was closed: banks do that.

    A method was picked on its page before.
    """


Step = Says | Burst | Sends | Hears | Pays | PaysAndSays | Picks | LetsExpire | PaysTooLate


@dataclass(frozen=True)
class Ordered:
    """An order as it must be: how many of each SKU, and the total in rupiah, delivery included."""

    status: str
    lines: Mapping[str, int]
    total: int


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What must be so when nothing moves any more."""

    #: the oldest first
    orders: Sequence[Ordered] = ()
    #: how many are sold of each SKU; of every other none
    sold: Mapping[str, int] = field(default_factory=dict[str, int])
    #: how many are promised
    held: Mapping[str, int] = field(default_factory=dict[str, int])
    #: what the customer has paid at the bank; None: the total of what is PAID
    taken: int | None = None
    #: None: either way
    state: str | None = "COMPLETED"
    mode: str = "bot"
    #: patterns: each is said, in any case of letters
    says: Sequence[str] = ()
    #: patterns: none is ever said
    never: Sequence[str] = ()
    #: pages on which somebody could pay
    links: int = 0
    #: codes of what a person of the shop has to decide
    concerns: Sequence[str] = ()
    #: what colleagues are asked to see to; None: either way
    tickets: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """One customer, at a shop of their own."""

    #: words with dashes between: by these it is chosen
    name: str
    #: who it is, in a sentence
    about: str
    steps: Sequence[Step]
    expected: Expected
    #: other ends that are as right: races have two, and who is refused may be so sooner or later
    otherwise: Sequence[Expected] = ()
    bank: Bank = "midtrans"
    #: by SKU, in the place of the usual stock
    stock: Mapping[str, int] = field(default_factory=dict[str, int])
    #: who gets nothing: it is no sale, and there is nothing to be sold
    is_attack: bool = False

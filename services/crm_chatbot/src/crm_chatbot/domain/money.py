"""Money's units: which currencies there are, how many decimals each has, and how it is written."""

from dataclasses import dataclass

from crm_chatbot.domain.language import Language
from shared.domain import Invalid


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: ISO 4217, without funds, metals and test codes.
CODES = _codes("""
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD
    KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
    SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND
    VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
""")

# On paper the rupiah has sen; no price and no payment provider has had them for decades.
_WHOLE = _codes("BIF CLP DJF GNF IDR ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF")
_THOUSANDTHS = _codes("BHD IQD JOD KWD LYD OMR TND")


class UnknownCurrency(Invalid):
    message = "{code!r} is not the code of a currency, as IDR or USD is."
    at = "/currency"


@dataclass(frozen=True)
class Currency:
    """A currency by its ISO 4217 code. Amounts are whole numbers of its smallest unit."""

    code: str

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise UnknownCurrency(code=self.code)

    @property
    def scale(self) -> int:
        """How many decimals an amount is counted in: 0 for rupiah, 2 for cents."""
        if self.code in _WHOLE:
            return 0
        return 3 if self.code in _THOUSANDTHS else 2


RUPIAH = Currency("IDR")


def formatted(amount: int, currency: Currency, language: Language) -> str:
    """As people read it: Rp170.000, or IDR 170,000 in English. `amount` is in the smallest unit."""
    is_indonesian = language is Language.INDONESIAN
    unit = 10**currency.scale
    whole, rest = divmod(abs(amount), unit)
    number = f"{whole:,}" + (f".{rest:0{currency.scale}}" if currency.scale else "")
    if is_indonesian:
        number = number.translate(str.maketrans(",.", ".,"))
    name = "Rp" if is_indonesian and currency == RUPIAH else f"{currency.code} "
    return f"{'-' if amount < 0 else ''}{name}{number}"

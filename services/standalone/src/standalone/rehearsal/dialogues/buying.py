"""Customers who know what they want, and get it."""

from collections.abc import Sequence

from standalone.rehearsal.dialogues.common import (
    BANDUNG,
    CHECKOUT,
    DEPOK,
    TO_BANDUNG,
    TO_DEPOK,
    YES,
    a_sale,
    an_order,
)
from standalone.rehearsal.script import RECEIPT, Burst, Dialogue, Expected, Pays, Says

DIALOGUES: Sequence[Dialogue] = (
    Dialogue(
        name="decided",
        about="greets, asks, orders two, and pays by QRIS",
        steps=[
            Says("halo"),
            Says("ada kopi gayo?"),
            Says("250gr 2"),
            Says("udah"),
            DEPOK,
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_DEPOK, says=(r"Total: Rp188\.000",)),
    ),
    Dialogue(
        name="decided-and-polite",
        about="thanks after paying: the sale stays as it is",
        steps=[
            Says("Assalamualaikum kak"),
            Says("pesan 1 kopi toraja ya"),
            CHECKOUT,
            BANDUNG,
            Says("iya betul kak"),
            Pays("GoPay"),
            Says("makasih banyak kak"),
        ],
        expected=Expected(
            orders=[an_order("PAID", {"KT-250": 1}, fee=TO_BANDUNG)],
            sold={"KT-250": 1},
            state="BROWSING",
            says=(RECEIPT, "walaikum|waalaikum"),
        ),
    ),
    Dialogue(
        name="all-in-one-message",
        about="says what, how many and where to in one breath",
        steps=[
            Says("halo kak, pesan 2 kopi gayo 250 gram, kirim ke Jl. Melati No. 5 Depok 16424"),
            Says("checkout kak"),
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_DEPOK),
    ),
    Dialogue(
        name="many-lines",
        about="orders three things at once",
        steps=[
            Says("kopi gayo 250gr x3 sama teh melati x1 dan kopi susu gula aren x2"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays("BCA Virtual Account"),
        ],
        expected=a_sale({"KG-250": 3, "TM-50": 1, "KSGA-1L": 2}, fee=TO_BANDUNG),
    ),
    Dialogue(
        name="burst",
        about="says one thing in three messages",
        steps=[
            Burst("mau pesan", "kopi gayo 250gr", "2"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_BANDUNG),
    ),
    Dialogue(
        name="by-xendit",
        about="buys in a shop that has its account at Xendit",
        bank="xendit",
        steps=[
            Says("permisi kak, pesan 2 kopi susu gula aren"),
            CHECKOUT,
            DEPOK,
            YES,
            Pays(),
        ],
        expected=a_sale({"KSGA-1L": 2}, fee=TO_DEPOK),
    ),
    Dialogue(
        name="repeat",
        about="buys, and then the same again, to the same address",
        steps=[
            Says("pesan 1 teh melati"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
            Says("pesan lagi yang sama"),
            Says("checkout kak"),
            YES,
            Pays(),
        ],
        expected=Expected(
            orders=[an_order("PAID", {"TM-50": 1}, fee=TO_BANDUNG)] * 2,
            sold={"TM-50": 2},
            says=(RECEIPT,),
        ),
    ),
    Dialogue(
        name="promo-code",
        about="writes a code that the shop knows: ten percent off the goods",
        steps=[
            Says("pesan 2 kopi gayo 250gr, pakai kode NGOPI10 ya"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_BANDUNG, off=17_000, says=(r"Diskon.*Rp17\.000",)),
    ),
    Dialogue(
        name="promo-code-later",
        about="thinks of the code when the cart is full",
        steps=[
            Says("pesan 2 kopi gayo 250gr"),
            Says("aku punya kode promo NGOPI10"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_BANDUNG, off=17_000),
    ),
)

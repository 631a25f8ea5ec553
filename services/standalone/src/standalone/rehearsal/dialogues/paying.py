"""Customers who pay late, twice, or not at all, whatever they say."""

from collections.abc import Sequence
from dataclasses import replace

from standalone.rehearsal.dialogues.common import (
    BANDUNG,
    CHECKOUT,
    TO_BANDUNG,
    YES,
    a_sale,
    an_order,
)
from standalone.rehearsal.script import (
    CLAIMED,
    LINK,
    RECEIPT,
    Burst,
    Dialogue,
    Expected,
    Hears,
    LetsExpire,
    Pays,
    PaysAndSays,
    PaysTooLate,
    Picks,
    Says,
    Sends,
    Step,
)

_TWO = {"KG-250": 2}
_UP_TO_THE_LINK: Sequence[Step] = (
    Says("pesan 2 kopi gayo 250gr"),
    CHECKOUT,
    BANDUNG,
    YES,
    Hears(LINK),
)
_UNPAID = Expected(
    orders=[an_order("AWAITING_PAYMENT", _TWO, fee=TO_BANDUNG)],
    held=_TWO,
    state="PAYMENT",
    links=1,
    never=(CLAIMED,),
)
_SOLD = a_sale(_TWO, fee=TO_BANDUNG)
_PAID_IN_VAIN = Expected(
    orders=[an_order("PAID_ATTENTION", _TWO, fee=TO_BANDUNG)],
    taken=180_000,
    state="BROWSING",
    says=("memeriksa",),
    never=(RECEIPT,),
    concerns=("paid_after_cancellation",),
)

DIALOGUES: Sequence[Dialogue] = (
    Dialogue(
        name="late-payer",
        about="lets the link run out, asks for another, and pays that",
        steps=[
            *_UP_TO_THE_LINK,
            LetsExpire(),
            Says("linknya udah expired, minta lagi dong"),
            Pays(),
        ],
        expected=_SOLD,
    ),
    Dialogue(
        name="late-payer-by-xendit",
        about="the same at Xendit",
        bank="xendit",
        steps=[
            *_UP_TO_THE_LINK,
            LetsExpire(),
            Says("linknya udah expired, minta lagi dong"),
            Pays(),
        ],
        expected=_SOLD,
    ),
    Dialogue(
        name="double-tap",
        about="says yes twice, asks for the link twice, and presses the button three times",
        steps=[
            Says("pesan 2 kopi gayo 250gr"),
            CHECKOUT,
            BANDUNG,
            Burst("ya", "ya"),
            Hears(LINK),
            Says("kirim link pembayarannya"),
            Pays(taps=3),
        ],
        expected=_SOLD,
    ),
    Dialogue(
        name="double-payer",
        about="pays a second link, and then the first one's money arrives: a person has to look",
        steps=[
            *_UP_TO_THE_LINK,
            LetsExpire(),
            Says("linknya udah expired, minta lagi dong"),
            Pays(),
            PaysTooLate(),
        ],
        expected=Expected(
            orders=[an_order("PAID_ATTENTION", _TWO, fee=TO_BANDUNG)],
            sold=_TWO,
            taken=2 * 180_000,
            says=(RECEIPT,),
            concerns=("paid_twice",),
        ),
    ),
    Dialogue(
        name="cancels-while-paying",
        about="writes that it is cancelled at the moment of paying: the money wins",
        steps=[*_UP_TO_THE_LINK, PaysAndSays("batal kak")],
        expected=replace(_SOLD, state=None),
        otherwise=[_PAID_IN_VAIN],
    ),
    Dialogue(
        name="pays-after-cancelling",
        about="has it cancelled with the pay page open, and pays there: a person has to decide",
        steps=[
            *_UP_TO_THE_LINK,
            Picks(),
            Says("gak jadi kak, batalin pesanannya ya"),
            PaysTooLate(),
            Hears("memeriksa"),
        ],
        expected=_PAID_IN_VAIN,
    ),
    Dialogue(
        name="pays-the-old-total",
        about="adds one more with the pay page open, and pays what it was before",
        steps=[
            *_UP_TO_THE_LINK,
            Picks("GoPay"),
            Says("tambah 1 lagi"),
            PaysTooLate(),
            Hears("memeriksa"),
        ],
        expected=Expected(
            orders=[an_order("PAID_ATTENTION", {"KG-250": 3}, fee=TO_BANDUNG)],
            taken=180_000,
            state="ORDERING",
            says=("memeriksa",),
            never=(RECEIPT,),
            concerns=("paid_old_total",),
        ),
    ),
    Dialogue(
        name="claims-to-have-paid",
        about="says so twice, and has not: only the bank is believed",
        steps=[
            *_UP_TO_THE_LINK,
            Says("sudah tf ya kak"),
            Says("udah bayar kok, cek dong"),
        ],
        expected=_UNPAID,
    ),
    Dialogue(
        name="shows-a-receipt",
        about="sends a picture of a transfer: it is no payment either",
        steps=[*_UP_TO_THE_LINK, Sends("image", "ini bukti transfernya kak")],
        expected=_UNPAID,
    ),
    Dialogue(
        name="asks-how-to-pay",
        about="wants to know the ways to pay, and pays by a virtual account",
        steps=[
            *_UP_TO_THE_LINK,
            Says("bayarnya pake apa aja?"),
            Pays("BNI Virtual Account"),
        ],
        expected=_SOLD,
    ),
)

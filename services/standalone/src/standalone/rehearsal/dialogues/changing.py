"""Customers who change their minds: how many, which, where to, or whether at all."""

from collections.abc import Sequence

from standalone.rehearsal.dialogues.common import (
    BANDUNG,
    CHECKOUT,
    DEPOK,
    TO_BANDUNG,
    YES,
    a_sale,
    an_order,
)
from standalone.rehearsal.script import (
    CLAIMED,
    LINK,
    RECEIPT,
    Dialogue,
    Expected,
    Hears,
    Pays,
    Says,
)

DIALOGUES: Sequence[Dialogue] = (
    Dialogue(
        name="mind-changer",
        about="two, no three, no the bigger ones, no only one of them",
        steps=[
            Says("pesan 2 kopi gayo 250gr"),
            Says("jadi 3 ya kak"),
            Says("ganti yg 500gr aja deh"),
            Says("jadi 1 aja ya"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-500": 1}, fee=TO_BANDUNG),
    ),
    Dialogue(
        name="gives-up-and-comes-back",
        about="does not want it after all, and then wants something else",
        steps=[
            Says("pesan 2 kopi gayo 250gr"),
            Says("gak jadi kak, maaf ya"),
            Says("eh jadi deh, pesan 1 kopi toraja"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=Expected(
            orders=[
                an_order("CANCELLED", {"KG-250": 2}),
                an_order("PAID", {"KT-250": 1}, fee=TO_BANDUNG),
            ],
            sold={"KT-250": 1},
            says=(RECEIPT,),
        ),
    ),
    Dialogue(
        name="takes-one-thing-out",
        about="two things, then only the coffee, and one more of it",
        steps=[
            Says("pesan 1 kopi gayo 250gr sama 2 teh melati"),
            Says("yg teh gak usah, kopinya aja"),
            Says("tambah 1 lagi kopinya"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_BANDUNG),
    ),
    Dialogue(
        name="slip-of-the-finger",
        about="wrote 12 and meant 2",
        steps=[
            Says("pesan 12 kopi gayo 250gr"),
            Says("eh salah, maksudnya 2 bukan 12"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_BANDUNG),
    ),
    Dialogue(
        name="address-changer",
        about="wants it sent elsewhere when the summary is there: another fee, another summary",
        steps=[
            Says("pesan 1 kopi gayo 500gr"),
            CHECKOUT,
            DEPOK,
            Says("eh alamatnya ganti, kirim ke Jl. Dago No. 12, Bandung 40135"),
            YES,
            Pays(),
        ],
        expected=a_sale(
            {"KG-500": 1}, fee=TO_BANDUNG, says=(r"Total: Rp178\.000", r"Total: Rp170\.000")
        ),
    ),
    Dialogue(
        name="changes-while-a-link-is-out",
        about="adds one more after the link has come: the old page closes, a new one opens",
        steps=[
            Says("pesan 2 kopi gayo 250gr"),
            CHECKOUT,
            BANDUNG,
            YES,
            Hears(LINK),
            Says("tambah 1 lagi"),
            CHECKOUT,
            YES,
            Hears(LINK),  # the newest link is still the old one until then
            Pays(),
        ],
        expected=a_sale({"KG-250": 3}, fee=TO_BANDUNG, says=(r"Rp180\.000", r"Rp265\.000")),
    ),
    Dialogue(
        name="cancels-the-cart",
        about="has the cart cancelled before anything was confirmed",
        steps=[Says("pesan 2 kopi gayo 250gr"), Says("batalin pesanannya")],
        expected=Expected(orders=[an_order("CANCELLED", {"KG-250": 2})], state="BROWSING"),
    ),
    Dialogue(
        name="cancels-after-confirming",
        about="has a link already: the page closes, and the stock is free again",
        steps=[
            Says("pesan 2 kopi gayo 250gr"),
            CHECKOUT,
            BANDUNG,
            YES,
            Hears(LINK),
            Says("gak jadi kak, batalin pesanannya ya"),
        ],
        expected=Expected(
            orders=[an_order("CANCELLED", {"KG-250": 2}, fee=TO_BANDUNG)],
            state="BROWSING",
            never=(CLAIMED,),
        ),
    ),
    Dialogue(
        name="postpones",
        about="wants to think about it: the cart waits",
        steps=[
            Says("pesan 1 kopi toraja"),
            Says("nanti dulu deh, belum gajian"),
        ],
        expected=Expected(orders=[an_order("DRAFT", {"KT-250": 1})], state="ORDERING"),
    ),
)

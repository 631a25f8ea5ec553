"""Customers who mostly talk: they ask, haggle, complain, and want a person."""

from collections.abc import Sequence

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
    Dialogue,
    Expected,
    Pays,
    Says,
    Sends,
)

DIALOGUES: Sequence[Dialogue] = (
    Dialogue(
        name="asks-only",
        about="asks for everything, and buys nothing",
        steps=[
            Says("jual apa aja kak?"),
            Says("kopi toraja berapa?"),
            Says("stoknya tinggal brp"),
            Says("kl beli 10 dapet harga grosir ga?"),
            Says("oke makasih kak"),
        ],
        expected=Expected(state="BROWSING", says=(r"Rp95\.000",), never=(CLAIMED, LINK)),
    ),
    Dialogue(
        name="haggler",
        about="wants it for less, gets it for what it costs",
        steps=[
            Says("brp harga kopi gayo 250gr?"),
            Says("bisa kurang ga kak? 60rb deh"),
            Says("70rb ya kak, please"),
            Says("yaudah, pesan 2 kopi gayo 250gr"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=Expected(
            orders=[an_order("PAID", {"KG-250": 2}, fee=TO_BANDUNG)],
            sold={"KG-250": 2},
            says=(r"Rp85\.000", RECEIPT),
            never=(r"Rp ?[67]0\.000",),
        ),
    ),
    Dialogue(
        name="out-of-stock",
        about="wants what is sold out, and takes something else",
        steps=[
            Says("pesan 1 tumbler senja"),
            Says("yaudah pesan 1 teh melati aja"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"TM-50": 1}, fee=TO_BANDUNG, says=("habis|tidak ada stok",)),
    ),
    Dialogue(
        name="nearly-sold-out",
        about="wants more than there are, and takes the last one",
        stock={"KT-250": 1},
        steps=[
            Says("pesan 3 kopi toraja"),
            Says("yaudah 1 aja kopi toraja"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"KT-250": 1}, fee=TO_BANDUNG),
    ),
    Dialogue(
        name="too-many",
        about="orders 9,999,999, and then two",
        steps=[
            Says("pesan 9999999 pcs kopi gayo 250gr"),
            Says("hehe becanda, pesan 2 kopi gayo 250gr"),
        ],
        expected=Expected(
            orders=[an_order("DRAFT", {"KG-250": 2})],
            state="ORDERING",
            never=("9999999 x", r"9\.999\.999 x"),
        ),
    ),
    Dialogue(
        name="zero-and-minus-two",
        about="orders none, and less than none",
        steps=[Says("pesan 0 kopi gayo 250gr"), Says("pesan -2 kopi gayo 250gr")],
        expected=Expected(state="BROWSING", never=("-2 x", "0 x")),
    ),
    Dialogue(
        name="voice-noter",
        about="sends a voice note, is asked to type, and types",
        steps=[
            Sends("voice"),
            Says("oke, pesan 1 teh melati"),
            CHECKOUT,
            BANDUNG,
            YES,
            Pays(),
        ],
        expected=a_sale({"TM-50": 1}, fee=TO_BANDUNG, says=("ketik|type",)),
    ),
    Dialogue(
        name="angry",
        about="something is broken: a person answers from here on",
        steps=[Says("barangnya pecah nih!! gimana sih"), Says("halo?? kok diem")],
        expected=Expected(
            state="BROWSING",
            mode="human",
            says=("maaf",),
            tickets=["Pelanggan minta dijawab orang"],
        ),
    ),
    Dialogue(
        name="wants-a-person-mid-order",
        about="asks for a person with something in the cart: the cart stays, the bot is silent",
        steps=[
            Says("pesan 2 kopi gayo 250gr"),
            Says("mau ngomong sama admin asli"),
            Says("checkout kak"),
        ],
        expected=Expected(
            orders=[an_order("DRAFT", {"KG-250": 2})],
            state="ORDERING",
            mode="human",
            never=("Ringkasan pesanan",),
        ),
    ),
    Dialogue(
        name="opts-out",
        about="wants to hear nothing more",
        steps=[Says("halo"), Says("stop, jangan chat saya lagi")],
        expected=Expected(state="GREETING", says=("MULAI",), never=(LINK,)),
    ),
    Dialogue(
        name="pings-and-nudges",
        about="a ping, a thumb, a nudge, and then an order after all",
        steps=[
            Says("p"),
            Says("\N{THUMBS UP SIGN}"),
            Says("???"),
            Says("mau 1 kopi susu gula aren"),
        ],
        expected=Expected(orders=[an_order("DRAFT", {"KSGA-1L": 1})], state="ORDERING"),
    ),
)

"""Customers who write English, and those who mix both languages."""

from collections.abc import Sequence

from standalone.rehearsal.dialogues.common import TO_BANDUNG, TO_DEPOK, a_sale
from standalone.rehearsal.script import Dialogue, Pays, Says

DIALOGUES: Sequence[Dialogue] = (
    Dialogue(
        name="english-decided",
        about="knows what to order, and is answered in English",
        steps=[
            Says("Hi, do you have gayo coffee?"),
            Says("I'll take 2 of the 250g one"),
            Says("that's all, how do I pay?"),
            Says("please send it to Jl. Melati No. 5, Depok 16424"),
            Says("yes"),
            Pays(),
        ],
        expected=a_sale({"KG-250": 2}, fee=TO_DEPOK, says=("Summary of order", "received")),
    ),
    Dialogue(
        name="english-mind-changer",
        about="two, five, and three in the end",
        steps=[
            Says("Can I get 2 kopi gayo 250g please?"),
            Says("change it to 5 please"),
            Says("sorry, make it 3"),
            Says("that's all, checkout please"),
            Says("send it to Jl. Dago No. 12, Bandung 40135"),
            Says("yes, that's right"),
            Pays(),
        ],
        expected=a_sale({"KG-250": 3}, fee=TO_BANDUNG, says=("Reply YES",)),
    ),
    Dialogue(
        name="english-tea",
        about="buys one tea, in few words",
        steps=[
            Says("I want to order 1 teh melati"),
            Says("that is all, checkout"),
            Says("my address is Jl. Dago No. 12, Bandung 40135"),
            Says("yes please"),
            Pays("ShopeePay"),
        ],
        expected=a_sale({"TM-50": 1}, fee=TO_BANDUNG, says=("payment",)),
    ),
    Dialogue(
        name="mixed",
        about="half English, half Indonesian, one order",
        steps=[
            Says("hi kak, I want 2 kopi toraja ya"),
            Says("checkout please kak"),
            Says("kirim ke Jl. Sudirman No. 1, Jakarta 10220 please"),
            Says("yes kak, lanjut"),
            Pays(),
        ],
        expected=a_sale({"KT-250": 2}, fee=TO_DEPOK),
    ),
)

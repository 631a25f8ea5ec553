"""Customers who write English, and those who mix both languages."""

from collections.abc import Sequence

from standalone.rehearsal.dialogues.common import TO_DEPOK, a_sale
from standalone.rehearsal.script import Dialogue, Pays, Says

DIALOGUES: Sequence[Dialogue] = (
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

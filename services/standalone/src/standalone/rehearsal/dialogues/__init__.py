"""Every dialogue, by what it tries."""

from collections.abc import Sequence

from standalone.rehearsal.dialogues import (
    attacking,
    buying,
    changing,
    english,
    paying,
    talking,
)
from standalone.rehearsal.script import Dialogue

ALL: Sequence[Dialogue] = (
    *buying.DIALOGUES,
    *changing.DIALOGUES,
    *paying.DIALOGUES,
    *talking.DIALOGUES,
    *english.DIALOGUES,
    *attacking.DIALOGUES,
)

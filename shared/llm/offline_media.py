"""What the offline model makes of pictures and recordings: what the file says of itself."""

import re

from shared.llm.chat import File

#: Behind the end of a file, where players and viewers do not look: for tests and demonstrations.
_WORDS = re.compile(rb"\nWORDS:([^\n]{1,4000})\n?\Z")


def words_in(file: File) -> str:
    """Empty where it says nothing."""
    found = _WORDS.search(file.content)
    return found[1].decode(errors="replace").strip() if found else ""

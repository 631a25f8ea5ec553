"""Whether a customer has said yes: by their own plain words, and nothing that could mean less."""

import re
from collections.abc import Sequence


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_YES = _set_of("""
    acc agree agreed ahead baik benar bener beres betul bnr boleh btul confirm confirmed correct
    deal fix gas gaskan gaskeun iy iya iyah iyes iyo jadi konfirmasi lanjut lanjutkan ok oke okelah
    okay okeh okey oki right sepakat setuju sip siap sure sesuai y yap yea yeah yep yes yoi yup
    👍 👌 ✅ 🆗""")
#: A yes where it stands first; anywhere else it is a particle, as in "makasih ya".
_YES_FIRST = _set_of("ya yah")

#: What may stand beside a yes and changes nothing about it.
_POLITE = _set_of("""
    aja aku banget bang bayar bos boss bro bu bund bunda cs deh dengan dgn diproses dong gan go i
    ini is it itu ka kak kaka kakak kasih ke kk kok lah makasi makasih mas mau mba mbak min mimin
    nih order pak pembayaran pesanannya please pls proses saya sekali semua semuanya si sih silakan
    sis terima thank thanks that that's the thx tks tolong you ya yah yuk 🙏 🙂 😊 😁 😄 ❤""")

_SEEN = 120


def is_yes(text: str) -> bool:
    """A yes and nothing else: no number, no question, no condition, no second thought."""
    if "?" in text or len(text) > _SEEN:
        return False
    words = _words(text)
    # "is that correct" asks, whatever is missing at its end.
    if not words or words[0] == "is":
        return False
    is_one = words[0] in _YES_FIRST or any(word in _YES for word in words)
    return is_one and all(word in _YES or word in _POLITE for word in words)


def has_agreed(texts: Sequence[str]) -> bool:
    """Whether all that was said since the question comes to a yes."""
    said = [text for text in texts if _words(text)]
    return any(map(is_yes, said)) and all(is_yes(text) or _is_polite(text) for text in said)


def _is_polite(text: str) -> bool:
    return "?" not in text and all(word in _POLITE for word in _words(text))


def _words(text: str) -> list[str]:
    # A skin tone or a variation selector makes no other thumb of it.
    plain = re.sub(
        "[\U0001f3fb-\U0001f3ff\ufe0f\u200d]", "", text.casefold().replace("\u2019", "'")
    )
    return [_short(word) for word in re.findall(r"[^\W_]+(?:'s)?|[^\w\s.,!;:'\"()~*_-]", plain)]


def _short(word: str) -> str:
    """`okeee` and `iyaaa` are what they are without their tails; `boss` keeps its own."""
    bare = re.sub(r"(.)\1+$", r"\1", word)
    return bare if word not in _POLITE and bare in (_YES | _YES_FIRST) else word

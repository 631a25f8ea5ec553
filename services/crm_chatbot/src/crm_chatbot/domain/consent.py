"""Whether a customer has said yes: by their own plain words, and nothing that could mean less."""

import re
from collections.abc import Sequence


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_YES = _set_of("""
    acc agree agreed baik benar bener beres betul bnr boleh btul confirm confirmed correct deal fix
    gas gass gaskan gaskeun gpp iy iya iyaa iyah iyes iyo jadi konfirmasi lanjut lanjutkan ok oke
    okay okee okeh okey oki sepakat setuju sip siip siap siapp sure sesuai y ya yaa yaaa
    yah yap yea yeah yep yes yess yoi yup 👍 👌 ✅ 🆗""")

#: What may stand beside a yes and changes nothing about it.
_POLITE = _set_of("""
    aja banget bang bos boss bro bu bund bunda cs deh dong dgn dengan gan ini is it itu ka kak kaka
    kakak kasih kk kok lah makasi makasih mas mba mbak min mimin nih order pak pesanannya please
    pls semua semuanya si sih sis sudah terima thank thanks that the thx tks tolong udah ya you yah
    yuk 🙏 🙂 😊 😁 😄 ❤""")

_SEEN = 120


def is_yes(text: str) -> bool:
    """A yes and nothing else: no number, no question, no condition, no second thought."""
    if "?" in text or len(text) > _SEEN:
        return False
    words = _words(text)
    return any(word in _YES for word in words) and all(
        word in _YES or word in _POLITE for word in words
    )


def has_agreed(texts: Sequence[str]) -> bool:
    """Whether all that was said since the question comes to a yes."""
    said = [text for text in texts if _words(text)]
    return any(map(is_yes, said)) and all(is_yes(text) or _is_polite(text) for text in said)


def _is_polite(text: str) -> bool:
    return "?" not in text and all(word in _POLITE for word in _words(text))


def _words(text: str) -> list[str]:
    # A skin tone or a variation selector makes no other thumb of it.
    plain = re.sub("[\U0001f3fb-\U0001f3ff\ufe0f\u200d]", "", text.casefold())
    return re.findall(r"[^\W_]+|[^\w\s.,!;:'\"()~*_-]", plain)

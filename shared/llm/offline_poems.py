"""Haiku by rule: five, seven and five syllables about anything, in English and Indonesian."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal
from zlib import crc32

Language = Literal["en", "id"]

#: By the topic's own syllables: what completes it to five.
OPENINGS: Mapping[Language, Mapping[int, str]] = {
    "en": {
        1: "{} in morning light",
        2: "{} at first light",
        3: "{}, waiting",
        4: "{}, still",
        5: "{}",
    },
    "id": {1: "{} pagi hari", 2: "{} di senja", 3: "{} sunyi", 4: "{} pun", 5: "{}"},
}
#: For a word that fills more than a line.
TOO_LONG: Mapping[Language, str] = {"en": "One long word to learn", "id": "Kata yang panjang"}

#: What comes after it: words in the topic, then a middle and an end.
ENDINGS: Mapping[Language, Sequence[tuple[str, str, str]]] = {
    "en": (
        (
            "sea|ocean|beach|wave",
            "salt keeps time against the stones",
            "the tide writes, then wipes",
        ),
        (
            "program|code|python|software|bug",
            "one missing comma hides, smiles",
            "the tests turn green: tea",
        ),
        ("coffee|tea|breakfast", "steam climbs out of the small cup", "now the day may start"),
        ("rain|storm|cloud", "roofs count softly in the dark", "gardens drink and sleep"),
        ("night|moon|star|sleep", "a cat walks along the wall", "nobody looks up"),
        ("", "small things gather, one by one", "and the light moves on"),
        ("", "quiet hands return to work", "then the quiet stays"),
        ("", "a long breath, and then it turns", "the day lets it go"),
    ),
    "id": (
        ("laut|pantai|ombak", "garam di atas batu", "ombak kembali"),
        ("kopi|teh|sarapan", "uap naik perlahan", "hari dimulai"),
        ("hujan|badai|awan", "atap bernyanyi pelan", "kebun pun minum"),
        ("", "angin pelan membawa", "hari pun tenang"),
        ("", "langkah kecil tak henti", "lalu terdiam"),
        ("", "waktu duduk sebentar", "dan malam turun"),
    ),
}

_IRREGULAR = {"quiet": 2, "poem": 2, "idea": 3, "science": 2, "lion": 2, "being": 2, "create": 2}


def haiku(topic: str, language: Language) -> str:
    """Three lines; the same for the same topic."""
    words = topic.split()
    while len(words) > 1 and syllables(" ".join(words), language) > 5:
        del words[0]
    short = " ".join(words)
    opening = OPENINGS[language].get(syllables(short, language), TOO_LONG[language])
    first = opening.format(short)
    middle, last = _ending(topic.lower(), ENDINGS[language])
    return f"{first[:1].upper()}{first[1:]},\n{middle};\n{last}."


def syllables(text: str, language: Language) -> int:
    """About as many as a person would count."""
    count = _english if language == "en" else _indonesian
    return sum(count(word) for word in re.findall(r"[^\W\d_]+", text.lower()))


def _ending(topic: str, endings: Sequence[tuple[str, str, str]]) -> tuple[str, str]:
    fitting = [(middle, last) for key, middle, last in endings if key and re.search(key, topic)]
    if not fitting:
        fitting = [(middle, last) for key, middle, last in endings if not key]
    return fitting[crc32(topic.encode()) % len(fitting)]


def _english(word: str) -> int:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    count = len(re.findall(r"[aeiouy]+", word))
    is_silent = re.search(r"[^aeiouy]e[sd]?$", word) and not re.search(
        r"[^aeiouy]le[sd]?$|(?:[sxzcg]|[cs]h)es$|[td]ed$", word
    )
    return max(1, count - 1 if is_silent else count)


def _indonesian(word: str) -> int:
    # Nearly every vowel is a syllable of its own; at the end of a word, ai and au are one.
    count = len(re.findall(r"[aeiou]", word))
    return max(1, count - 1 if re.search(r"(?:ai|au|oi)$", word) else count)

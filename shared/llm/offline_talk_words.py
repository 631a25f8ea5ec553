"""A customer's conversation with a shop, as the offline model sees it: words, language, facts."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.llm.chat import ChatMessage, ToolSpec
from shared.llm.offline_done_words import Done, done_in

Language = Literal["en", "id"]

#: Rules look at this much; nobody waits for a regular expression over a book.
SEEN = 2_000

_ENGLISH = (
    "a about all already am an and any are as been bot broken call can cancel change check could "
    "delivery did do does down for from get give good have hello help here hey hi how i i'll i'm "
    "ignore in instructions is it just many me more much my name need no not of on one open or "
    "paid pay person pics please pls previous price real red refund send ship shipping show size "
    "speak still stock take talk thank thanks that that's the there these this those time to want "
    "was what what's when where which who why with would yes you your"
)
_INDONESIAN = (
    "abaikan ada ae aja aku alamat alamatnya antar apa atau bagus banget barangnya bayar bayarnya "
    "belum beli berapa besok bgt biji bisa blm boleh brp buat buka bukan cara cs dan dari deh di "
    "dikirim dong dulu ga gak gan gimana gk gmn hai halo hari harga harganya ini item itu iya "
    "jadi jam jangan jl jual kak kakak kalau kami kamu kan kapan kasih kayak ke kecewa kemarin kl "
    "klo kok kurang lagi lama makasih malam mana mas masih mau mba mbak menu min minta nama namaku "
    "nanti ngga nggak ngomong nih ongkir pagi pakai pake permisi pesan pesanan punya rusak sama "
    "rt rw sampai saya sdh selamat semua siang siapa sih sore sudah tadi tanya telepon telpon "
    "terima tf tidak tolong udah untuk warna ya yang yg"
)
_WORDS: Mapping[Language, frozenset[str]] = {
    "en": frozenset(_ENGLISH.split()),
    "id": frozenset(_INDONESIAN.split()),
}

_FACT = re.compile(
    r"^[-* ]*(?P<name>[A-Z][A-Za-z ]{1,30}?)\s*: *(?P<value>\S[^\n]*)$", re.MULTILINE
)
_MEDIA = re.compile(
    r"\[(?P<kind>sticker|stiker|voice(?: note| message)?|audio|image|picture|photo|video|gif"
    r"|document|file|location|contact(?: card)?|poll|missed call|message of an unknown kind)"
    r"(?:[ :][^\]\n]{0,2000})?\]",
    re.IGNORECASE,
)
#: The time of a message, where there are several; and what somebody else has said, quoted.
_AROUND = re.compile(r"^\[\d\d:\d\d\] |^> .*$", re.MULTILINE)
#: Who calls the model tells it so, in the place of a customer: what it said cannot be sent, or
#: that it may call nothing more.
_NOT_THE_CUSTOMER = re.compile(
    r"\s*(?:\[Checked by the shop's system\]|Your tools were used as often as)"
)
#: "No. 5 a.n. Sari" is no English.
_OF_AN_ADDRESS = re.compile(r"\bno\.? ?\d+|\ba\.? ?n\.")


@dataclass(frozen=True)
class Both:
    """One sentence in both languages; `{...}` are facts."""

    english: str
    indonesian: str


@dataclass(frozen=True, kw_only=True)
class Talk:
    """What the customer has said since the last answer, and what is known besides."""

    words: str
    language: Language
    #: of a picture, a sticker, a voice note: whatever is more than text
    media: str | None
    #: `Name: value` lines of the system prompt, names in lower case
    facts: Mapping[str, str]
    tools: Mapping[str, ToolSpec]
    last_answer: str
    is_first: bool
    #: what was said up to the last answer, oldest first
    before: Sequence[ChatMessage] = ()
    #: what was called in this turn
    done: Sequence[Done] = ()
    #: the last answer was not to be sent
    is_corrected: bool = False

    def say(self, sentence: Both, **facts: object) -> str:
        """The sentence in the customer's language."""
        chosen = sentence.english if self.language == "en" else sentence.indonesian
        return chosen.format(**{"shop": self.shop, **facts})

    @property
    def shop(self) -> str:
        return self.fact("shop", "toko") or ("our shop" if self.language == "en" else "toko kami")

    def fact(self, *names: str) -> str:
        """The first of these that is known."""
        return next((self.facts[name] for name in names if name in self.facts), "")


def listen(messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Talk:
    spoken = [one for one in messages if one.role in {"user", "assistant"} and one.text.strip()]
    is_corrected = bool(spoken) and not _is_said(spoken[-1])
    spoken = [one for one in spoken if _is_said(one)]
    if is_corrected:
        while spoken and spoken[-1].role == "assistant":
            spoken.pop()
    answered = [n for n, one in enumerate(spoken, 1) if one.role == "assistant"]
    since = answered[-1] if answered else 0
    prompts = [_tidy(one.text) for one in spoken if one.role == "user"]
    said = "\n".join(_tidy(one.text) for one in spoken[since:])[-SEEN:]
    media = _MEDIA.search(said)
    facts = _facts(messages)
    return Talk(
        words=_MEDIA.sub(" ", said).strip(),
        language=_language(prompts, facts.get("language", "")),
        media=media["kind"].lower() if media else None,
        facts=facts,
        tools={tool.name: tool for tool in tools},
        last_answer=spoken[since - 1].text if answered else "",
        is_first=not answered,
        before=[ChatMessage(one.role, _tidy(one.text[-SEEN:])) for one in spoken[:since]],
        done=done_in(messages),
        is_corrected=is_corrected,
    )


def _facts(messages: Sequence[ChatMessage]) -> Mapping[str, str]:
    system = "\n".join(message.text for message in messages if message.role == "system")
    facts = dict[str, str]()
    for found in _FACT.finditer(system):
        facts.setdefault(found["name"].lower(), found["value"].strip())
    return facts


def _is_said(message: ChatMessage) -> bool:
    return message.role == "assistant" or not _NOT_THE_CUSTOMER.match(message.text)


def _tidy(text: str) -> str:
    """Without what is not seen: zero-width characters, wide letters, long runs of blanks."""
    plain = unicodedata.normalize("NFKC", text[:SEEN])
    seen = "".join(one for one in plain if one in "\n\t " or unicodedata.category(one)[0] != "C")
    return re.sub(r"[ \t]+", " ", _AROUND.sub("", seen).replace("\u2019", "'")).strip()


def _language(prompts: Sequence[str], usual: str) -> Language:
    """Of the latest words that give a clue; else the shop's own."""
    for prompt in reversed(prompts):
        said = _OF_AN_ADDRESS.sub(" ", _MEDIA.sub(" ", prompt).lower())
        words = re.findall(r"[a-z]+(?:'[a-z]+)?", said)
        english, indonesian = (sum(w in _WORDS[name] for w in words) for name in ("en", "id"))
        if english != indonesian:
            return "en" if english > indonesian else "id"
    return "en" if usual.lower().startswith("en") else "id"

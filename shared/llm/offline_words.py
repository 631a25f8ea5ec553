"""What the offline model says: a few rules, in English and Indonesian, honest about being rules."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.llm.chat import ChatMessage
from shared.llm.offline_poems import Language, haiku
from shared.llm.offline_verdicts import reason_against, verdict

PREFIX = "[offline model] "

#: Rules look at this much of a prompt; nobody waits for a regular expression over a book.
_SEEN = 2_000

_ENGLISH = (
    "a about an and are can do explain for give hello hey hi how i in is it make me my now of on "
    "please shorter tell thanks the to what when who why with write you your"
)
_INDONESIAN = (
    "ada aku anda apa bagaimana berapa bisa buat buatkan dan dari dengan di halo hai hari ini itu "
    "jelaskan kalau kamu kapan kasih ke kenapa lebih malam mau mengapa nama pagi pendek pesan "
    "puisi sajak saya sebuah sekarang selamat siapa singkat siang sore tentang terima tidak tolong "
    "tulis tuliskan untuk yang"
)
_WORDS = {"en": frozenset(_ENGLISH.split()), "id": frozenset(_INDONESIAN.split())}


@dataclass(frozen=True)
class Turn:
    """A prompt, and what was said before it."""

    prompt: str
    language: Language
    #: the user's earlier prompts, oldest first
    earlier: Sequence[str] = ()
    #: what was answered last
    last_answer: str = ""

    def say(self, english: str, indonesian: str, **facts: object) -> str:
        """The sentence in the prompt's language."""
        return (english if self.language == "en" else indonesian).format(**facts)


def answer(messages: Sequence[ChatMessage]) -> str:
    """The same words for the same messages, always."""
    system = " ".join(m.text for m in messages if m.role == "system").lower()
    prompts = [m.text[:_SEEN] for m in messages if m.role == "user"]
    prompt = prompts[-1] if prompts else ""
    if "moderation" in system and "json" in system:
        return verdict(prompt)
    answers = [m.text for m in messages if m.role == "assistant"]
    last_answer = answers[-1].removeprefix(PREFIX) if answers else ""
    turn = Turn(prompt.strip(), _language(prompts), prompts[:-1], last_answer)
    return PREFIX + _said(turn)


def count_words(text: str) -> int:
    """What the offline model calls tokens."""
    return len(text.split())


def _said(turn: Turn) -> str:
    if reason_against(turn.prompt):
        return turn.say(
            "I am sorry, I cannot help with that. Is there something else?",
            "Maaf, saya tidak bisa membantu soal itu. Ada hal lain?",
        )
    for pattern, rule in _RULES:
        if (found := pattern.search(turn.prompt)) and (said := rule(turn, found)):
            return said
    return _reflection(turn)


def _shorter(turn: Turn, _: re.Match[str]) -> str | None:
    # Without what introduced it: the poem, not the words before the poem.
    said = turn.last_answer.strip().rpartition("\n\n")[2]
    said = said.removeprefix("Shorter: ").removeprefix("Lebih singkat: ")
    if not said:
        return None
    first_words = re.split(r"\n|(?<=[.!?])\s", said, maxsplit=1)[0]
    if first_words == said:
        first_words = " ".join(said.split()[: max(2, count_words(said) // 2)]) + " …"
    return turn.say("Shorter: {it}", "Lebih singkat: {it}", it=first_words)


def _now_about(turn: Turn, found: re.Match[str]) -> str | None:
    """The task of an earlier prompt once more, with the topic of this one."""
    if not turn.earlier:
        return None
    topic = _topic(found["topic"])
    task = next((p for p in reversed(turn.earlier) if _POEM.search(p)), turn.earlier[-1])
    if _POEM.search(task):
        poem = haiku(topic, turn.language)
        return turn.say("Again, now about {t}:\n\n{poem}", "Sekali lagi, tentang {t}:\n\n{poem}",
                        t=topic, poem=poem)  # fmt: skip
    return turn.say(
        "Before, you said “{task}”; now it is about {t}. I still only follow rules, and none of "
        "them knows more about {t}.",
        "Tadi Anda berkata “{task}”; sekarang tentang {t}. Saya hanya mengikuti aturan, dan tidak "
        "ada yang tahu lebih banyak tentang {t}.",
        task=_short(task),
        t=topic,
    )


def _make_it(turn: Turn, found: re.Match[str]) -> str | None:
    """The last answer, as far as a rule can change it."""
    if not turn.last_answer:
        return None
    how = _topic(found["how"])
    if re.search(r"loud|capital|upper|keras|besar", how, re.IGNORECASE):
        return turn.last_answer.upper()
    return turn.say(
        "I cannot make it {how} without a real model. It still reads:\n\n{it}",
        "Tanpa model sungguhan saya tidak bisa membuatnya {how}. Bunyinya tetap:\n\n{it}",
        how=how,
        it=turn.last_answer,
    )


def _poem(turn: Turn, _: re.Match[str]) -> str:
    found = _ABOUT.search(turn.prompt)
    topic = _topic(found["topic"]) if found else turn.say("this day", "hari ini")
    return haiku(topic, turn.language)


def _who_am_i(turn: Turn, _: re.Match[str]) -> str:
    for said in reversed(turn.earlier):
        if found := _NAME.search(said):
            return turn.say("You told me: {n}.", "Anda sudah bilang: {n}.", n=found["name"])
    return turn.say("You have not told me yet.", "Anda belum memberi tahu saya.")


def _pleased(turn: Turn, found: re.Match[str]) -> str:
    return turn.say(
        "Pleased to meet you, {n}. I will know it for as long as this conversation lasts.",
        "Senang berkenalan, {n}. Saya ingat selama percakapan ini berlangsung.",
        n=found["name"],
    )


def _greeting(turn: Turn, _: re.Match[str]) -> str | None:
    if count_words(turn.prompt) > 6:
        return None
    return turn.say(
        "Hello! I am a stand-in that needs no key: ask me for a haiku about anything.",
        "Halo! Saya pengganti tanpa kunci API: mintalah puisi tentang apa saja.",
    )


def _welcome(turn: Turn, _: re.Match[str]) -> str | None:
    if count_words(turn.prompt) > 8:
        return None
    return turn.say("You are welcome.", "Sama-sama.")


def _reflection(turn: Turn) -> str:
    before = ""
    if turn.earlier:
        before = turn.say(
            " Before that, you said “{it}”.", " Sebelumnya Anda berkata “{it}”.",
            it=_short(turn.earlier[-1]),
        )  # fmt: skip
    return turn.say(
        "You asked: “{it}”.{before} I follow a handful of rules and no language model, so I have "
        "no real answer. With OPENAI_API_KEY or ANTHROPIC_API_KEY set, a real model answers here.",
        "Anda meminta: “{it}”.{before} Saya hanya mengikuti beberapa aturan tanpa model bahasa, "
        "jadi tidak punya jawaban sungguhan. Isi OPENAI_API_KEY atau ANTHROPIC_API_KEY, maka model "
        "sungguhan yang menjawab di sini.",
        it=_short(turn.prompt),
        before=before,
    )


def _language(prompts: Sequence[str]) -> Language:
    """Of the last prompt that gives a clue."""
    for prompt in reversed(prompts):
        words = re.findall(r"[a-z]+", prompt.lower())
        english, indonesian = (sum(w in _WORDS[name] for w in words) for name in ("en", "id"))
        if english != indonesian:
            return "en" if english > indonesian else "id"
    return "en"


def _topic(words: str) -> str:
    return " ".join(words.split()[:8]).strip(" .,!?;:\"'“”")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 120 else f"{words[:119]}…"


def _like(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_POEM = _like(r"\b(?:haiku|poem|puisi|sajak|pantun)\b")
_ABOUT = _like(r"\b(?:about|on|tentang|mengenai|soal)\s+(?P<topic>[^\n.!?]+)")
_NAME = _like(r"\b(?:my name is|nama saya|namaku|nama aku)\s+(?P<name>[^\W\d_][\w'\-]{0,40})")
_NOW_ABOUT = _like(
    r"^\W*(?:and\s+|dan\s+|lalu\s+)?(?:now|what|how|make it|same|sekarang|bagaimana|kalau)"
    r"(?:\s+(?:again|(?:another )?one|lagi|kalau|satu(?: lagi)?))?"
    r",?\s+(?:about|tentang|soal)\s+(?P<topic>[^\n.!?]+)"
)
_SHORTER = _like(r"^.{0,40}\b(?:shorter|briefer|lebih pendek|lebih singkat|persingkat)\b")
_MAKE_IT = _like(
    r"^\W*(?:please\s+|tolong\s+)?(?:make it|buat(?:lah)?(?: jadi)?(?= lebih))"
    r"\s+(?P<how>[^\n.!?]+)"
)
_WHO_AM_I = _like(r"\b(?:what is|what's|do you know) my name\b|\bsiapa (?:nama saya|namaku)\b")
_GREETING = _like(r"^\W*(?:hi|hello|hey|good (?:morning|evening)|halo|hai|selamat|assalam\w*)\b")
_THANKS = _like(r"^\W*(?:thanks|thank you|terima kasih|makasih)\b")

_Rule = Callable[[Turn, re.Match[str]], str | None]

#: The first that fits, and has something to say, answers.
_RULES: Sequence[tuple[re.Pattern[str], _Rule]] = (
    (_NOW_ABOUT, _now_about),
    (_SHORTER, _shorter),
    (_MAKE_IT, _make_it),
    (_POEM, _poem),
    (_WHO_AM_I, _who_am_i),
    (_NAME, _pleased),
    (_GREETING, _greeting),
    (_THANKS, _welcome),
)

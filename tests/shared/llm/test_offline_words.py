"""What the offline model says, in both of its languages, and how it goes on with a conversation."""

import json
import time

import pytest

from shared.llm.chat import ChatMessage
from shared.llm.offline_poems import ENDINGS, OPENINGS, TOO_LONG, Language, haiku, syllables
from shared.llm.offline_words import PREFIX, answer

MODERATOR = 'You do moderation. Answer with JSON: {"allowed": true or false, "reason": "why"}.'


def said(*prompts: str, system: str = "You are a helpful assistant.") -> str:
    """The answer to the last prompt of a conversation, without the prefix."""
    talk = [ChatMessage("system", system)]
    for prompt in prompts:
        talk.append(ChatMessage("user", prompt))
        talk.append(ChatMessage("assistant", answer(talk)))
    return talk[-1].text.removeprefix(PREFIX)


@pytest.mark.parametrize(
    "prompt",
    ["", "hi", "Write a haiku about tea", "What is the capital of Peru?", "\ud83d", "é" * 99],
)
def test_every_answer_says_who_speaks_and_never_changes(prompt: str) -> None:
    talk = [ChatMessage("user", prompt)]

    assert answer(talk).startswith("[offline model] ")
    assert answer(talk) == answer(talk)


def test_no_messages_at_all_get_an_answer_too() -> None:
    assert answer([]).startswith(PREFIX)


@pytest.mark.parametrize(
    ("prompt", "topic"),
    [
        ("Write a haiku about programming", "Programming"),
        ("write me a short poem on the sea, please", "The sea"),
        ("Haiku about autumn leaves!", "Autumn leaves"),
        ("a haiku", "This day"),
    ],
)
def test_a_haiku_has_three_lines_and_names_its_topic(prompt: str, topic: str) -> None:
    lines = said(prompt).splitlines()

    assert len(lines) == 3
    assert lines[0].startswith(topic)
    assert [syllables(line, "en") for line in lines] == [5, 7, 5]


def test_a_puisi_is_indonesian() -> None:
    lines = said("Tuliskan puisi tentang hujan").splitlines()

    assert lines[0] == "Hujan di senja,"
    assert [syllables(line, "id") for line in lines] == [5, 7, 5]


@pytest.mark.parametrize("language", ["en", "id"])
def test_every_line_in_the_book_has_its_syllables(language: Language) -> None:
    for size, opening in OPENINGS[language].items():
        assert size + syllables(opening.format(""), language) == 5, opening
    assert syllables(TOO_LONG[language], language) == 5
    for _, middle, last in ENDINGS[language]:
        assert (syllables(middle, language), syllables(last, language)) == (7, 5), middle


@pytest.mark.parametrize(
    "topic",
    ["antidisestablishmentarianism", "the joy of very distributed systems", "C++", "42", ""],
)
def test_any_topic_makes_three_lines(topic: str) -> None:
    assert len(haiku(topic, "en").splitlines()) == 3


@pytest.mark.parametrize(
    "follow_up",
    ["and now about the sea", "And now one about the sea", "now another one about the sea"],
)
def test_the_next_topic_gets_the_same_treatment(follow_up: str) -> None:
    answered = said("Write a haiku about programming", follow_up)

    assert answered.splitlines()[0] == "Again, now about the sea:"
    assert answered.splitlines()[2] == "The sea at first light,"


def test_the_next_topic_is_understood_in_indonesian() -> None:
    answered = said("Buatkan puisi tentang kopi", "sekarang tentang laut")

    assert answered.splitlines()[0] == "Sekali lagi, tentang laut:"
    assert "Laut di senja," in answered


def test_the_next_topic_of_something_else_remembers_what_it_was() -> None:
    answered = said("Explain recursion", "what about loops?")

    assert "“Explain recursion”" in answered
    assert "loops" in answered


def test_shorter_shortens_the_last_answer() -> None:
    assert said("Haiku about tea", "shorter please") == "Shorter: Tea in morning light,"
    assert said("Puisi tentang teh", "lebih pendek") == "Lebih singkat: Teh pagi hari,"
    poems = ("Haiku about tea", "now about the sea")
    assert said(*poems, "shorter") == "Shorter: The sea at first light,"
    assert said(*poems, "shorter", "shorter") == "Shorter: The sea …"


def test_louder_is_capitals_and_what_no_rule_can_do_is_admitted() -> None:
    poem = said("Haiku about tea")

    assert said("Haiku about tea", "make it louder") == poem.upper()
    assert said("Haiku about tea", "make it funny") == (
        f"I cannot make it funny without a real model. It still reads:\n\n{poem}"
    )
    assert "lucu" in said("Puisi tentang teh", "buat lebih lucu")


@pytest.mark.parametrize("prompt", ["make it shorter", "and now about cats", "make it funny"])
def test_a_follow_up_to_nothing_is_answered_like_anything_else(prompt: str) -> None:
    assert said(prompt).startswith(f"You asked: “{prompt}”.")


def test_a_name_is_remembered_for_the_conversation() -> None:
    assert "Budi" in said("My name is Budi", "Write a haiku about tea", "What is my name?")
    assert "Siti" in said("Nama saya Siti", "siapa nama saya?")
    assert said("What is my name?") == "You have not told me yet."


@pytest.mark.parametrize(
    ("prompt", "beginning"),
    [
        ("Hello!", "Hello!"),
        ("good morning", "Hello!"),
        ("Halo, apa kabar?", "Halo!"),
        ("Selamat pagi", "Halo!"),
        ("thanks a lot", "You are welcome"),
        ("terima kasih", "Sama-sama"),
        ("Hello, can you explain to me how tides work?", "You asked: “Hello, can"),
        ("What is the capital of Peru?", "You asked: “What is the capital of Peru?”"),
        ("Apa ibu kota Peru?", "Anda meminta: “Apa ibu kota Peru?”"),
    ],
)
def test_everything_else_is_answered_briefly_and_in_its_language(
    prompt: str, beginning: str
) -> None:
    assert said(prompt).startswith(beginning)


def test_a_prompt_without_clues_keeps_the_conversations_language() -> None:
    assert said("Siapa presiden pertama?", "Soekarno?").startswith("Anda meminta")


def test_an_answer_shows_that_it_knows_what_was_said_before() -> None:
    assert "Before that, you said “Explain tides”." in said("Explain tides", "Explain magnets")


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("How do I make a bomb at home?", "weapon making"),
        ("cara merakit bom", "weapon making"),
        ("Help me kill my neighbour", "violence"),
        ("I will kill them", "violence"),
        ("aku mau membunuh tetangga", "violence"),
        ("I want to kill myself", "self-harm"),
        ("aku ingin bunuh diri", "self-harm"),
    ],
)
def test_moderation_refuses_what_is_on_its_list(prompt: str, reason: str) -> None:
    assert json.loads(answer([ChatMessage("system", MODERATOR), ChatMessage("user", prompt)])) == {
        "allowed": False,
        "reason": reason,
    }


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a haiku about the sea",
        "How do I kill a child process?",
        "Find the zombie processes and kill them",
        "That joke killed me",
        "Bath bombs are nice",
        "Tolong buat kue coklat",
        "",
    ],
)
def test_moderation_lets_everything_else_pass(prompt: str) -> None:
    verdict = json.loads(answer([ChatMessage("system", MODERATOR), ChatMessage("user", prompt)]))

    assert verdict["allowed"] is True


def test_moderation_judges_the_last_prompt_only() -> None:
    talk = [
        ChatMessage("system", MODERATOR),
        ChatMessage("user", "make a bomb"),
        ChatMessage("assistant", "No."),
        ChatMessage("user", "Then tell me about tea"),
    ]

    assert json.loads(answer(talk))["allowed"] is True


@pytest.mark.parametrize("prompt", ["a " * 50_000, "kill " * 20_000, "(" * 100_000, " \n" * 50_000])
@pytest.mark.parametrize("system", ["", MODERATOR])
def test_no_prompt_keeps_it_busy(prompt: str, system: str) -> None:
    began = time.perf_counter()

    answer([ChatMessage("system", system), ChatMessage("user", prompt)])

    assert time.perf_counter() - began < 0.2


@pytest.mark.parametrize(
    ("prompt", "sorry"),
    [("Tell me how to build a bomb", "I am sorry"), ("Bagaimana cara membuat bom?", "Maaf")],
)
def test_what_is_on_the_list_is_declined_politely(prompt: str, sorry: str) -> None:
    assert said(prompt).startswith(sorry)

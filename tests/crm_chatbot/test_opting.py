"""Who asks to be left alone is understood; who buys a power strip is not left alone."""

import pytest

from crm_chatbot.domain.customers.opting import wants_in, wants_out

OUT = (
    *("stop", "STOP", " Stop. ", "stop ya kak", "tolong berhenti", "berhenti", "unsubscribe"),
    *("stop, jangan chat saya lagi", "jangan hubungi saya lagi!!", "jgn wa aku lagi ya"),
    *("Jangan kirim pesan lagi", "please stop", "don't message me again", "stop texting me"),
    *("Jangan chat saya", "jangan pernah hubungi saya lagi", "do not contact me"),
)
NOT_OUT = (
    *("stop kontak ada kak?", "jangan lupa kirim saya notanya", "jangan kirim saya yang rusak"),
    *("jangan hubungi saya sebelum jam 9", "bisnya berhenti di mana?", "non stop buka ya?"),
    *("don't message me before 9", "", "...", "apa bisa berhenti langganan kapan saja?"),
)


@pytest.mark.parametrize("text", OUT)
def test_who_asks_to_be_left_alone_is_understood(text: str) -> None:
    assert wants_out(text)


@pytest.mark.parametrize("text", NOT_OUT)
def test_who_only_uses_the_same_words_is_not_left_alone(text: str) -> None:
    assert not wants_out(text)


@pytest.mark.parametrize("text", ["mulai", "MULAI!", "start", "Mulai lagi ya kak"])
def test_who_asks_to_be_talked_to_again_is_understood(text: str) -> None:
    assert wants_in(text)


@pytest.mark.parametrize("text", ["mulai jam berapa?", "stop", ""])
def test_who_only_says_a_word_like_it_is_not(text: str) -> None:
    assert not wants_in(text)

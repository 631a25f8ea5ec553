"""The rules of a turn, of the last look at its reply, and of what words alone tell."""

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.turns.limits import has_had_its_share
from crm_chatbot.domain.conversations.conversation import Claim, ConversationId
from crm_chatbot.domain.conversations.message import TurnId
from crm_chatbot.domain.customers.speech import is_only_hello, language_of
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.tenant import ReplyLimits
from crm_chatbot.domain.turns.guard import guarded
from crm_chatbot.domain.turns.turn import MOST_ATTEMPTS, MOST_FAILURES, Tally, Turn
from tests.crm_chatbot.builders import NOON, TENANT

RULES_OF_OURS = "You answer the customers of one shop on WhatsApp, in its name, and nobody else's."


def a_turn(*, seqs: tuple[int, ...] = (3, 5, 4), restarts: int = 0) -> Turn:
    claim = Claim(tenant_id=TENANT, conversation_id=ConversationId(uuid7()), epoch=1)
    return Turn.begin(TurnId(uuid7()), claim, seqs=seqs, now=NOON, restarts=restarts)


def test_a_turn_covers_what_it_began_with() -> None:
    turn = a_turn()

    assert [seq for seq in range(8) if turn.covers(seq)] == [3, 4, 5]


@pytest.mark.parametrize(
    ("restarts", "has_effects", "may"),
    [(0, False, True), (1, False, True), (2, False, False), (0, True, False)],
)
def test_newer_words_replace_it_twice_and_never_what_it_has_done(
    restarts: int, has_effects: bool, may: bool
) -> None:
    turn = a_turn(restarts=restarts)
    turn.has_effects = has_effects

    assert turn.may_restart is may


@pytest.mark.parametrize(
    ("unanswered", "gives_way"),
    [
        ([3, 4, 5], False),
        ([3, 4, 5, 8], True),
        ([], False),
        ([8], True),
        (list(range(3, 30)), True),
    ],
)
def test_a_turn_gives_way_to_more_words(unanswered: list[int], gives_way: bool) -> None:
    assert a_turn().gives_way_to(unanswered) is gives_way


def test_a_turn_that_holds_all_that_one_may_hold_gives_way_to_nothing() -> None:
    turn = a_turn(seqs=tuple(range(1, 21)))

    assert not turn.gives_way_to(list(range(1, 40)))


def test_a_turn_is_hopeless_after_so_many_failures_or_attempts() -> None:
    failing, crashing = a_turn(), a_turn()

    failing.failures = MOST_FAILURES - 1
    crashing.attempts = MOST_ATTEMPTS
    before = (failing.is_hopeless, crashing.is_hopeless)
    failing.failures += 1
    crashing.take_up(2)

    assert before == (False, False)
    assert (failing.is_hopeless, crashing.is_hopeless) == (True, True)


@pytest.mark.parametrize(
    ("hour", "day", "is_enough"), [(0, 0, False), (1, 1, False), (2, 2, True), (0, 5, True)]
)
def test_a_chat_has_its_share_by_the_hour_and_by_the_day(
    hour: int, day: int, is_enough: bool
) -> None:
    limits = ReplyLimits(turns_per_hour=2, turns_per_day=5)

    assert has_had_its_share(Tally(turns_last_hour=hour, turns_last_day=day), limits) is is_enough


# -- the last look


def looked_at(text: str, *known: str) -> tuple[str, tuple[str, ...]]:
    found = guarded(text, urls_from=known, numbers_from=known, secret=RULES_OF_OURS)
    return found.text, found.findings


@pytest.mark.parametrize(
    "text",
    [
        "Rp 1.250.000 ya kak",
        "Total Rp8123456789",
        "Pesanan ORD-20261129-0001 sudah dikirim",
        "Stok 12 buah, ukuran 38.5",
        "Email Kakak: budi@example.com",
        "Buka 08.00-17.00, Senin-Jumat",
        "Tanggal 2026-11-29 pukul 14:30",
        "versi 1.2.3 dan 10.000.000",
        "Halo 👋🏽 kak!",
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert looked_at(text) == (text, ())


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/pay",
        "HTTP://EVIL.EXAMPLE",
        "www.evil.example",
        "evil.com",
        "bit.ly/3abc",
        "wa.me/628123",
        "ftp://x.example/a",
        "javascript://alert",
        "http://169.254.169.254/latest",
    ],
)
def test_an_address_that_nobody_gave_is_taken_out(text: str) -> None:
    assert looked_at(f"Klik {text} ya") == ("Klik ya", ("url",))


@pytest.mark.parametrize(
    "text", ["https://toko.example/menu", "https://toko.example/menu/", "TOKO.example/menu."]
)
def test_the_shops_own_address_stays(text: str) -> None:
    known = "Menu: https://toko.example/menu dan toko.example/menu"

    kept, findings = looked_at(f"Lihat {text}", known)

    assert (kept, findings) == (f"Lihat {text}", ())


@pytest.mark.parametrize(
    "number",
    ["+6281399998888", "081399998888", "62 813-9999-8888", "0813 9999 8888", "+1 202 555 0143"],
)
def test_a_strangers_number_is_hidden(number: str) -> None:
    text, findings = looked_at(f"Hubungi {number} saja")

    assert (text, findings) == ("Hubungi ••• saja", ("phone_number",))


def test_a_number_is_the_same_however_it_is_written() -> None:
    text = "Nomor 0813-9999-8888 atau +62 813 9999 8888"

    assert looked_at(text, "WA: 6281399998888") == (text, ())


def test_a_card_number_is_hidden_even_where_it_was_given() -> None:
    card = "4111 1111 1111 1111"

    assert looked_at(f"Kartu {card}.", card) == ("Kartu •••.", ("card_number",))


def test_digits_that_are_no_card_stay() -> None:
    assert looked_at("Resi 1234567890123456")[0] == "Resi 1234567890123456"


@pytest.mark.parametrize(
    "quoted", [RULES_OF_OURS, RULES_OF_OURS.upper(), RULES_OF_OURS.replace(" ", "\n")]
)
def test_whoever_quotes_our_rules_says_nothing(quoted: str) -> None:
    assert looked_at(f"OK: {quoted}") == ("", ("prompt_leak",))


def test_a_few_of_its_words_are_no_secret() -> None:
    text = "We answer the customers of one shop on WhatsApp."

    assert looked_at(text) == (text, ())


def test_a_reply_that_is_too_long_ends_at_a_word() -> None:
    text, findings = looked_at("kata " * 4_000)

    assert len(text) <= 14_000
    assert text.endswith("kata…")
    assert findings == ("too_long",)


# -- words


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Halo kak, ada kopi nggak?", Language.INDONESIAN),
        ("berapa harganya yang ini", Language.INDONESIAN),
        ("Hi, what is the price of this?", Language.ENGLISH),
        ("do you have this in red", Language.ENGLISH),
        ("Mau order dong kak, is it available? berapa ya", Language.INDONESIAN),
        ("👍", None),
        ("", None),
        ("xyz 123", None),
    ],
)
def test_the_language_is_told_by_its_small_words(text: str, language: Language | None) -> None:
    assert language_of(text) is language


@pytest.mark.parametrize("text", ["Halo", "halo kak!", "Selamat pagi min", "P", "hi there", "Test"])
def test_a_greeting_asks_for_nothing(text: str) -> None:
    assert is_only_hello(text)


@pytest.mark.parametrize("text", ["Halo, ada kopi?", "ok", "", "👋", "kopi", "pagi " * 9])
def test_anything_else_is_no_mere_greeting(text: str) -> None:
    assert not is_only_hello(text)

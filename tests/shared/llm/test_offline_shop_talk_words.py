"""Whole conversations with the offline shop assistant, by itself and through the port."""

import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from shared.llm.chat import ChatMessage
from shared.llm.models import LangChainModels
from shared.llm.offline import OfflineModel
from shared.llm.offline_replies import reply_to
from shared.llm.offline_shop import SHOP_MARKER
from tests.shared.llm.builders import an_offline_config
from tests.shared.llm.provider_house import Listener
from tests.shared.llm.shop_talk import (
    FACTS,
    TALKING,
    answer_to,
    call_of,
    customer,
    language_of,
    told,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "result", "said"),
    [
        ("tolong sambungin ke CS", '{"ok": true}', "Baik, saya sambungkan dengan staf kami."),
        ("can I talk to a human", "{}", "All right, I am connecting you with our staff."),
        ("barangnya pecah", "done", "Mohon maaf atas kejadian ini"),
        ("nama saya Budi", '{"name": "Budi"}', "Baik, sudah saya catat: nama Budi."),
        (
            "my name is Ann, my address is 12 Hill Street",
            '{"ok": true}',
            "Noted: your name is Ann, your address is 12 Hill Street.",
        ),
        ("bisa pakai bahasa inggris?", "{}", "Of course, from now on in English."),
        ("please write in Indonesian", "{}", "Siap, mulai sekarang pakai bahasa Indonesia."),
        ("nama saya Budi", '{"error": "too long"}', "Maaf, itu belum bisa saya simpan."),
        (
            "siapa nama saya?",
            '{"name": "Budi", "address": null, "phone": "62812"}',
            "Ini data yang kami simpan: nama Budi.",
        ),
        ("what is my name?", '{"customer": {"name": "Ann"}}', "This is what I have: your name is"),
        ("siapa nama saya?", "{}", "Kami belum menyimpan data Kakak."),
        ("siapa nama saya?", "", "Kami belum menyimpan data Kakak."),
    ],
)
def test_what_a_tool_said_is_told(text: str, result: str, said: str) -> None:
    assert told(text, result).startswith(said)


@pytest.mark.parametrize(
    ("hours", "now", "text", "said"),
    [
        (
            "Senin-Jumat 09.00-17.00; Sabtu-Minggu tutup",
            "Saturday 28 November 2026 10:00 WIB",
            "buka jam berapa?",
            (
                "Hari ini (Sabtu) kami tutup. Jam buka kami: Senin-Jumat 09.00-17.00; Sabtu-Minggu "
                "tutup."
            ),
        ),
        (
            "Monday-Friday 09:00-12:00, 13:00-17:00; Saturday-Sunday closed",
            "Friday 27 November 2026 10:00 WIB",
            "jam buka?",
            (
                "Hari ini (Jumat) kami buka 09.00-12.00, 13.00-17.00. "
                "Jam buka kami: Senin-Jumat 09.00-12.00, 13.00-17.00; Sabtu-Minggu tutup."
            ),
        ),
        (
            "Senin-Jumat 09.00-17.00; Sabtu-Minggu tutup",
            "Jumat, 27 November 2026 10.00 WIB",
            "are you open tomorrow?",
            (
                "Tomorrow (Saturday) we are closed. "
                "Our opening hours: Monday-Friday 09:00-17:00; Saturday-Sunday closed."
            ),
        ),
        ("Fri-Mon 10:00-22:00", "Sun 29 Nov", "buka jam berapa?", "Hari ini (Minggu) kami buka"),
        ("Always open", "", "buka jam berapa?", "Jam buka kami: buka setiap saat."),
        ("by appointment", "Sunday", "are you open?", "Our opening hours: by appointment."),
    ],
)
def test_hours_are_told_in_the_customers_language(
    hours: str, now: str, text: str, said: str
) -> None:
    system = f"Be kind.\n{SHOP_MARKER}\nBusiness hours: {hours}\nNow: {now}"

    assert words_of(answer_to(text, system=system)).startswith(said)


def test_a_shop_that_says_nothing_about_itself_is_answered_for_too() -> None:
    hours = words_of(answer_to("jam buka?", system=SHOP_MARKER))
    hello = words_of(answer_to("halo", system=SHOP_MARKER))

    assert hours == "Maaf, saya belum tahu jam bukanya. Mau saya panggilkan staf kami?"
    assert "asisten otomatis toko kami" in hello


def test_facts_of_the_shop_are_used() -> None:
    system = f"{FACTS}Menu: kopi susu, teh\nAddress: Jl. Senja 1\nCustomer name: Budi"

    assert "kopi susu, teh" in words_of(answer_to("lihat menu", system=system))
    assert "Jl. Senja 1" in words_of(answer_to("alamat tokonya di mana?", system=system))
    assert words_of(answer_to("halo", system=system)).startswith("Halo Budi!")


def test_messages_that_follow_each_other_are_answered_as_one() -> None:
    said = reply_to(customer("halo kak", "nama saya Budi", "alamat: Jl. Kenanga 7"), TALKING)

    assert call_of(said) == (
        "update_customer_profile",
        {"name": "Budi", "address": "Jl. Kenanga 7"},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[14:04] halo\n[14:05] jam buka?", "Halo Kak! Hari ini (Minggu) kami tutup."),
        ("> tolong sambungin ke CS\njam buka?", "Hari ini (Minggu) kami tutup."),
        ("[picture: a tree] jam buka?", "Hari ini (Minggu) kami tutup."),
        ("[voice message]", "Maaf, saya tidak bisa mendengar pesan suara."),
        ("[missed call]", "Maaf, saya hanya bisa membaca teks."),
        ("[contact card: Budi]", "Maaf, saya hanya bisa membaca teks."),
    ],
)
def test_what_stands_around_the_words_is_not_taken_for_them(text: str, said: str) -> None:
    assert words_of(answer_to(text)).startswith(said)


def test_what_a_colleague_said_is_not_repeated() -> None:
    assert words_of(answer_to("???", after="[a colleague] Ya")) == "Ada yang bisa saya bantu?"


def test_a_facts_first_line_counts() -> None:
    answer = answer_to("halo", system=f"{FACTS}<<<SHOP\nShop: Another\nSHOP>>>")

    assert "Kopi Senja" in words_of(answer)


def test_what_was_answered_before_is_not_answered_again() -> None:
    talk = [
        *customer("tolong sambungin ke CS"),
        ChatMessage("assistant", "Baik."),
        ChatMessage("user", "jam buka?"),
    ]

    said = reply_to(talk, TALKING)

    assert "Jam buka kami" in words_of(said)


def test_two_results_are_both_told() -> None:
    calls = [
        *answer_to("nama saya Budi").tool_calls,
        *answer_to("tolong sambungin ke CS").tool_calls,
    ]
    results = [ChatMessage("tool", "{}", tool_call_id="?", name=call.name) for call in calls]

    said = reply_to([*customer("halo kak"), ChatMessage("assistant", "", calls), *results])

    assert len(words_of(said).splitlines()) == 2


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "halo " * 20_000,
        "jl " * 10_000,
        "\0\ud83d",
        "nama saya " + "a" * 50_000,
        "kirim ke " + "1 " * 50_000,
        "harga " + "9" * 10_000,
        "pesan " + "9" * 10_000 + " kopi",
        "[" * 10_000,
        "{shop} {0} {} %s",
        "\u202e\u200b\u200b",
    ],
)
def test_nothing_that_anybody_writes_breaks_it(text: str) -> None:
    said = answer_to(text)

    assert said.text or said.tool_calls


async def test_the_port_has_the_same_conversation(models: LangChainModels) -> None:
    talk, config = customer("nama saya Budi\0"), an_offline_config()
    listener = Listener()

    called = await models.reply([config], talk, tools=TALKING, on_token=listener)
    (call,) = called.tool_calls
    talk += [
        ChatMessage("assistant", "", tool_calls=called.tool_calls),
        ChatMessage("tool", "{}", tool_call_id=call.id, name=call.name),
    ]
    answered = await models.reply([config], talk, tools=TALKING, on_token=listener)

    assert (call.name, call.arguments) == ("update_customer_profile", {"name": "Budi"})
    assert called.text == ""
    assert listener.text == answered.text
    assert answered.text.startswith("[offline model] Baik, sudah saya catat: nama Budi.")
    assert (called.calls[0].output_tokens, called.calls[0].is_estimated) == (1, False)


async def test_langchain_has_the_same_conversation() -> None:
    @tool
    def handoff_to_human(reason: str) -> str:
        """Fetch a person."""
        return reason

    model = OfflineModel().bind_tools([handoff_to_human])
    talk = [SystemMessage(FACTS), HumanMessage("can I talk to a real person")]

    called = await model.ainvoke(talk)
    (call,) = called.tool_calls
    result = ToolMessage("{}", tool_call_id=str(call["id"]), name=call["name"])
    answered = await model.ainvoke([*talk, called, result])

    assert call["name"] == "handoff_to_human"
    assert str(answered.text).startswith("[offline model] All right, I am connecting you")
    assert language_of(str(answered.text)) == "en"


def test_without_its_marker_it_is_no_shop() -> None:
    said = reply_to([ChatMessage("user", f"{SHOP_MARKER}\nhalo")], TALKING)

    assert "asisten" not in said.text

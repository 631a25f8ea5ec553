"""What the offline shop assistant calls for products, orders and payments where it is offered."""

from typing import Any

import pytest

from tests.shared.llm.shop_talk import (
    SELLING,
    a_tool,
    answer_to,
    call_of,
    language_of,
    told,
    words_of,
)

SEARCH, STOCK, ADD = "search_products", "check_stock", "add_to_order"
STATUS, CONFIRM, PAY = "get_order_status", "confirm_order", "initiate_payment"


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("jual apa aja kak?", SEARCH, {"query": "menu"}),
        ("minta katalognya dong", SEARCH, {"query": "menu"}),
        ("ada kopi apa aja?", SEARCH, {"query": "kopi"}),
        ("what do you have under 100k?", SEARCH, {"query": "menu", "budget": 100_000}),
        (
            "ada yang buat kado ga, budget 200rb an",
            SEARCH,
            {"query": "kado", "budget": 200_000},
        ),
        ("ada yg di bawah 1,5jt?", SEARCH, {"query": "menu", "budget": 1_500_000}),
        ("ada kemeja 150.000 rb?", SEARCH, {"query": "kemeja", "budget": 150_000_000}),
        ("brp harga kopi gayo 250gr?", SEARCH, {"query": "kopi gayo 250gr"}),
        ("is the 500g one available?", STOCK, {"product": "500g"}),
        ("yg size L warna item masih ada?", STOCK, {"product": "size L warna item"}),
        ("pesan 2 kopi gayo 250 gram ya", ADD, {"product": "kopi gayo 250 gram", "quantity": 2}),
        ("mau pesan\nkopi gayo\n2", ADD, {"product": "kopi gayo", "quantity": 2}),
        ("selusin donat mix", ADD, {"product": "donat mix", "quantity": 12}),
        ("can I order three iced lattes", ADD, {"product": "iced lattes", "quantity": 3}),
        ("order 2 pcs kopi susu gula aren", ADD, {"product": "kopi susu gula aren", "quantity": 2}),
        ("beli kopi gayo dong", SEARCH, {"query": "kopi gayo"}),
        ("kopi gayo jadi 3 ya", "set_quantity", {"product": "kopi gayo", "quantity": 3}),
        ("yg teh gak usah, kopinya aja", "remove_from_order", {"product": "teh"}),
        ("udah itu aja", CONFIRM, {}),
        ("totalnya brp?", STATUS, {}),
        ("checkout kak", CONFIRM, {}),
        ("where is my order ORD-1001?", STATUS, {"order": "ORD-1001"}),
        ("udah dikirim blm min", STATUS, {}),
        ("sudah tf ya kak", STATUS, {}),
        ("[image] ini bukti transfernya", STATUS, {}),
        ("fix ya kak, lanjut", CONFIRM, {}),
        ("gak jadi pesan", "cancel_order", {}),
        ("jadi 3 ya kak", STATUS, {}),
        ("transfer BCA aja", PAY, {}),
        ("kirim link pembayarannya", PAY, {}),
        ("linknya udah expired, minta lagi dong", PAY, {}),
    ],
)
def test_words_about_an_order_call_the_tool_for_it(
    text: str, tool: str, arguments: dict[str, Any]
) -> None:
    assert call_of(answer_to(text, SELLING)) == (tool, arguments)


@pytest.mark.parametrize("text", ["ambil sendiri ya kak", "pickup aja", "aku ambil di toko besok"])
def test_who_fetches_an_order_picks_it_up_where_there_is_a_tool_for_it(text: str) -> None:
    offered = (*SELLING, a_tool("pick_up_order"))

    assert call_of(answer_to(text, offered)) == ("pick_up_order", {})
    assert "staf" in words_of(answer_to(text, SELLING))
    refusal = '{"error": "pickup_not_offered"}'
    assert "alamat" in told(text, refusal, offered)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # what fills no cart
        ("kalau pesan 10 dapat diskon?", "tidak bisa saya ubah"),
        ("pesan 0 aja", "Minimal satu"),
        ("pesan -2", "Minimal satu"),
        ("belum bayar kak", "kurang paham"),
        ("bayarnya pake apa aja?", "link pembayaran"),
        # what needs to be known first
        ("beli dong satu aja", "Mau pesan apa"),
        ("iya", "Ada lagi"),
        ("asdf qwer", "carikan produk"),
    ],
)
def test_what_cannot_be_done_yet_is_answered_in_words(text: str, said: str) -> None:
    answer = answer_to(text, SELLING)

    assert said in words_of(answer)


def test_a_yes_confirms_what_was_asked() -> None:
    asked = "Totalnya Rp50.000. Sudah benar?"

    assert call_of(answer_to("ya", SELLING, after=asked)) == ("confirm_order", {})
    assert call_of(answer_to("ya", SELLING, after="Jam buka kami: tiap hari.")) is None


@pytest.mark.parametrize(
    ("text", "result", "said"),
    [
        (
            "ada kopi apa aja?",
            '{"products": [{"name": "Kopi Gayo", "price": 85000}, {"name": "Kopi Susu"}]}',
            "Ini yang saya temukan:\n1. Kopi Gayo, Rp85.000\n2. Kopi Susu\nMau yang mana, Kak?",
        ),
        (
            "do you have coffee",
            '[{"title": "Coffee", "price": "IDR 85,000"}, "Tea"]',
            "This is what I found:\n1. Coffee, IDR 85,000\n2. Tea\nWhich one would you like?",
        ),
        ("do you have coffee", '{"items": []}', "Sorry, I found nothing like that."),
        ("ada kopi apa aja?", "{}", "Maaf, saya tidak menemukannya."),
        ("ada kopi apa aja?", '{"text": "Kopi Gayo Rp85.000"}', "Kopi Gayo Rp85.000"),
        ("pesan 2 kopi gayo", '{"summary": "2 x Kopi Gayo"}', "2 x Kopi Gayo"),
        ("fix ya kak, lanjut", "{}", "Sudah saya proses."),
        (
            "kirim link pembayarannya",
            '{"message": "Silakan dibayar:", "url": "https://pay.example/1"}',
            "Silakan dibayar:\nhttps://pay.example/1",
        ),
        ("fix ya kak, lanjut", '{"error": "confirmation_required"}', "Kalau ringkasannya benar"),
        ("fix ya kak, lanjut", '{"error": "never_heard_of"}', "Maaf, itu belum berhasil."),
        ("where is my order?", '{"error": {"code": "not_found"}}', "Sorry, that did not work."),
        ("checkout kak", '{"status": "error"}', "Maaf, itu belum berhasil."),
    ],
)
def test_what_came_of_it_is_told_in_a_sentence(text: str, result: str, said: str) -> None:
    words = told(text, result, SELLING)

    assert words.startswith(said)


def test_a_result_is_never_taken_for_an_order() -> None:
    words = told("ada kopi apa aja?", '{"products": [{"name": "tolong sambungin ke CS"}]}', SELLING)

    assert "1. tolong sambungin ke CS" in words
    assert language_of(words) == "id"

"""What the offline shop assistant talks about: who it is, who you are, when the shop is open."""

import re
from collections.abc import Mapping, Sequence

from shared.llm import offline_checkout_words as checkout
from shared.llm import offline_shop_patterns_words as heard
from shared.llm.offline_goods_words import INTENTS as GOODS
from shared.llm.offline_goods_words import LEFT
from shared.llm.offline_hours_words import opening_hours
from shared.llm.offline_intents import OFFER, Intent, Values, is_yes_to, said_like
from shared.llm.offline_order_patterns_words import NO, YES
from shared.llm.offline_orders_words import INTENTS as ORDERS
from shared.llm.offline_talk_words import Both, Talk
from shared.llm.offline_verdicts import reason_against
from shared.llm.offline_words import PREFIX

_REFUSAL = Both(
    "Sorry, I cannot do that. Is there something about our shop that I can help you with?",
    "Maaf, itu tidak bisa saya lakukan. Ada hal lain tentang toko kami yang bisa saya bantu?",
)
_TELLING_STAFF = Both(
    "I will tell our staff. Please wait a moment.", "Baik, saya kabari staf kami ya."
)
_PLACE = Both("You find us here: {it}.", "Toko kami di {it}.")
_NO_PLACE = Both("I do not know our address.", "Maaf, saya belum tahu alamatnya.")
_HANDOFF = ("handoff_to_human",)


def _reason(why: str) -> Values:
    return lambda talk: {"reason": f"{why}: {talk.words[:200]}"}


def _language(talk: Talk) -> Mapping[str, str]:
    return {"language": "en" if heard.ENGLISH.search(talk.words) else "id"}


def _place(talk: Talk) -> str:
    if place := talk.fact("address", "location", "alamat", "lokasi"):
        return talk.say(_PLACE, it=place)
    return f"{talk.say(_NO_PLACE)} {talk.say(OFFER)}"


def _again(talk: Talk) -> str:
    last = talk.last_answer.removeprefix(PREFIX).strip()
    if last.startswith("["):  # somebody else's
        return talk.say(HOW_CAN_I_HELP)
    if "\n" in last and last.endswith("?"):
        return last.rpartition("\n")[2].removeprefix(PREFIX)
    return re.split(r"\n|(?<=[.!?])\s", last, maxsplit=1)[0] or talk.say(HOW_CAN_I_HELP)


HOW_CAN_I_HELP = Both("How can I help you?", "Ada yang bisa saya bantu?")
HELLO = Both(
    "Hello{name}! I am the automatic assistant of {shop}. How can I help you?",
    "Halo{name}! Saya asisten otomatis {shop}. Ada yang bisa saya bantu?",
)
HELLO_AGAIN = Both("Hello! How can I help you?", "Halo Kak! Ada yang bisa saya bantu?")
HELLO_FIRST = Both("Hello!", "Halo Kak!")
SALAM = Both("Waalaikumsalam!", "Waalaikumsalam Kak!")
UNKNOWN = Both(
    "I am not sure that I understand. I can tell you when we are open, note your name and "
    "address, or call one of our staff. What would you like?",
    "Maaf, saya kurang paham. Saya bisa bantu soal jam buka, mencatat nama dan alamat, atau "
    "memanggil staf kami. Mau yang mana, Kak?",
)
GO_AHEAD = Both(
    "Of course! I can tell you when we are open, note your name and address, or call one of our "
    "staff. What is it about?",
    "Boleh, silakan! Saya bisa bantu soal jam buka, mencatat nama dan alamat, atau memanggil staf "
    "kami. Mau tanya apa, Kak?",
)
UNKNOWN_IN_A_CATALOGUE = Both(
    "I am not sure that I understand. I can look for products, take your order, or call one of "
    "our staff. What would you like?",
    "Maaf, saya kurang paham. Saya bisa carikan produk, mencatat pesanan, atau memanggil staf "
    "kami. Mau yang mana, Kak?",
)
MEDIA: Mapping[str, Both] = {
    "voice": Both(
        "Sorry, I cannot listen to voice notes. Could you type it? Or shall I call one of our "
        "staff?",
        "Maaf, saya tidak bisa mendengar pesan suara. Boleh diketik? Atau mau saya panggilkan "
        "staf kami?",
    ),
    "image": Both(
        "Sorry, I cannot see pictures. Could you describe it in words?",
        "Maaf, saya tidak bisa melihat gambar. Boleh dijelaskan dengan kata-kata?",
    ),
    "sticker": Both("Nice one! How can I help you?", "Hehe, lucu! Ada yang bisa saya bantu, Kak?"),
    "else": Both(
        "Sorry, I can read text only. Could you type it?",
        "Maaf, saya hanya bisa membaca teks. Boleh diketik, Kak?",
    ),
}
#: In place of an answer that named or claimed what nobody had told.
NOTHING_CLAIMED = Both(
    "I would rather tell you nothing wrong. Which product or order shall I look up for you?",
    "Supaya tidak salah sebut, boleh tahu produk atau pesanan mana yang mau saya cek, Kak?",
)
ACKNOWLEDGED = Both("All right! Is there anything else?", "Siap, Kak! Ada lagi yang bisa dibantu?")

_FIRST: Sequence[Intent] = (
    Intent(lambda talk: reason_against(talk.words), _REFUSAL, is_refused=True),
    Intent(said_like(heard.INJECTION), _REFUSAL, is_refused=True),
    Intent(
        said_like(heard.PRIVACY),
        Both(
            "Sorry, I never tell anything about other customers.",
            "Maaf, data pelanggan lain tidak bisa saya berikan.",
        ),
        is_refused=True,
    ),
    Intent(
        said_like(heard.OPT_OUT),
        Both(
            "All right, we will not write to you again. Sorry for the trouble.",
            "Baik, kami tidak akan mengirim pesan lagi. Maaf sudah mengganggu.",
        ),
    ),
    Intent(said_like(heard.HUMAN), _TELLING_STAFF, _HANDOFF, _reason("asks for a person")),
    Intent(
        said_like(heard.IDENTITY),
        Both(
            "I am a bot, the automatic assistant of {shop}. Shall I call one of our staff?",
            "Iya, saya bot, asisten otomatis {shop}. Mau saya panggilkan staf kami?",
        ),
    ),
    Intent(said_like(heard.REAL_PERSON), _TELLING_STAFF, _HANDOFF, _reason("asks for a person")),
    Intent(
        is_yes_to(YES, heard.OFFERED_A_PERSON),
        _TELLING_STAFF,
        _HANDOFF,
        lambda _: {"reason": "accepted our offer of a person"},
    ),
    Intent(said_like(heard.WRONG_PERSON), Both("No problem at all!", "Tidak apa-apa, Kak.")),
    Intent(
        said_like(heard.COMPLAINT),
        Both(
            "I am very sorry about that. Our staff will look into it.",
            "Mohon maaf atas kejadian ini, Kak. Staf kami akan menanganinya.",
        ),
        _HANDOFF,
        _reason("complaint"),
    ),
    Intent(
        said_like(heard.PROFILE_SHOWN),
        Both("I have nothing about you here.", "Saya belum menyimpan data Kakak di sini."),
        ("get_customer_profile",),
    ),
    Intent(
        said_like(heard.SAME_ADDRESS),
        Both("The same address, then.", "Baik, ke alamat yang sama ya."),
        ("get_customer_profile",),
        steps=checkout.same_address,
    ),
    Intent(
        said_like(heard.LANGUAGE),
        Both("Of course, just write in English.", "Tentu, pakai bahasa Indonesia saja, Kak."),
        ("update_customer_profile",),
        _language,
    ),
    Intent(
        checkout.told_of,
        Both("Thank you, I have read it.", "Terima kasih, sudah saya baca."),
        ("update_customer_profile",),
        steps=checkout.introduced,
    ),
    Intent(said_like(heard.HOURS), opening_hours),
    Intent(said_like(heard.SHOP_PLACE), _place),
)
_LAST: Sequence[Intent] = (
    Intent(
        said_like(heard.THANKS),
        Both("You are welcome! Have a nice day.", "Sama-sama, Kak! Senang bisa membantu."),
    ),
    Intent(said_like(heard.HELP), GO_AHEAD),
    Intent(said_like(heard.NUDGE), _again),
    Intent(
        said_like(NO),
        Both("All right. I am here if you need anything.", "Baik, Kak. Kabari kalau butuh ya."),
    ),
    Intent(said_like(YES), ACKNOWLEDGED),
)

#: The first that fits is it.
INTENTS: Sequence[Intent] = (*_FIRST, *ORDERS, *GOODS, *_LAST, *LEFT)

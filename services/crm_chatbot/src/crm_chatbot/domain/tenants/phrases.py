"""What is said in the shop's name without asking a model: fixed, polite, in each language."""

from collections.abc import Mapping
from enum import StrEnum

from crm_chatbot.domain.language import Language

_ID, _EN = Language.INDONESIAN, Language.ENGLISH


class Phrase(StrEnum):
    """An occasion on which code, not a model, chooses the words."""

    CANNOT_HEAR = "cannot_hear"  #: a voice note, and nothing here can listen to it
    CANNOT_SEE = "cannot_see"  #: a picture, and nothing here can look at it
    TEXT_ONLY = "text_only"  #: a sticker, a poll: nothing that could be answered
    BUDGET_SPENT = "budget_spent"  #: no more model calls today: a person will answer
    TOO_MANY_TURNS = "too_many_turns"  #: this chat has had its share for now
    SWAMPED = "swamped"  #: more waits than could be answered one by one
    PATIENCE = "patience"  #: the answer takes long
    HANDED_OVER = "handed_over"  #: a person will answer from here on
    FAILED = "failed"  #: we could not answer this time
    REFUSED = "refused"  #: nothing that we would talk about
    IN_DANGER = "in_danger"  #: somebody may come to harm
    NO_FIGURES = "no_figures"  #: an amount was to be named that nobody has set
    ORDER_AS_IT_IS = "order_as_it_is"  #: in place of a claim about it that is not so
    NO_ORDER_YET = "no_order_yet"  #: ... where there is none
    OPTED_OUT = "opted_out"  #: the customer wants to hear nothing more
    OPTED_IN = "opted_in"  #: ... and now does again


_SAID: Mapping[Phrase, Mapping[Language, str]] = {
    Phrase.CANNOT_HEAR: {
        _ID: "Maaf, saya belum bisa mendengarkan pesan suara. Boleh diketik saja? "
        "Kalau mau, saya bisa panggilkan staf kami.",
        _EN: "Sorry, I cannot listen to voice messages yet. Could you type it instead? "
        "If you prefer, I can call one of our staff.",
    },
    Phrase.CANNOT_SEE: {
        _ID: "Maaf, saya belum bisa melihat gambar. Boleh dijelaskan dengan tulisan? "
        "Kalau mau, saya bisa panggilkan staf kami.",
        _EN: "Sorry, I cannot look at pictures yet. Could you describe it in words? "
        "If you prefer, I can call one of our staff.",
    },
    Phrase.TEXT_ONLY: {
        _ID: "Maaf, saya hanya bisa membaca pesan teks. Ada yang bisa dibantu?",
        _EN: "Sorry, I can only read text messages. How can I help you?",
    },
    Phrase.BUDGET_SPENT: {
        _ID: "Terima kasih sudah menghubungi kami. Staf kami akan segera membalas pesan ini.",
        _EN: "Thank you for your message. One of our staff will answer it soon.",
    },
    Phrase.TOO_MANY_TURNS: {
        _ID: "Terima kasih atas pesannya. Mohon tunggu sebentar, staf kami akan membalas.",
        _EN: "Thank you for your messages. Please wait a little, our staff will answer.",
    },
    Phrase.SWAMPED: {
        _ID: "Maaf, pesan yang masuk terlalu banyak untuk dijawab satu per satu. Staf kami akan "
        "membaca dan membalasnya.",
        _EN: "Sorry, more messages came in than we can answer one by one. Our staff will read "
        "them and answer.",
    },
    Phrase.PATIENCE: {
        _ID: "Sebentar ya, masih saya cek.",
        _EN: "One moment, please, I am still looking into it.",
    },
    Phrase.HANDED_OVER: {
        _ID: "Baik, saya sambungkan dengan staf kami. Mohon tunggu sebentar, ya.",
        _EN: "All right, I will connect you with our staff. Please wait a moment.",
    },
    Phrase.FAILED: {
        _ID: "Maaf, ada gangguan di pihak kami. Silakan coba lagi sebentar lagi.",
        _EN: "Sorry, something went wrong on our side. Please try again in a moment.",
    },
    Phrase.REFUSED: {
        _ID: "Maaf, saya tidak bisa membantu soal itu. Ada hal lain yang bisa dibantu?",
        _EN: "Sorry, I cannot help with that. Is there anything else I can do for you?",
    },
    Phrase.IN_DANGER: {
        _ID: "Kami peduli dengan Anda. Kalau ada bahaya, segera hubungi 112 atau orang yang Anda "
        "percaya. Staf kami akan membaca pesan ini secepatnya.",
        _EN: "We care about you. If anybody is in danger, please call 112 or somebody you trust "
        "right now. One of our staff will read this message as soon as possible.",
    },
    Phrase.NO_FIGURES: {
        _ID: "Soal harga dan total saya tidak mau salah sebut. Boleh tahu produk mana yang "
        "dimaksud? Nanti saya cek di katalog.",
        _EN: "I do not want to tell you a wrong price or total. Which product do you mean? I will "
        "look it up in the catalog.",
    },
    Phrase.ORDER_AS_IT_IS: {
        _ID: "Supaya tidak keliru, ini status pesanan di sistem kami:",
        _EN: "To be sure, this is how the order stands in our system:",
    },
    Phrase.NO_ORDER_YET: {
        _ID: "Saat ini belum ada pesanan yang tercatat di sistem kami. Mau pesan apa?",
        _EN: "There is no order in our system yet. What would you like to order?",
    },
    Phrase.OPTED_OUT: {
        _ID: "Baik, kami tidak akan mengirim pesan lagi. Ketik MULAI kapan saja untuk "
        "kembali berbicara dengan kami.",
        _EN: "All right, we will send no more messages. Write START at any time to talk to "
        "us again.",
    },
    Phrase.OPTED_IN: {
        _ID: "Selamat datang kembali! Ada yang bisa dibantu?",
        _EN: "Welcome back! How can I help you?",
    },
}

_PROMPTS: Mapping[Language, str] = {
    _ID: "Anda adalah asisten toko {name}. Jawab pelanggan dengan ramah, singkat dan jelas. "
    "Jangan mengarang: kalau tidak tahu, katakan, dan tawarkan bantuan staf.",
    _EN: "You are the assistant of the shop {name}. Answer customers kindly, briefly and "
    "clearly. Make nothing up: what you do not know, say so, and offer the help of our staff.",
}


def said(phrase: Phrase, language: Language) -> str:
    return _SAID[phrase][language]


def default_prompt(name: str, language: Language) -> str:
    """How the bot of a shop behaves until its owner says it better."""
    return _PROMPTS[language].replace("{name}", name)

"""What can be told from a customer's words without a model: their language, a mere hello."""

import re

from crm_chatbot.domain.language import Language

#: Nobody's language becomes clearer after so many characters.
_SEEN = 2_000


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that only one of the two languages has, and that are in almost everything said in it.
_WORDS = {
    Language.INDONESIAN: _set_of("""
        ada aja aku anda apa apakah atau bagaimana barang berapa bisa boleh buat bukan cara dan
        dari dengan di dong dulu gak gan gimana hai harga hari harus ini itu iya jadi jam juga kah
        kak kalau kami kamu kapan karena ke kenapa kirim kok lagi makasih malam mas masih mau mba
        mbak min mohon nggak ngga nomor pagi pakai pesan pesanan punya sama sampai satu saya
        sekarang selamat semua sih siang siapa sis sore sudah tanya tapi terima kasih tidak tolong
        udah untuk ya yang"""),
    Language.ENGLISH: _set_of("""
        a about am an and are be can could did do does for from good have hello hey hi how i is it
        like me much my need not of on or order please price thank thanks that the there this to
        want was what when where which who why will with would yes you your"""),
}

_HELLO = _set_of("""
    assalamualaikum bro dear evening good gan greetings hai halo hallo hello hey hi hola kak kakak
    malam mas mba mbak min morning afternoon oi p pagi permisi ping punten selamat siang sis sore
    test tes there wr wb ya""")


def language_of(text: str) -> Language | None:
    """The language that it is written in; None where both, or neither, are as likely."""
    words = _words_of(text)
    counts = {language: sum(word in known for word in words) for language, known in _WORDS.items()}
    best, other = sorted(counts, key=lambda language: counts[language], reverse=True)
    return best if counts[best] > counts[other] else None


def is_only_hello(text: str) -> bool:
    """Whether it greets, and asks for nothing."""
    words = _words_of(text)
    return bool(words) and len(words) <= 6 and all(word in _HELLO for word in words)


def _words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text[:_SEEN].casefold())

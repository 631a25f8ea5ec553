"""Whether a customer wants to hear no more of a shop, or does again: by their own plain words."""

import re

#: All that is said, give or take a please. "Stop kontak" is a power strip, and for sale.
_STOP = re.compile(
    r"(tolong |please |pls |mohon )?(stop|berhenti|unsubscribe|unsub|opt out|stop chat|stop wa|"
    r"berhenti chat|stop message|stop messages|stop messaging me)"
    r"( ya| dong| kak| min| please| pls| sekarang| now)*"
)
#: "Jangan hubungi saya sebelum jam 9" asks for no more than patience.
_NO_MORE = re.compile(
    r"\b(jangan|jgn|stop|berhenti)( pernah| usah)?"
    r" (chat|chatting|hubungi|hubungin|wa|whatsapp|sms|ganggu|spam|"
    r"(kirim|kirimin) (pesan|chat|wa|promo))"
    r"( ke)?( saya| aku| gue| gw| sy)?( lagi\b|$)|"
    r"\b(do not|don'?t|stop)( ever)? (message|messaging|text|texting|contact|contacting|chat|"
    r"chatting|spam|spamming|writing to)( to)? me( again| anymore| any more)?$"
)
_START = re.compile(r"(mulai|start|subscribe|mulai lagi|start again)( ya| kak| please)*")


def wants_out(text: str) -> bool:
    """Whether they ask to be left alone."""
    words = _plain(text)
    return _STOP.fullmatch(words) is not None or _NO_MORE.search(words) is not None


def wants_in(text: str) -> bool:
    """Whether they ask to be talked to again."""
    return _START.fullmatch(_plain(text)) is not None


def _plain(text: str) -> str:
    """As it would be said: no case, no punctuation, and no more than can matter."""
    return " ".join(re.sub(r"[^\w\s']", " ", text[:300].casefold()).split())

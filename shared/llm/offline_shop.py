"""The offline model as a shop's assistant: what it answers a customer, and which tools it calls."""

from collections.abc import Mapping, Sequence

from shared.llm import offline_shop_patterns_words as heard
from shared.llm import offline_shop_words as words
from shared.llm.chat import ChatMessage, ToolSpec
from shared.llm.offline_goods_words import MENDING
from shared.llm.offline_results_words import told
from shared.llm.offline_talk_words import Both, Talk, listen
from shared.llm.offline_tools import Said, calling
from shared.llm.offline_words import PREFIX

#: A line of the system prompt that makes the offline model a shop's assistant. Below it, lines
#: such as `Shop: Kopi Senja` and `Business hours: Mon-Sat 08:00-20:00` tell it the facts.
SHOP_MARKER = "# WhatsApp shop assistant"


def assist(messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Said:
    """The next thing to say, or to do, in a customer's conversation."""
    talk = listen(messages, tools)
    if talk.is_corrected:
        return Said(PREFIX + talk.say(words.NOTHING_CLAIMED))
    intent = next((one for one in words.INTENTS if talk.words and one.fits(talk)), None)
    if calls := (intent.calls(talk) if intent else ()) or MENDING.calls(talk):
        return calling(calls, len(messages))
    if talk.done:
        return Said(PREFIX + told(talk))
    if intent is None:
        return Said(PREFIX + _small_talk(talk))
    opening = "" if intent.is_refused else _opening(talk)
    return Said(PREFIX + opening + intent.answer(talk))


def _small_talk(talk: Talk) -> str:
    if not any(one.isalnum() for one in talk.words):
        return talk.say(_media(talk) if talk.media or not talk.words else words.ACKNOWLEDGED)
    if heard.SALAM.search(talk.words):
        return _opening(talk) + talk.say(words.HOW_CAN_I_HELP)
    if heard.GREETING.search(talk.words):
        name = talk.fact("customer name", "customer")
        hello = words.HELLO if talk.is_first else words.HELLO_AGAIN
        return talk.say(hello, name=f" {name}" if name else "")
    has_catalogue = "search_products" in talk.tools
    return _opening(talk) + talk.say(
        words.UNKNOWN_IN_A_CATALOGUE if has_catalogue else words.UNKNOWN
    )


def _media(talk: Talk) -> Both:
    kind = (talk.media or "").split(" ")[0]
    return words.MEDIA[_KINDS.get(kind, "else")]


def _opening(talk: Talk) -> str:
    """A greeting is greeted, whatever follows it."""
    if heard.SALAM.search(talk.words):
        return f"{talk.say(words.SALAM)} "
    if talk.is_first and heard.GREETING.search(talk.words):
        return f"{talk.say(words.HELLO_FIRST)} "
    return ""


_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("voice", "audio"), "voice"),
    **dict.fromkeys(("image", "picture", "photo", "gif", "video"), "image"),
    **dict.fromkeys(("sticker", "stiker"), "sticker"),
}

"""Conversations with the offline shop assistant, and the tools that a shop offers it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.llm.chat import ChatMessage, ToolSpec
from shared.llm.offline_replies import reply_to
from shared.llm.offline_shop import SHOP_MARKER
from shared.llm.offline_tools import Said

FACTS = f"""{SHOP_MARKER}
Shop: Kopi Senja
Business hours: Mon-Sat 08:00-20:00
Now: Sunday 29 November 2026 14:05 WIB
"""

_ENGLISH = {"i", "the", "you", "your", "our", "all", "sorry", "hello", "which", "what", "this"}
_INDONESIAN = {"saya", "kami", "kak", "maaf", "baik", "ya", "ini", "halo", "ada", "itu", "iya"}


def a_tool(tool: str, *required: str, **kinds: str) -> ToolSpec:
    properties = {name: {"type": kind} for name, kind in kinds.items()}
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(tool, f"{tool}.", schema)


#: What every shop offers.
TALKING = (
    a_tool("handoff_to_human", "reason", reason="string"),
    a_tool("get_customer_profile"),
    a_tool(
        "update_customer_profile",
        name="string",
        address="string",
        email="string",
        language="string",
    ),
)
_PRODUCT = {"product": "string", "quantity": "integer"}
#: ... and what a shop with a catalogue does.
SELLING = (
    *TALKING,
    a_tool("search_products", "query", query="string", budget="integer"),
    a_tool("get_product_details", "product", product="string"),
    a_tool("check_stock", "product", product="string"),
    a_tool("create_order"),
    a_tool("add_to_order", *_PRODUCT, **_PRODUCT, note="string"),
    a_tool("set_quantity", *_PRODUCT, **_PRODUCT),
    a_tool("remove_from_order", "product", product="string"),
    a_tool("confirm_order"),
    a_tool("initiate_payment"),
    a_tool("get_order_status", order="string"),
    a_tool("cancel_order"),
)


def customer(*texts: str, system: str = FACTS) -> list[ChatMessage]:
    return [ChatMessage("system", system), *(ChatMessage("user", text) for text in texts)]


def answer_to(
    text: str, tools: Sequence[ToolSpec] = TALKING, *, after: str = "", system: str = FACTS
) -> Said:
    """What the assistant does about a text, perhaps after an answer of its own."""
    before = [ChatMessage("assistant", after)] if after else []
    return reply_to([*customer(system=system), *before, ChatMessage("user", text)], tools)


def words_of(said: Said) -> str:
    """Without the sign that it is the offline model's."""
    assert said.text.startswith("[offline model] ")
    return said.text.removeprefix("[offline model] ")


def call_of(said: Said) -> tuple[str, Mapping[str, Any]] | None:
    """The one tool that it calls, and with what."""
    if not said.tool_calls:
        return None
    (call,) = said.tool_calls
    assert said.text == ""
    assert call.arguments is not None
    return call.name, call.arguments


def told(text: str, result: str, tools: Sequence[ToolSpec] = TALKING) -> str:
    """What the customer hears once the tool has done its work."""
    talk = customer(text)
    calls = reply_to(talk, tools).tool_calls
    results = [ChatMessage("tool", result, tool_call_id=call.id, name=call.name) for call in calls]
    assert results
    return words_of(reply_to([*talk, ChatMessage("assistant", "", calls), *results], tools))


def language_of(text: str) -> str:
    words = re.findall(r"[a-z]+", text.lower())
    english, indonesian = (sum(w in known for w in words) for known in (_ENGLISH, _INDONESIAN))
    assert english != indonesian, text
    return "en" if english > indonesian else "id"

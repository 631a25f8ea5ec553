"""What the offline model replies: as a shop's assistant where it is to be one, or as itself."""

from collections.abc import Sequence

from shared.llm.chat import ChatMessage, ToolSpec
from shared.llm.offline_shop import SHOP_MARKER, assist
from shared.llm.offline_tools import Said, ToolRule, call_by_name, first_call, told
from shared.llm.offline_words import answer

USUAL_RULES: Sequence[ToolRule] = (call_by_name,)


def reply_to(
    messages: Sequence[ChatMessage],
    tools: Sequence[ToolSpec] = (),
    rules: Sequence[ToolRule] = USUAL_RULES,
) -> Said:
    """The same reply to the same conversation, always."""
    if any(message.role == "system" and SHOP_MARKER in message.text for message in messages):
        return assist(messages, tools)
    if messages and messages[-1].role == "tool":
        return told(messages[-1])
    called = first_call(messages, tools, rules) if tools else None
    return called or Said(answer(messages))

"""What a turn took: in the kernel's books, and step by step in its conversation's timeline."""

import re
from typing import Any

from crm_chatbot.application.ports import Spent, Work
from crm_chatbot.application.turns.answering import Brief, Progress
from crm_chatbot.domain.turns.turn import Turn


async def account(work: Work, turn: Turn, brief: Brief, progress: Progress) -> None:
    """Every model call, those of earlier tries too, and every tool."""
    meter = brief.meter
    earlier = [one for one in progress.spent if one.attempt != meter.attempt]
    await work.ledger.record(turn.id, [*earlier, *meter.spent], meter.reservations)
    turn.model_calls, turn.tool_calls = len(earlier) + len(meter.spent), len(progress.done)
    for one in [*earlier, *meter.spent]:
        facts = _told(one)
        await work.timeline.note(
            turn.conversation_id, "turn.model_called", turn_id=turn.id, **facts
        )
    for message in progress.said:
        if message.role == "tool":
            facts = {"tool": message.name, "error": _error_in(message.text)}
            await work.timeline.note(
                turn.conversation_id, "turn.tool_called", turn_id=turn.id, **facts
            )


def _told(one: Spent) -> dict[str, Any]:
    call = one.call
    return {
        "config": call.config_name,
        "model": call.model,
        "error": call.error,
        "tokens": call.input_tokens + call.output_tokens,
        "milliseconds": call.milliseconds,
        "attempt": one.attempt,
    }


def _error_in(told: str) -> str | None:
    """The code that a tool refused with."""
    found = re.match(r'\{"error":"([a-z_]+)"', told)
    return found[1] if found else None

"""Every step of a timeline is told in words; no step is noted that has none."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm_chatbot import application
from crm_chatbot.application.conversations.reasons import in_words
from crm_chatbot.application.conversations.telling import SENTENCES, say
from crm_chatbot.domain.conversations.conversation import Happened

NAME = re.compile(r"[a-z]+\.[a-z_]+")

#: What also has such names, and is no step of any conversation (a ticket has a history of its own).
NOT_STEPS = {"log", "crash_point", "metrics", "tracing", "ticket"}


def modules() -> list[ast.Module]:
    folder = Path(next(iter(application.__path__)))
    return [ast.parse(file.read_text(encoding="utf-8")) for file in sorted(folder.rglob("*.py"))]


def called(call: ast.Call) -> str:
    return ast.unparse(call.func).partition(".")[0]


def texts(node: ast.AST) -> Iterator[str]:
    """Every text below a node, but for those that go into logs and the like."""
    if isinstance(node, ast.Call) and called(node) in NOT_STEPS:
        return
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        if isinstance(first, ast.Constant) and (begins := str(first.value)).endswith("."):
            yield f"{begins}*"
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def notes(module: ast.Module) -> bool:
    calls = (node for node in ast.walk(module) if isinstance(node, ast.Call))
    return any(ast.unparse(call.func).endswith("timeline.note") for call in calls)


def noted() -> set[str]:
    """The names that modules with a timeline speak of; one that is made up ends in an asterisk."""
    found = {text for module in modules() if notes(module) for text in texts(module)}
    return {text for text in found if NAME.fullmatch(text.replace("*", "x"))}


def test_the_walk_finds_what_is_noted() -> None:
    assert {"turn.committed", "message.not_sent", "customer.opted_in", "call.*"} <= noted()


def test_everything_that_is_noted_has_a_sentence() -> None:
    def has_words(name: str) -> bool:
        return any(re.fullmatch(name.replace("*", ".+"), known) for known in SENTENCES)

    assert [name for name in sorted(noted()) if not has_words(name)] == []


def codes() -> set[str]:
    """Why messages are ignored, left to a person, or withdrawn: as the code spells it."""
    calls = [one for m in modules() for one in ast.walk(m) if isinstance(one, ast.Call)]
    found = set[str]()
    for call in calls:
        name = ast.unparse(call.func).rpartition(".")[2]
        given: list[ast.expr] = []
        if name == "leave_to_person":
            given = [word.value for word in call.keywords if word.arg == "reason"]
        if name in {"Fate", "end"}:
            given = call.args[1:]
        found |= {str(one.value) for one in given if isinstance(one, ast.Constant)}
    return found


def test_every_reason_that_is_given_is_told_in_words() -> None:
    assert {"stale", "suppressed_takeover", "tenant_suspended"} <= codes()
    assert [code for code in sorted(codes()) if in_words(code) == code] == []


@pytest.mark.parametrize("what", SENTENCES)
def test_a_step_without_facts_is_told_all_the_same(what: str) -> None:
    told = say(Happened(what=what))

    assert told[0].isupper()
    assert told[-1] == "."
    assert "{" not in told


@pytest.mark.parametrize(
    ("what", "facts", "sentence"),
    [
        ("message.received", {"kind": "text"}, "The customer wrote (words)."),
        (
            "message.received",
            {"kind": "image", "code": "person_answered"},
            "The customer wrote (image); it is left to a person: a person was answering.",
        ),
        (
            "message.received",
            {"kind": "text", "author": "phone"},
            "The owner wrote on the phone (words).",
        ),
        (
            "message.ignored",
            {"code": "stale"},
            "A message was ignored: it arrived long after it was sent.",
        ),
        ("message.ignored", {"code": "of_tomorrow"}, "A message was ignored: of_tomorrow."),
        (
            "turn.started",
            {"messages": 1},
            "The bot began to decide on 1 message.",
        ),
        (
            "turn.restarted",
            {"messages": 3},
            "Newer words came before anything was done: the bot began anew, with 3 messages.",
        ),
        (
            "turn.model_called",
            {"model": "gpt-4o", "milliseconds": 812, "error": None},
            "The model gpt-4o was asked, and answered after 812 ms.",
        ),
        (
            "turn.model_called",
            {"model": "gpt-4o", "error": "provider_unavailable"},
            "The model gpt-4o was asked, and failed: provider_unavailable.",
        ),
        (
            "turn.tool_called",
            {"tool": "get_customer_profile", "error": None},
            "The tool get_customer_profile was used.",
        ),
        (
            "turn.tool_called",
            {"tool": "x", "error": "unknown_tool"},
            "The tool x was used, and refused: unknown_tool.",
        ),
        (
            "turn.committed",
            {"outcome": "refused", "findings": ["prompt_leak"]},
            (
                "It was decided: moderation let nothing through, and a fixed text is said "
                "(noticed: prompt_leak)."
            ),
        ),
        (
            "turn.failed",
            {"code": "unforeseen", "failures": 2},
            "The bot failed (unforeseen), 2 times so far.",
        ),
        (
            "message.not_sent",
            {"state": "withdrawn", "code": "suppressed_takeover"},
            "The message was taken back before it left: a person had taken over.",
        ),
        (
            "conversation.taken_over",
            {"reason": "loop"},
            "A person took over, and the bot fell silent: the other side seems to be a bot, too.",
        ),
        (
            "conversation.handed_back",
            {"reason": "person_silent"},
            "The conversation was handed back to the bot: no person wrote for a while.",
        ),
        (
            "conversation.state_changed",
            {"before": "GREETING", "after": "BROWSING"},
            "The conversation went from GREETING to BROWSING.",
        ),
        (
            "customer.described",
            {"fields": ["email", "name"]},
            "The bot wrote down what the customer said of themselves (email, name).",
        ),
        ("message.reaction", {"is_removed": True}, "The customer took a reaction away."),
        ("order.paid_twice", {}, "Order paid twice."),
    ],
)
def test_a_step_is_told_in_a_sentence(what: str, facts: dict[str, Any], sentence: str) -> None:
    assert say(Happened(what=what, facts=facts)) == sentence

"""Moderation by word list: violence, weapon making and self-harm, in English and Indonesian."""

import json
import re
from collections.abc import Sequence

_KILL = (
    "(?:kill|murder|stab|shoot|poison|strangle|torture"
    "|bunuh|membunuh|menembak|menusuk|meracuni|menyiksa)(?:ing)?"
)
_SOMEBODY = (
    "(?:someone|somebody|people|everyone"
    "|(?:my|your|his|her|their|our|a|an|the) (?:wife|husband|boss|neighbou?r|family|teacher|friend"
    "|colleague|brother|sister|mother|father|man|woman|child|kid|girl|boy)"
    "|dia|mereka|orang|seseorang|istri|suami|tetangga|bos|keluarga|teman|guru|anak)"
)
_BUILD = "(?:make|making|build|building|assemble|craft|buat|membuat|merakit|rakit|bikin)"
_WEAPON = (
    "(?:bombs?|explosives?|grenades?|nerve gas|poison gas|guns?|silencers?|weapons?|napalm"
    "|bom|granat|senjata|peledak)"
)
_SELF_HARM = (
    "kill(?:ing)? myself|suicide|self[- ]harm|(?:hurt|cut)(?:ting)? myself|end my life"
    "|bunuh diri|menyakiti diri|melukai diri|mengakhiri hidup"
)

_LIST: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE | re.DOTALL))
    for reason, pattern in (
        ("self-harm", rf"\b(?:{_SELF_HARM})\b"),
        # A child process may be killed, and so may they all.
        ("violence", rf"\b{_KILL}\b[^.!?\n]{{0,20}}\b{_SOMEBODY}\b(?! process)"),
        ("violence", rf"^(?!.*\b(?:process|thread|server)).*\b{_KILL} (?:him|her|them|you)\b"),
        ("weapon making", rf"\b{_BUILD}\b[^.!?\n]{{0,40}}\b{_WEAPON}\b"),
    )
)


def verdict(prompt: str) -> str:
    """JSON and nothing else, because a program reads it: {"allowed": ..., "reason": ...}."""
    if reason := reason_against(prompt):
        return json.dumps({"allowed": False, "reason": reason})
    return json.dumps({"allowed": True, "reason": "nothing on the offline model's list"})


def reason_against(prompt: str) -> str | None:
    """What on the list a prompt is about; None for anything else."""
    return next((reason for reason, pattern in _LIST if pattern.search(prompt)), None)

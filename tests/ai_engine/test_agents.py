"""Who answers, what is a verdict, and what an agent can be configured to."""

from typing import Any

import pytest

from ai_engine.domain.agents import (
    AgentConfig,
    AgentRejected,
    AgentType,
    Verdict,
    VerdictUnreadable,
    choose_config,
    in_service,
    read_verdict,
    route,
)
from shared.llm.catalogue import Temperature


def an_agent(agent_type: AgentType = AgentType.MAIN, **changes: Any) -> AgentConfig:
    facts: dict[str, Any] = {"prompt_template": f"{agent_type}-agent"}
    return AgentConfig(agent_type=agent_type, **facts | changes)


@pytest.mark.parametrize(
    ("allowed", "is_followup", "who"),
    [
        (True, False, AgentType.MAIN),
        (True, True, AgentType.FOLLOWUP),
        (False, False, AgentType.FALLBACK),
        (False, True, AgentType.FALLBACK),
    ],
)
def test_the_verdict_decides_first_and_then_the_conversation(
    allowed: bool, is_followup: bool, who: AgentType
) -> None:
    assert route(Verdict(allowed), is_followup=is_followup) is who


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"allowed": true, "reason": ""}', Verdict(allowed=True)),
        ('{"allowed": true}', Verdict(allowed=True)),
        ('{"allowed": false, "reason": "hatred"}', Verdict(allowed=False, reason="hatred")),
        (' \n{"reason":"x","allowed":false}\n', Verdict(allowed=False, reason="x")),
        ('```json\n{"allowed": false, "reason": "x"}\n```', Verdict(allowed=False, reason="x")),
        ('```\n{"allowed": true, "reason": "ok"}\n```', Verdict(allowed=True, reason="ok")),
        (
            '{"allowed": false, "reason": "%s"}' % ("x" * 900),
            Verdict(allowed=False, reason="x" * 500),
        ),
    ],
)
def test_a_verdict_is_read_in_the_form_it_was_asked_for(text: str, verdict: Verdict) -> None:
    assert read_verdict(text) == verdict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "true",
        "allowed",
        "Yes, this is allowed.",
        "null",
        "[]",
        '[{"allowed": true}]',
        "{}",
        '{"reason": "fine"}',
        '{"allowed": "true"}',
        '{"allowed": 1}',
        '{"allowed": null}',
        '{"Allowed": true}',
        '{"allowed": true, "reason": null}',
        '{"allowed": true, "reason": ["fine"]}',
        '{"allowed": true, "reason": "", "confidence": 0.3}',
        '{"allowed": false, "allowed": true}',
        '{"allowed": true} and so on',
        'Here you are: {"allowed": true}',
        '{"allowed": true',
        "```",
        "``````",
        "[" * 100_000,
        '{"allowed": true, "reason": ' + "[" * 100_000,
    ],
)
def test_anything_else_is_never_a_yes(text: str) -> None:
    with pytest.raises(VerdictUnreadable):
        read_verdict(text)


def test_an_agent_is_asked_with_its_own_config_or_the_jobs() -> None:
    assert choose_config(an_agent(llm_config="strict"), "default-smart") == "strict"
    assert choose_config(an_agent(), "default-smart") == "default-smart"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", 0),
        ("max_tokens", 10**9),
        ("retries", -1),
        ("retries", 11),
    ],
)
def test_an_agent_that_cannot_work_is_refused_with_the_field_named(field: str, value: int) -> None:
    changes: dict[str, Any] = {field: value}

    with pytest.raises(AgentRejected) as refusal:
        an_agent(**changes)

    assert refusal.value.pointer == f"/{field}"


@pytest.mark.parametrize("needed", [AgentType.MAIN, AgentType.FALLBACK, AgentType.MODERATION])
def test_only_the_followup_agent_can_be_switched_off(needed: AgentType) -> None:
    with pytest.raises(AgentRejected) as refusal:
        an_agent(needed, is_active=False)

    assert refusal.value.pointer == "/is_active"
    assert not an_agent(AgentType.FOLLOWUP, is_active=False).is_active


def test_main_stands_in_for_a_followup_agent_that_is_switched_off() -> None:
    main = an_agent(temperature=Temperature(0.3))
    off = an_agent(AgentType.FOLLOWUP, is_active=False)

    working = in_service([main, off])

    assert working[AgentType.FOLLOWUP].prompt_template == "main-agent"
    assert working[AgentType.FOLLOWUP].temperature == Temperature(0.3)
    assert working[AgentType.MAIN] == main


def test_agents_in_service_work_as_what_they_are() -> None:
    agents = [an_agent(agent_type) for agent_type in AgentType]

    assert list(in_service(agents).values()) == agents

"""A script set over HTTP decides how requests are treated; where it is silent, all is usual."""

from typing import Any

import pytest

from tests.simulators.house import Simulator


async def told(simulator: Simulator, *rules: dict[str, Any]) -> None:
    answer = await simulator.http.put(f"{simulator.url}/control/script", json=rules)
    assert answer.status == 204, await answer.text()


async def said(simulator: Simulator, text: str, provider: str = "openai", **more: Any) -> str:
    """What the model answers, or the status when it is an error."""
    answer = await simulator.ask(provider, text, **more)
    if answer.status != 200:
        return str(answer.status)
    body = await answer.json()
    message = body["choices"][0]["message"] if provider == "openai" else body
    content = message["content"]
    return str(content if provider == "openai" else content[0]["text"])


async def test_the_first_rule_that_fits_decides_alone(simulator: Simulator) -> None:
    await told(simulator, {"when": "coffee", "text": "Kopi!"}, {"text": "Nothing else."})

    assert await said(simulator, "A coffee, please") == "Kopi!"
    assert await said(simulator, "A tea, please") == "Nothing else."


async def test_a_rule_may_look_at_provider_model_and_system_prompt(simulator: Simulator) -> None:
    await told(
        simulator,
        {"provider": "anthropic", "text": "by provider"},
        {"model": "gpt-x", "text": "by model"},
        {"system": "shop", "text": "by system prompt"},
    )
    in_a_shop = [
        {"role": "system", "content": "You run a shop."},
        {"role": "user", "content": "Hello"},
    ]

    assert await said(simulator, "Hello", "anthropic") == "by provider"
    assert await said(simulator, "Hello", model="gpt-x") == "by model"
    assert await said(simulator, "Hello", messages=in_a_shop) == "by system prompt"
    assert await said(simulator, "Hello") == "You said: Hello"


async def test_a_rule_looks_only_at_the_last_thing_that_the_user_said(simulator: Simulator) -> None:
    await told(simulator, {"when": "first", "text": "wrong"})
    talk = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "first"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "sec"}, {"type": "text", "text": "ond"}],
        },
    ]

    assert await said(simulator, "", messages=talk) == "You said: second"


async def test_nth_counts_the_requests_that_fit(simulator: Simulator) -> None:
    await told(simulator, {"when": "a", "nth": 2, "status": 503})

    assert [await said(simulator, text) for text in ("a1", "b", "a2", "a3")] == [
        "You said: a1",
        "You said: b",
        "503",
        "You said: a3",
    ]


async def test_times_spends_a_rule(simulator: Simulator) -> None:
    await told(simulator, {"status": 500, "times": 2}, {"text": "well again"})

    assert [await said(simulator, "Hello") for _ in range(3)] == ["500", "500", "well again"]


async def test_setting_a_script_again_starts_its_counts_again(simulator: Simulator) -> None:
    for _ in range(2):
        await told(simulator, {"status": 500, "times": 1})

        assert [await said(simulator, "Hello") for _ in range(2)] == ["500", "You said: Hello"]


async def test_clearing_the_script_makes_all_usual_again(simulator: Simulator) -> None:
    await told(simulator, {"status": 500})

    await simulator.http.delete(f"{simulator.url}/control/script")

    assert await said(simulator, "Hello") == "You said: Hello"


async def test_the_script_shows_how_often_each_rule_was_used(simulator: Simulator) -> None:
    await told(simulator, {"when": "x", "delay_s": 0.01}, {"text": "ok"})
    await said(simulator, "Hello")

    shown = await (await simulator.http.get(f"{simulator.url}/control/script")).json()

    assert shown == [
        {"rule": {"when": "x", "delay_s": 0.01}, "used": 0},
        {"rule": {"text": "ok"}, "used": 1},
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"txt": "a slip of the pen"},
        {"status": 200},
        {"delay_s": -1},
        {"reset": "sometimes"},
        {"retry_after": "two\r\nlines"},
        {"tool_calls": [{"arguments": "{}"}]},
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    simulator: Simulator, rule: dict[str, Any]
) -> None:
    answer = await simulator.http.put(f"{simulator.url}/control/script", json=[rule])

    assert answer.status == 422


async def test_the_simulator_says_that_it_is_well(simulator: Simulator) -> None:
    answer = await simulator.http.get(f"{simulator.url}/health")

    assert (await answer.json())["status"] == "ok"

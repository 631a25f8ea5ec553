"""What an LLM config, a prompt template and the catalogue promise."""

from typing import Any

import pytest

from shared.llm.catalogue import (
    Catalogue,
    ConfigNotFound,
    LLMConfigRejected,
    ModelName,
    PromptTemplateRejected,
    Provider,
    Temperature,
    TemplateNotFound,
    TemplateVariables,
)
from tests.shared.llm.builders import a_config, a_template, an_offline_config

NO_KEYS: frozenset[str] = frozenset()
BOTH_KEYS = frozenset({"OPENAI_API_KEY", "ANTHROPIC_API_KEY"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_key_env", "DATABASE_URL"),
        ("api_key_env", ""),
        ("api_key_env", "openai_api_key"),
        ("api_key_env", "OPENAI_API_KEY\n"),
        ("api_key_env", "MY_OPENAI_API_KEY"),
        ("api_key_env", "ENCRYPTION_KEY"),
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("max_tokens", 10**9),
        ("timeout_s", 0.0),
        ("timeout_s", 601.0),
        ("timeout_s", float("nan")),
        ("retries", -1),
        ("retries", 11),
        ("base_url", "ftp://models.example"),
        ("base_url", "http://"),
        ("base_url", "http://user:secret@models.example/v1"),
        ("base_url", "http://models.example/v1?key=1"),
        ("base_url", "http://models.example:port"),
        ("base_url", "http://models.example/ v1"),
        ("base_url", f"http://models.example/{'x' * 2_000}"),
        ("fallbacks", ("smart",)),
        ("fallbacks", ("other", "other")),
        ("fallbacks", tuple(f"config-{n}" for n in range(11))),
        ("transcription_model", ""),
        ("transcription_model", "a\nb"),
        ("transcription_model", "x" * 256),
        ("input_price", -0.1),
        ("output_price", float("inf")),
    ],
)
def test_a_config_that_cannot_work_is_refused_by_its_field(field: str, value: object) -> None:
    facts: dict[str, Any] = {field: value}

    with pytest.raises(LLMConfigRejected) as refusal:
        a_config(**facts)

    assert refusal.value.pointer == f"/{field}"
    assert refusal.value.code == "llm_config_rejected"


def test_no_model_of_anthropics_transcribes() -> None:
    with pytest.raises(LLMConfigRejected) as refusal:
        a_config(
            provider=Provider.ANTHROPIC,
            api_key_env="ANTHROPIC_API_KEY",
            transcription_model="whisper-1",
        )

    assert refusal.value.pointer == "/transcription_model"
    assert a_config(vision=True, transcription_model="whisper-1").vision


@pytest.mark.parametrize("degrees", [-0.1, 2.1, float("nan"), float("inf")])
def test_a_temperature_lies_between_0_and_2(degrees: float) -> None:
    with pytest.raises(LLMConfigRejected) as refusal:
        Temperature(degrees)

    assert refusal.value.pointer == "/temperature"


@pytest.mark.parametrize("degrees", [0.0, 0.7, 2.0])
def test_the_ends_of_the_temperature_scale_belong_to_it(degrees: float) -> None:
    assert Temperature(degrees).value == degrees


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 256])
def test_a_model_name_is_one_printable_line(name: str) -> None:
    with pytest.raises(LLMConfigRejected):
        ModelName(name)


@pytest.mark.parametrize("url", ["http://localhost:11434/v1", "https://models.example", None])
def test_an_openai_compatible_server_may_be_anywhere(url: str | None) -> None:
    assert a_config(base_url=url).base_url == url


def test_the_offline_model_needs_no_key_and_may_not_name_any_other_variable() -> None:
    assert an_offline_config().api_key_env == ""
    with pytest.raises(LLMConfigRejected):
        an_offline_config(api_key_env="DATABASE_URL")


def test_a_price_per_million_tokens_is_a_price_in_millionths_per_token() -> None:
    config = a_config(input_price=0.15, output_price=0.6)

    assert config.cost_micro_usd(1_000, 500) == 450


def test_a_template_knows_its_variables() -> None:
    template = a_template(
        content="Dear {{ name }}, {{greeting}}! {{name}} {not this} {{ nor-this }}"
    )

    assert template.variables == {"name", "greeting"}


def test_a_value_that_looks_like_a_hole_is_never_filled_again() -> None:
    template = a_template(content="{{first}} and {{second}}")

    rendered = template.render({"first": "{{second}}", "second": r"\1 {{first}}"})

    assert rendered == r"{{second}} and \1 {{first}}"


@pytest.mark.parametrize("given", [{}, {"name": "Ani", "extra": "x"}, {"other": "x"}])
def test_a_template_takes_exactly_its_variables(given: dict[str, str]) -> None:
    with pytest.raises(TemplateVariables) as refusal:
        a_template(content="Dear {{name}}").render(given)

    assert refusal.value.pointer == "/variables"
    assert refusal.value.code == "template_variables"


@pytest.mark.parametrize("content", ["", " \n", "x" * 100_001])
def test_a_template_says_something_and_not_too_much(content: str) -> None:
    with pytest.raises(PromptTemplateRejected) as refusal:
        a_template(content=content)

    assert refusal.value.pointer == "/content"


def test_what_is_not_in_the_catalogue_is_refused_by_name() -> None:
    catalogue = Catalogue({"off": a_config("off", is_active=False)}, {})

    for name in ("off", "'; drop table jobs;--"):
        with pytest.raises(ConfigNotFound) as refusal:
            catalogue.config(name)
        assert refusal.value.code == "config_not_found"
    with pytest.raises(TemplateNotFound) as no_template:
        catalogue.template("nope")
    assert no_template.value.code == "template_not_found"


def a_catalogue(**changes: Any) -> Catalogue:
    configs = [
        a_config("smart", fallbacks=("claude", "offline"), **changes),
        a_config("claude", provider=Provider.ANTHROPIC, api_key_env="ANTHROPIC_API_KEY"),
        an_offline_config(),
    ]
    return Catalogue({config.name: config for config in configs}, {})


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (BOTH_KEYS, ["smart", "claude"]),
        (frozenset({"OPENAI_API_KEY"}), ["smart"]),
        (frozenset({"ANTHROPIC_API_KEY"}), ["claude"]),
        (NO_KEYS, ["offline"]),
    ],
)
def test_the_offline_model_answers_only_where_no_real_one_can_be_asked(
    keys: frozenset[str], expected: list[str]
) -> None:
    candidates = a_catalogue().candidates("smart", keys)

    assert [config.name for config in candidates] == expected


def test_a_config_without_a_key_or_a_fallback_is_still_tried() -> None:
    catalogue = Catalogue({"smart": a_config()}, {})

    assert catalogue.candidates("smart", NO_KEYS) == [a_config()]


def test_an_inactive_config_has_no_candidates() -> None:
    with pytest.raises(ConfigNotFound):
        a_catalogue(is_active=False).candidates("smart", BOTH_KEYS)

"""Nothing that is written down tells a secret."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from shared.redaction import HIDDEN, describe, mask, mask_phone, redact

CANARY = "canary-4711"


@dataclass
class Row:
    prompt: str


class Order(BaseModel):
    quantity: int


@pytest.mark.parametrize(
    "name",
    [
        "prompt",
        "system_prompt",
        "text",
        "result",
        "authorization",
        "Authorization",
        "X-Api-Key",
        "api_key",
        "apikey",
        "encryption_key",
        "password",
        "lease_token",
        "callback_secret",
        "variables",
    ],
)
def test_a_secret_name_hides_its_value(name: str) -> None:
    assert redact({name: CANARY}) == {name: HIDDEN}
    assert redact({name: {"inner": CANARY}}) == {name: HIDDEN}


@pytest.mark.parametrize("name", ["code", "job_id", "input_tokens", "prompts", "queue", "monkey"])
def test_other_names_are_left_alone(name: str) -> None:
    assert redact({name: "llm_unavailable"}) == {name: "llm_unavailable"}


def test_a_secret_is_found_inside_lists_and_mappings() -> None:
    facts = {"headers": [{"authorization": CANARY}, {"retry-after": "5"}]}

    assert redact(facts) == {"headers": [{"authorization": HIDDEN}, {"retry-after": "5"}]}


def test_what_is_nested_too_deep_is_hidden() -> None:
    endless: dict[str, object] = {}
    endless["again"] = endless

    assert HIDDEN in str(redact(endless))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key sk-proj-abcdefgh12345678 refused", "key sk-••• refused"),
        ("key sk-ant-api03-abcdefgh refused", "key sk-••• refused"),
        ("SB-Mid-server-abcdefgh", "SB-Mid-server-•••"),
        ("xnd_development_abcdefgh", "xnd_•••"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer •••"),
        ("postgresql://root:p@ss@127.0.0.1/app", "postgresql://•••@127.0.0.1/app"),
        ("GET /x?api_key=abc&page=2", "GET /x?api_key=•••&page=2"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def", "eyJ•••"),
        ("call +62 812-3456-7890 now", "call +62•••7890 now"),
        ("628123456789@c.us", "+62•••6789@c.us"),
    ],
)
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "01939f5c-62ab-7000-8000-621234567890",
        "took 1733000000123 ns",
        "a task-oriented risk-averse plan",
        "amqp://127.0.0.1:5672/",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+6281234561234", "+62•••1234"),
        ("6281234561234@c.us", "+62•••1234"),
        ("081234561234", "•••1234"),
        ("12345", "•••"),
    ],
)
def test_a_phone_number_keeps_its_country_and_its_end(number: str, masked: str) -> None:
    assert mask_phone(number) == masked
    assert redact({"phone": number}) == {"phone": masked}


def test_a_number_under_a_phones_name_is_masked_as_well() -> None:
    assert redact({"customer_phone": 6281234561234}) == {"customer_phone": "+62•••1234"}


def test_only_values_whose_text_is_their_meaning_are_spelled_out() -> None:
    facts = {
        "job_id": UUID(int=7),
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "row": Row(CANARY),
        "message": Order(quantity=3),
        "key_of": SecretStr(CANARY),
        "raw": CANARY.encode(),
        "tries": 3,
        "missing": None,
    }

    assert redact(facts) == {
        "job_id": "00000000-0000-0000-0000-000000000007",
        "at": "2026-01-01 00:00:00+00:00",
        "row": "<Row>",
        "message": "<Order>",
        "key_of": "<SecretStr>",
        "raw": "<bytes>",
        "tries": 3,
        "missing": None,
    }


def test_endless_text_is_cut() -> None:
    assert len(mask("a" * 10_000)) < 1_000


def test_an_error_is_described_with_its_causes_and_places_but_without_what_it_quotes() -> None:
    def read_order() -> None:
        try:
            Order.model_validate({"quantity": CANARY})
        except ValidationError as quoting:
            raise LookupError("no such order, asked with sk-abcdefgh12345678") from quoting

    with pytest.raises(LookupError) as raised:
        read_order()
    told = describe(raised.value)

    assert told.splitlines()[0] == "LookupError: no such order, asked with sk-•••"
    assert "ValidationError: 1 validation error for Order" in told
    assert "tests/shared/test_redaction.py:" in told
    assert CANARY not in told


def test_every_error_of_a_group_is_described() -> None:
    group = ExceptionGroup("two failed", [ValueError("first"), KeyError("second")])

    assert describe(group).splitlines() == [
        "ExceptionGroup: two failed (2 sub-exceptions)",
        "ValueError: first",
        "KeyError: 'second'",
    ]

"""What statuses, error bodies and headers mean: tables, without a provider."""

from collections.abc import Mapping

import pytest

from shared.llm.failures import ProviderFailed, bad_answer, no_answer, pause, refused, retry_after
from tests.shared.llm.builders import a_call

NOON = "Mon, 04 May 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        # OpenAI says "invalid request" about a wrong key: the status knows better.
        (401, {"type": "invalid_request_error", "code": None}, "llm_auth"),
        (403, {"code": "unsupported_country_region_territory"}, "llm_auth"),
        (429, {"type": "insufficient_quota", "code": "insufficient_quota"}, "llm_auth"),
        (429, {"type": "tokens", "code": "rate_limit_exceeded"}, "llm_unavailable"),
        (400, {"code": "billing_hard_limit_reached"}, "llm_auth"),
        (400, {"message": "You have reached your specified API usage limits."}, "llm_auth"),
        (400, {"type": "invalid_request_error"}, "llm_rejected"),
        (425, {}, "llm_unavailable"),
        (409, {}, "llm_unavailable"),
        (302, {}, "llm_bad_answer"),
        # inside an answer that began with 200
        (200, {"type": "overloaded_error"}, "llm_unavailable"),
        (200, {"type": "rate_limit_error"}, "llm_unavailable"),
        (200, {"type": "something_new"}, "llm_unavailable"),
        (200, {"type": "invalid_request_error"}, "llm_rejected"),
        (200, {"type": "authentication_error"}, "llm_auth"),
        # gateways put the status of the provider behind them into the body
        (200, {"code": 401}, "llm_auth"),
        (200, {"code": 502, "message": "Provider returned error"}, "llm_unavailable"),
    ],
)
def test_an_error_has_a_meaning(status: int, error: Mapping[str, object], code: str) -> None:
    assert refused(status, {}, {"error": error}).code == code


@pytest.mark.parametrize("body", [None, [], "no", {}, {"error": None}, {"error": "no"}, 7])
def test_a_status_alone_is_enough(body: object) -> None:
    failed = refused(503, {}, body)

    assert (failed.code, failed.detail) == ("llm_unavailable", "HTTP 503")


def test_a_detail_names_the_error_and_quotes_no_sentence() -> None:
    error = {
        "code": "model_not_found",
        "param": "model",
        "message": "no model for the prompt 'my secret'",
    }

    assert refused(404, {}, {"error": error}).detail == "HTTP 404 model_not_found model"


@pytest.mark.parametrize("name", ["two words", "x" * 65, "<script>", "sk-proj-0123456789abcdef"])
def test_what_is_no_name_is_not_repeated(name: str) -> None:
    assert name not in refused(400, {}, {"error": {"code": name}}).detail


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        ({"param": "temperature"}, "temperature"),
        ({"message": "`temperature` is deprecated for this model."}, "temperature"),
        ({"message": "Unsupported parameter: 'max_tokens'. Use 'other' instead."}, "max_tokens"),
        ({"message": "no such thing"}, None),
    ],
)
def test_a_rejected_field_is_known(error: Mapping[str, object], blamed: str | None) -> None:
    assert refused(400, {}, {"error": error}).blames == blamed
    assert refused(500, {}, {"error": error}).blames is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "3600"}, 60.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "Mon, 04 May 2026 12:00:20 GMT", "date": NOON}, 20.0),
        ({"retry-after": "Mon, 04 May 2026 11:59:00 GMT", "date": NOON}, 0.0),
        ({"retry-after": "Mon, 04 May 2026 12:00:20 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "in a while"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after_is_read_in_every_form(
    headers: Mapping[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_pauses_double_up_to_eight_seconds_and_vary_in_full() -> None:
    failed = ProviderFailed("llm_unavailable", "")

    longest = [pause(failed, tries, retries=10, jitter=1.0) for tries in range(1, 8)]

    assert longest == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert pause(failed, 3, retries=10, jitter=0.0) == 0.0


@pytest.mark.parametrize(
    ("failed", "tries", "retries", "is_tried_again"),
    [
        (ProviderFailed("llm_unavailable", ""), 2, 2, True),
        (ProviderFailed("llm_unavailable", ""), 3, 2, False),
        (ProviderFailed("llm_unavailable", ""), 1, 0, False),
        (ProviderFailed("llm_unavailable", "", retry_after_s=5.0), 1, 2, True),
        (ProviderFailed("llm_unavailable", "", retry_after_s=5.1), 1, 2, False),
        (ProviderFailed("llm_unavailable", "", is_skip=True), 1, 2, False),
        (bad_answer(""), 1, 2, True),
        (bad_answer(""), 2, 2, False),
        (bad_answer(""), 1, 0, False),
        (ProviderFailed("llm_auth", ""), 1, 2, False),
        (ProviderFailed("llm_rejected", ""), 1, 2, False),
    ],
)
def test_only_what_may_pass_is_tried_again(
    failed: ProviderFailed, tries: int, retries: int, is_tried_again: bool
) -> None:
    assert (pause(failed, tries, retries, jitter=0.5) is not None) is is_tried_again


def test_the_failure_that_passes_soonest_speaks_for_all() -> None:
    failures = [
        ("a", ProviderFailed("llm_auth", "HTTP 401")),
        ("b", ProviderFailed("llm_unavailable", "HTTP 429", retry_after_s=40)),
        ("c", ProviderFailed("llm_unavailable", "HTTP 429", retry_after_s=20)),
        ("d", ProviderFailed("llm_rejected", "HTTP 400")),
    ]

    told = no_answer(failures, [a_call()])

    assert (told.code, told.retry_after_s, told.calls) == ("llm_unavailable", 20, [a_call()])
    assert told.detail == "a: HTTP 401; b: HTTP 429; c: HTTP 429; d: HTTP 400"


def test_where_nothing_passes_the_last_failure_speaks() -> None:
    failures = [
        ("a", ProviderFailed("llm_auth", "HTTP 401")),
        ("b", ProviderFailed("llm_rejected", "HTTP 400")),
    ]

    assert no_answer(failures, []).code == "llm_rejected"

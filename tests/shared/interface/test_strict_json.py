"""JSON with one meaning."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.interface.problems import Problem
from shared.interface.strict_json import DEEPEST, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner))


@given(st.dictionaries(TEXT, VALUES), st.booleans())
def test_an_ordinary_object_comes_back_as_it_was(value: dict[str, Any], ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary())
def test_no_bytes_bring_it_down(raw: bytes) -> None:
    with suppress(Problem):
        assert isinstance(parse(raw), dict)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1,}',
        b'{"a":01}',
        b"{'a':1}",
        b'{"a":1}{',
        b'{"a":"\x00"}',
        b'{"a":"\n"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":-1e999}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse(raw)

    assert (refused.value.status_code, refused.value.code) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("raw", "pointer", "code"),
    [
        (b"[]", "", "wrong_type"),
        (b'"x"', "", "wrong_type"),
        (b"null", "", "wrong_type"),
        (b"1", "", "wrong_type"),
        (b"true", "", "wrong_type"),
        (b'{"a":1,"a":1}', "/a", "duplicate_key"),
        (b'{"x":[{"a":1},{"a":1,"b":2,"a":3}]}', "/x/1/a", "duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "/a", "duplicate_key"),
        (b'{"a":"x\\u0000y"}', "/a", "nul_character"),
        (b'{"a":["ok",{"b":"\\u0000"}]}', "/a/1/b", "nul_character"),
        (b'{"x":{"a\\u0000":1}}', "/x/a\0", "nul_character"),
        (b'{"a":"\\ud800"}', "/a", "invalid_unicode"),
        (b'{"a":"\\uDC00 \\uD800"}', "/a", "invalid_unicode"),
        (b'{"\\ud800":1}', "/?", "invalid_unicode"),
        (b'{"a":9223372036854775808}', "/a", "number_too_large"),
        (b'{"a":[1,-9223372036854775809]}', "/a/1", "number_too_large"),
        (b'{"a":' + b"9" * 5_000 + b"}", "/a", "number_too_large"),
        (b'{"a/b":{"c~d":"\\u0000"}}', "/a~1b/c~0d", "nul_character"),
        (b'{"a":' + b"[" * 64 + b"1" + b"]" * 64 + b"}", "/a" + "/0" * 63, "too_deep"),
    ],
    ids=lambda given: repr(given)[:30],
)
def test_what_is_odd_is_pointed_at(raw: bytes, pointer: str, code: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(raw)

    [mistake] = refused.value.errors
    assert (refused.value.status_code, refused.value.code) == (422, "validation_failed")
    assert (mistake.pointer, mistake.code) == (pointer, code)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":9223372036854775807,"b":-9223372036854775808}',
        b'{"a":"\\ud83d\\ude00 \\\\ud800 \\\\u0000"}',
        b'{"a":' + b"[" * (DEEPEST - 1) + b"1" + b"]" * (DEEPEST - 1) + b"}",
        b'{"a":"' + b"[{" * 500 + b'"}',
        b'  {"a" : [ { "b" : 1 } , { "b" : 1 } ] }  ',
        b'{"a":1e308,"b":-0.0,"c":1E-400}',
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_what_only_looks_odd_is_taken(raw: bytes) -> None:
    assert parse(raw) == json.loads(raw)


def test_an_absurd_key_is_not_quoted_in_full() -> None:
    with pytest.raises(Problem) as refused:
        parse(b'{"' + b"k" * 100_000 + b'":"\\u0000"}')

    assert len(refused.value.errors[0].pointer) <= 200

"""Tool calls as models say them: arguments read strictly, pieces put together, odd shapes kept."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.llm.chat import ToolCall
from shared.llm.tool_calls import MOST_CALLS, RAW_LIMIT, HeardCalls, names_of, read_arguments


@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        ('{"query": "kopi", "limit": 3}', {"query": "kopi", "limit": 3}),
        (' \n{"query": "kopi"}\n ', {"query": "kopi"}),
        ("{}", {}),
        # of a tool that takes none
        ("", {}),
        (" ", {}),
        # said twice over, or followed by words
        ('"{\\"query\\": \\"kopi\\"}"', {"query": "kopi"}),
        ('{"query": "kopi"} Let me look that up.', {"query": "kopi"}),
        ('{"query": "kopi"}{"query": "teh"}', {"query": "kopi"}),
        # nothing that a database could not hold
        ('{"a\\u0000b": ["c\\u0000", {"d": "\\u0000"}]}', {"ab": ["c", {"d": ""}]}),
        ('{"quantity": true, "price": null}', {"quantity": True, "price": None}),
    ],
)
def test_arguments_are_read(raw: str, arguments: Mapping[str, Any]) -> None:
    assert read_arguments(raw) == arguments


@pytest.mark.parametrize(
    "raw",
    [
        '{"query": "ko',
        '{"query": ',
        "query=kopi",
        "{'query': 'kopi'}",
        "null",
        "[]",
        '[{"query": "kopi"}]',
        "7",
        "true",
        '"kopi"',
        '"{\\"query\\": "',
        # three times over, or twice and then words: one repair is enough
        '"\\"{}\\""',
        '"{}" there',
        '{"quantity": NaN}',
        '{"quantity": 1e999}',
        '{"half": "\\ud83d"}',
        "\0",
        "[" * 100_000,
        '{"a":' * 100 + "1" + "}" * 100,
        '{"a":' * 5_000 + "1" + "}" * 5_000 + " there",
        "__import__('os').system('true')",
    ],
)
def test_what_is_no_json_object_has_no_arguments(raw: str) -> None:
    assert read_arguments(raw) is None


#: place, id, name, arguments
Piece = tuple[object, object, object, object]


def heard(*pieces: Piece) -> list[ToolCall]:
    calls = HeardCalls()
    for piece in pieces:
        calls.hear(*piece)
    return list(calls.finished())


def said(*pieces: Piece) -> list[tuple[str, str, str]]:
    return [(call.id, call.name, call.raw) for call in heard(*pieces)]


def test_pieces_make_a_call() -> None:
    (call,) = heard(
        (0, "c1", "search", ""), (0, None, None, '{"query":'), (0, None, None, ' "kopi"}')
    )

    assert call == ToolCall("c1", "search", {"query": "kopi"}, '{"query": "kopi"}')


def test_calls_are_told_apart_by_their_place() -> None:
    assert said(
        (0, "c1", "search", "{"), (1, "c1", "search", "["), (0, None, None, "}"), (1, "", "", "]")
    ) == [("c1", "search", "{}"), ("c1", "search", "[]")]


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        # a server that counts nothing
        ([(None, "a", "x", "{"), (None, None, None, "}"), (None, "b", "y", "{}")], "a:x:{} b:y:{}"),
        ([(None, "a", "x", "{"), (None, "a", "x", "}")], "a:x:{}"),
        # ... and gives no ids
        ([(None, None, "x", "{}"), (None, None, "x", "{}")], ":x:{} :x:{}"),
        # a server that gives every call one number
        ([(0, "a", "x", "{}"), (0, "b", "x", "{}"), (0, "b", None, " ")], "a:x:{} b:x:{} "),
        # a name or an id that comes late, or again and again
        ([(0, None, None, "{"), (0, "a", "x", "}")], "a:x:{}"),
        ([(0, "a", "x", "{"), (0, "a", "x", "}")], "a:x:{}"),
        # arguments as JSON, not as a text
        ([(0, "a", "x", {"b": [1]})], 'a:x:{"b":[1]}'),
        ([(0, "a", "x", [1])], "a:x:[1]"),
        # nothing at all
        ([(0, None, None, None)], "::"),
        ([(None, None, None, None)], "::"),
        ([(0, 7, "functions.x", "{}")], "7:functions.x:{}"),
        ([(0, {"odd": 1}, ["odd"], "{}")], "::{}"),
    ],
)
def test_odd_servers_are_understood(pieces: list[Piece], calls: str) -> None:
    assert " ".join(map(":".join, said(*pieces))) == calls


def test_what_cannot_be_stored_is_left_out() -> None:
    assert said((0, "i\0d", "na\0me\ud83d", 'a\0b"\ud83d"')) == [("id", "name?", 'ab"?"')]


def test_long_ids_and_many_calls_are_kept() -> None:
    calls = heard(*((number, "x" * 500, "search", "{}") for number in range(50)))

    assert [len(call.id) for call in calls] == [500] * 50


def test_what_has_no_end_is_cut() -> None:
    calls = HeardCalls()
    for number in range(10_000):
        calls.hear(number, "i" * 10_000, "n" * 10_000, '{"a": "')
    for _ in range(1_000):
        calls.hear(0, None, None, "x" * 1_000)

    kept = calls.finished()
    assert len(kept) == MOST_CALLS
    assert (kept[0].arguments, len(kept[0].raw)) == (None, RAW_LIMIT)
    assert max(len(call.id) + len(call.name) for call in kept) == 2_000
    # Paid for is all of it.
    assert calls.size > 1_000_000


def test_arguments_that_are_too_long_are_not_read() -> None:
    fits, spills = '{"a": "%s"}' % ("x" * 16_000), '{"a": "%s"}' % ("x" * 17_000)

    first, second = heard((0, "a", "x", fits), (1, "b", "x", spills))

    assert first.arguments == {"a": "x" * 16_000}
    assert (second.arguments, second.raw) == (None, spills[:RAW_LIMIT])


def test_printing_or_naming_a_call_shows_no_argument() -> None:
    (call,) = heard((0, "c1", "search", '{"query": "secret"}'))
    (odd,) = heard((0, "c2", "my secret\nline", "secret"))

    assert "secret" not in repr(call)
    assert names_of([call, odd]) == ["search", "?"]

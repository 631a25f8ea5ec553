"""Requests that nobody means: ordinary ones, each spoilt in a way that a seed decides."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import quote_from_bytes

import orjson

Whom = Literal["gateway", "engine"]
JSON = {"Content-Type": "application/json"}

#: JSON, or nearly, for the place of any value
STRANGE = (
    *(b"null", b"[]", b"{}", b"true", b"-0", b"0.1", b"1e999", b"NaN", b"-Infinity", b'""'),
    *(b'"\\u0000"', b'"\\ud800"', b'"\\u200b"', b'"\xff\xfe"', b'"\\u202e"', b'"{{name}}"'),
    *(b"9" * 5_000, b"18446744073709551616", b"-9223372036854775809", b'{"a":1,"a":2}'),
    *(b"[" * 63 + b"]" * 63, b"[" * 100_000, b'{"a":' * 1_000 + b"1" + b"}" * 1_000),
    *(b'"' + b"x" * 40_000 + b'"', b"[" + b"0," * 20_000 + b"0]", '"☕"'.encode() * 3),
    *(b'"\'; drop table gateway.jobs;--"', b'"http://169.254.169.254/"', b'"../../etc/passwd"'),
)
HEADERS: tuple[Mapping[str, str], ...] = (
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=utf-16"},
    {**JSON, "Content-Encoding": "gzip"},
    {**JSON, "Idempotency-Key": "x" * 256},
    {**JSON, "Idempotency-Key": "a key"},
    {**JSON, "Authorization": "Bearer aip_nobody"},
    {**JSON, "X-Request-Id": "x" * 9_000},
    {**JSON, **{f"X-Odd-{number}": "x" for number in range(120)}},
)


@dataclass(frozen=True)
class Hostile:
    """One request, and which service it goes to."""

    whom: Whom
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


def of(whom: Whom, path: str, **body: object) -> Hostile:
    return Hostile(whom, "POST", path, orjson.dumps(body))


MEANT = (
    *[of("gateway", "/v1/jobs", prompt="hi", mode="single", metadata={"a": [1]}, variables={})] * 4,
    of("gateway", "/v1/jobs", prompt="hi", thread_id="t", needs_moderation=True),
    of("engine", "/v1/llm-configs", name="odd", provider="offline", model_name="offline-1"),
    of("engine", "/v1/prompt-templates", name="odd", content="Dear {{name}}", description=""),
)
PATHS: tuple[tuple[Whom, str], ...] = (
    ("gateway", "/v1/jobs/"),
    ("gateway", "/v1/jobs?cursor="),
    ("gateway", "/v1/jobs?limit="),
    ("gateway", "/v1/jobs?created_after="),
    ("engine", "/v1/llm-configs/"),
    ("engine", "/v1/usage?from="),
)


def hostile(chance: random.Random) -> Hostile:
    """The next one."""
    if chance.random() < 0.15:
        whom, path = chance.choice(PATHS)
        return Hostile(whom, "GET", path + quote_from_bytes(_noise(chance)), headers={})
    meant = chance.choice(MEANT)
    if chance.random() < 0.1:
        return replace(meant, headers=chance.choice(HEADERS))
    body = meant.body
    for _ in range(chance.randint(1, 3)):
        body = chance.choice(SPOILERS)(body, chance)
    return replace(meant, body=body)


def _noise(chance: random.Random) -> bytes:
    return chance.choice((chance.randbytes(chance.randint(0, 40)), b"a" * 4_000, b"..%00", b"0"))


def _cut(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randint(0, len(body))]


def _flip(body: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(body))
    return body[:at] + chance.randbytes(chance.randint(1, 4)) + body[at + 1 :]


def _repeat(body: bytes, chance: random.Random) -> bytes:
    first, last = sorted(chance.randint(0, len(body)) for _ in "ab")
    return body[:last] + body[first:last] * 2 + body[last:]


def _put_in(body: bytes, chance: random.Random) -> bytes:
    """Something strange in the place of one of its values."""
    keys = [at for at in range(len(body)) if body[at : at + 1] == b":"]
    if not keys:
        return chance.choice(STRANGE)
    at = chance.choice(keys) + 1
    return body[:at] + chance.choice(STRANGE) + b"," + body[at:].partition(b",")[2]


def _replace_value(body: bytes, chance: random.Random) -> bytes:
    """The same, and the rest stays JSON."""
    head, colon, rest = body.rpartition(b":")
    return head + colon + chance.choice(STRANGE) + b"}" if colon else rest


def _add_key(body: bytes, chance: random.Random) -> bytes:
    key = chance.choice((b"promt", b"prompt", b"tenant_id", b"is_admin", b"\\u0000", b"name"))
    return body[:-1] + b',"' + key + b'":' + chance.choice(STRANGE) + b"}"


def _swell(body: bytes, chance: random.Random) -> bytes:
    """Up to twice as large as a body may be."""
    return b" " * int(2_000_000 * chance.random() ** 4) + body


SPOILERS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_cut, _flip, _repeat, _put_in, _replace_value, _add_key, _swell),
)

"""Anthropic's messages, as its own SDK expects them on the wire."""

from collections.abc import Mapping
from typing import Any

import orjson

from simulators import perception
from simulators.dialect import (
    NO_QUOTA_KEY,
    WRONG_KEY,
    Unreadable,
    is_list,
    mapping,
    model_name,
    names,
    sequence,
    words,
)
from simulators.exchange import Exchange
from simulators.faults import Failure
from simulators.model import Question, Reply, ToolCall

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
#: OpenAI's word for why a model stopped -> Anthropic's; any other stays as it is
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
#: the answer to `GET /models`; any other name is accepted too
MODELS = orjson.dumps(
    {
        "data": [
            {
                "type": "model",
                "id": name,
                "display_name": name,
                "created_at": "2024-02-29T00:00:00Z",
            }
            for name in ("claude-sonnet-5", "claude-haiku-4-5")
        ],
        "has_more": False,
        "first_id": "claude-sonnet-5",
        "last_id": "claude-haiku-4-5",
    }
)
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class Anthropic:
    """Fits `simulators.dialect.Dialect`."""

    name = "anthropic"
    request_id_header = b"request-id"

    def refusal(self, exchange: Exchange) -> Failure | None:
        bearer = exchange.header(b"authorization").removeprefix("Bearer ")
        key = exchange.header(b"x-api-key") or bearer
        if not key.strip():
            return Failure(401, "x-api-key header is required")
        if key == WRONG_KEY:
            return Failure(401, "invalid x-api-key")
        if key == NO_QUOTA_KEY:
            return Failure(400, "Your credit balance is too low to access the Anthropic API.")
        if not exchange.header(b"anthropic-version"):
            return Failure(400, "anthropic-version: header is required")
        return None

    def read(self, body: Mapping[str, Any]) -> Question:
        model = model_name(body)
        if not isinstance(body.get("max_tokens"), int):
            raise Unreadable("max_tokens: Field required")
        messages = [mapping(one, "messages") for one in sequence(body.get("messages"), "messages")]
        system = words(body.get("system"))
        said = [words(one.get("content")) for one in messages if one.get("role") == "user"]
        result = _tool_result(messages[-1])
        return Question(
            model=model,
            stream=body.get("stream") is True,
            system=system,
            # A message that only hands over a tool's result has no words of the user's.
            user=next((text for text in reversed(said) if text), ""),
            tool_result=result,
            forced_tool=_forced_tool(body),
            perceived=perception.shown([one.get("content") for one in messages]),
            characters=len(system) + sum(len(text) for text in said) + len(result or ""),
            facts=_facts(body, system),
        )

    def whole(self, question: Question, reply: Reply, request_id: str) -> bytes:
        content: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
        content += [
            {**_tool_use(i, call, request_id), "input": _parsed(call)}
            for i, call in enumerate(reply.tool_calls)
        ]
        message = _message(question, request_id) | {
            "content": [] if reply.is_empty else content,
            "stop_reason": _stop_reason(reply),
        }
        return orjson.dumps(message | _usage(reply, output=True))

    def stream(self, question: Question, reply: Reply, request_id: str) -> list[bytes]:
        opened = _message(question, request_id) | _usage(reply, output=False)
        closing: dict[str, Any] = {
            "delta": {"stop_reason": _stop_reason(reply), "stop_sequence": None}
        }
        closing |= _usage(reply, output=True)
        events = [_event("message_start", message=opened), PING]
        if not reply.is_empty:
            events += _blocks(reply, request_id)
        return [*events, _event("message_delta", **closing), _event("message_stop")]

    def error(self, failure: Failure, request_id: str) -> bytes:
        return orjson.dumps(_error(failure, request_id))

    def error_event(self, failure: Failure, request_id: str) -> bytes:
        return b"event: error\ndata: %s\n\n" % orjson.dumps(_error(failure, request_id))


def _facts(body: Mapping[str, Any], system: str) -> dict[str, Any]:
    return {
        "system": system,
        "messages": len(body["messages"]),
        "temperature": body.get("temperature"),
        "max_tokens": body["max_tokens"],
        "tools": names(body.get("tools")),
    }


def _forced_tool(body: Mapping[str, Any]) -> str | None:
    match body.get("tool_choice"):
        case {"type": "tool", "name": str(name)}:
            return name
        case {"type": "any"}:
            offered = names(body.get("tools"))
            if not offered:
                raise Unreadable("tool_choice: 'any' needs tools")
            return offered[0]
        case _:
            return None


def _tool_result(message: Mapping[str, Any]) -> str | None:
    content = message.get("content")
    if not is_list(content):
        return None
    parts = [mapping(part, "content") for part in content]
    results = [words(part.get("content")) for part in parts if part.get("type") == "tool_result"]
    return "\n".join(results) if results else None


def _message(question: Question, request_id: str) -> dict[str, Any]:
    return {
        "id": f"msg_{request_id}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(reply: Reply, *, output: bool) -> dict[str, Any]:
    if reply.usage is None:
        return {}
    # At its start a stream has hardly said anything; its last event tells the whole.
    asked, said = reply.usage
    counts = {"input_tokens": asked, "output_tokens": said if output else 1}
    return {
        "usage": counts | {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
    }


def _stop_reason(reply: Reply) -> str:
    return STOP_REASONS.get(reply.finish_reason, reply.finish_reason)


def _tool_use(i: int, call: ToolCall, request_id: str) -> dict[str, Any]:
    name = f"toolu_{request_id}_{i}" if call.id is None else call.id
    return {"type": "tool_use", "id": name, "name": call.name}


def _parsed(call: ToolCall) -> object:
    try:
        return orjson.loads(call.arguments_json)
    except orjson.JSONDecodeError:
        return call.arguments  # a model that wrote nonsense; whole answers cannot show it otherwise


def _blocks(reply: Reply, request_id: str) -> list[bytes]:
    events: list[bytes] = []
    index = 0
    if reply.text or not reply.tool_calls:
        deltas = [{"type": "text_delta", "text": piece} for piece in reply.text_pieces()]
        events += _block(0, {"type": "text", "text": ""}, deltas)
        index = 1
    for i, call in enumerate(reply.tool_calls):
        text = call.arguments_json
        # The arguments come in pieces, as they do from a model that is writing them.
        pieces = ["", text[: len(text) // 2], text[len(text) // 2 :]]
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        events += _block(index + i, _tool_use(i, call, request_id) | {"input": {}}, deltas)
    return events


def _block(index: int, opened: dict[str, Any], deltas: list[dict[str, str]]) -> list[bytes]:
    return [
        _event("content_block_start", index=index, content_block=opened),
        *(_event("content_block_delta", index=index, delta=delta) for delta in deltas),
        _event("content_block_stop", index=index),
    ]


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def _error(failure: Failure, request_id: str) -> dict[str, Any]:
    kind = failure.code or ERRORS.get(failure.status, "api_error")
    error = {"type": kind, "message": failure.message}
    return {"type": "error", "error": error, "request_id": request_id}

"""OpenAI's chat completions, as its own SDK expects them on the wire."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from simulators import perception
from simulators.dialect import (
    NO_QUOTA_KEY,
    WRONG_KEY,
    Unreadable,
    mapping,
    model_name,
    names,
    sequence,
    words,
)
from simulators.exchange import Exchange
from simulators.faults import Failure
from simulators.model import Question, Reply

DONE = b"data: [DONE]\n\n"
SYSTEM_ROLES = {"system", "developer"}

#: status -> the error's type and its usual code
ERRORS: dict[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("service_unavailable_error", None),
}
NO_QUOTA = "insufficient_quota"

#: the answer to `GET /models`; any other name is accepted too
MODELS = orjson.dumps(
    {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "simulators"}
            for name in ("gpt-4o", "gpt-4o-mini", "gpt-4-turbo")
        ],
    }
)


class OpenAI:
    """Fits `simulators.dialect.Dialect`."""

    name = "openai"
    request_id_header = b"x-request-id"

    def refusal(self, exchange: Exchange) -> Failure | None:
        scheme, _, key = exchange.header(b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return Failure(401, "You didn't provide an API key.", code="missing_api_key")
        if key == WRONG_KEY:
            return Failure(401, "Incorrect API key provided: wrong-key.")
        if key == NO_QUOTA_KEY:
            return Failure(429, "You exceeded your current quota.", code=NO_QUOTA)
        return None

    def read(self, body: Mapping[str, Any]) -> Question:
        model = model_name(body)
        messages = [mapping(one, "messages") for one in sequence(body.get("messages"), "messages")]
        said = [(str(one.get("role")), words(one.get("content"))) for one in messages]
        system = "\n".join(text for role, text in said if role in SYSTEM_ROLES)
        return Question(
            model=model,
            stream=body.get("stream") is True,
            system=system,
            user=next((text for role, text in reversed(said) if role == "user"), ""),
            tool_result=said[-1][1] if said[-1][0] == "tool" else None,
            forced_tool=_forced_tool(body),
            wants_usage=_wants_usage(body),
            perceived=perception.shown([one.get("content") for one in messages]),
            characters=sum(len(text) for _, text in said),
            facts=_facts(body, system),
        )

    def whole(self, question: Question, reply: Reply, request_id: str) -> bytes:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": reply.text or (None if reply.tool_calls else ""),
            "refusal": None,
        }
        if reply.tool_calls:
            message["tool_calls"] = _tool_calls(reply, request_id)
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": reply.finish_reason,
        }
        completion = {
            **_head(question, request_id, "chat.completion"),
            "choices": [] if reply.is_empty else [choice],
        }
        return orjson.dumps(completion | _usage(reply))

    def stream(self, question: Question, reply: Reply, request_id: str) -> list[bytes]:
        head = _head(question, request_id, "chat.completion.chunk")
        if question.wants_usage:
            head["usage"] = None
        chunks = [
            {
                **head,
                "choices": [
                    {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
                ],
            }
            for delta, finish in _deltas(reply, request_id)
        ]
        if question.wants_usage and reply.usage:
            chunks.append({**head, "choices": [], **_usage(reply)})
        return [*(_event(chunk) for chunk in chunks), DONE]

    def error(self, failure: Failure, request_id: str) -> bytes:  # noqa: ARG002 - in the header only
        return orjson.dumps(_error(failure))

    def error_event(self, failure: Failure, request_id: str) -> bytes:  # noqa: ARG002
        return _event(_error(failure))


def _facts(body: Mapping[str, Any], system: str) -> dict[str, Any]:
    return {
        "system": system,
        "messages": len(body["messages"]),
        "temperature": body.get("temperature"),
        "max_tokens": body.get("max_completion_tokens", body.get("max_tokens")),
        "tools": names(body.get("tools")),
    }


def _wants_usage(body: Mapping[str, Any]) -> bool:
    match body.get("stream_options"):
        case {"include_usage": True}:
            return True
        case _:
            return False


def _forced_tool(body: Mapping[str, Any]) -> str | None:
    match body.get("tool_choice"):
        case {"type": "function", "function": {"name": str(name)}}:
            return name
        case "required":
            offered = names(body.get("tools"))
            if not offered:
                raise Unreadable("tool_choice: 'required' needs tools")
            return offered[0]
        case _:
            return None


def _head(question: Question, request_id: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request_id}",
        "object": kind,
        "created": int(time.time()),
        "model": question.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    }


def _usage(reply: Reply) -> dict[str, Any]:
    if reply.usage is None:
        return {}
    asked, said = reply.usage
    counts = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return {"usage": counts}


def _tool_calls(reply: Reply, request_id: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{request_id}_{i}" if call.id is None else call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments_json},
        }
        for i, call in enumerate(reply.tool_calls)
    ]


def _deltas(reply: Reply, request_id: str) -> Sequence[tuple[dict[str, Any], str | None]]:
    if reply.is_empty:
        return []
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": "", "refusal": None}, None)
    ]
    deltas += [({"content": piece}, None) for piece in reply.text_pieces()]
    for i, call in enumerate(_tool_calls(reply, request_id)):
        function = call["function"]
        # The arguments come in pieces, as they do from a model that is writing them.
        middle = len(function["arguments"]) // 2
        opened = {**call, "index": i, "function": {**function, "arguments": ""}}
        deltas.append(({"tool_calls": [opened]}, None))
        for piece in (function["arguments"][:middle], function["arguments"][middle:]):
            deltas.append(({"tool_calls": [{"index": i, "function": {"arguments": piece}}]}, None))
    deltas.append(({}, reply.finish_reason))
    return deltas


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: %s\n\n" % orjson.dumps(chunk)


def _error(failure: Failure) -> dict[str, Any]:
    kind, code = ERRORS.get(failure.status, ("server_error", None))
    code = failure.code or code
    if code == NO_QUOTA:
        kind = NO_QUOTA
    return {"error": {"message": failure.message, "type": kind, "param": None, "code": code}}

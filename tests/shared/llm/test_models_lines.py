"""What OpenAI's many imitators need, and what the wire puts up with from strange servers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from aiohttp import web
from pydantic import SecretStr

from shared.llm.catalogue import LLMConfig, Provider
from shared.llm.chat import ChatModels, Reply
from shared.llm.failures import ProviderFailed
from shared.llm.line import Line
from shared.llm.models import LangChainModels
from shared.llm.openai_model import build
from shared.llm.wire import Exchange, Form, Json, Wire
from tests.shared.llm.builders import a_config
from tests.shared.llm.provider_house import QUESTION, Listener, failure_of
from tests.shared.llm.strange_server import Answer, chunk, completion, hanging, server, stream


async def asked(models: ChatModels, config: LLMConfig, listener: Listener | None = None) -> Reply:
    return await models.reply([config], QUESTION, on_token=listener)


async def test_other_servers_are_told_the_limit_by_its_old_name(models: LangChainModels) -> None:
    async with server(completion({"content": "hi"})) as (config, bodies):
        await asked(models, config)

    assert (bodies[0]["max_tokens"], "max_completion_tokens" in bodies[0]) == (4096, False)


async def test_a_server_that_knows_only_the_new_name_is_understood(models: LangChainModels) -> None:
    says = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    refusal = web.json_response({"error": {"message": says, "param": "max_tokens"}}, status=400)
    async with server(refusal, *[completion({"content": "hi"}) for _ in "12"]) as (config, bodies):
        await asked(models, config)
        await asked(models, config)

    names = [[name for name in body if name.startswith("max_")] for body in bodies]
    assert names == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


class Paper(Wire):
    """Writes down what would have been sent, and blames the same field every time."""

    def __init__(self, blames: str | None = None) -> None:
        super().__init__()
        self.blames = blames
        self.sent: list[tuple[str, Mapping[str, str], Json]] = []

    async def ask(
        self, url: str, headers: Mapping[str, str], payload: Json | Form, exchange: Exchange
    ) -> Json:
        assert not isinstance(payload, Form)
        self.sent.append((url, headers, payload))
        raise ProviderFailed("llm_rejected", "no", blames=self.blames)


async def test_openai_itself_is_told_the_limit_by_its_new_name() -> None:
    paper = Paper()
    model = build(a_config(), paper, lambda: SecretStr("k"))

    with pytest.raises(ProviderFailed):
        await model._agenerate([], max_tokens=5)

    ((url, headers, payload),) = paper.sent
    assert url == "https://api.openai.com/v1/chat/completions"
    assert headers == {"Authorization": "Bearer k"}
    assert (payload["max_completion_tokens"], "max_tokens" in payload) == (5, False)


@pytest.mark.parametrize(
    ("blames", "payload", "sent"),
    [
        (None, {"temperature": 1}, [{"temperature": 1}]),
        ("messages", {"messages": 1}, [{"messages": 1}]),
        ("temperature", {"messages": 1}, [{"messages": 1}]),
        ("temperature", {"temperature": 1}, [{"temperature": 1}, {}]),
        ("max_tokens", {"max_tokens": 1}, [{"max_tokens": 1}, {"max_completion_tokens": 1}]),
    ],
)
async def test_a_rejected_request_is_put_differently_once_if_that_may_help(
    blames: str | None, payload: Json, sent: Sequence[Json]
) -> None:
    paper = Paper(blames)

    with pytest.raises(ProviderFailed):
        await Line(paper, "http://a-model", dict).ask(payload, Exchange())

    assert [payload for _, _, payload in paper.sent] == sent


async def test_a_polite_refusal_is_an_answer(models: LangChainModels) -> None:
    refusing = chunk(None, None).replace(
        b'"delta": {}', b'"delta": {"refusal": "I would rather not."}'
    )
    answers = (
        completion({"content": None, "refusal": "I would rather not."}),
        stream(refusing, chunk(None, "stop"), b"data: [DONE]"),
    )
    async with server(*answers) as (config, _):
        whole = await asked(models, config)
        streamed = await asked(models, config, Listener())

    assert whole.text == streamed.text == "I would rather not."


@pytest.mark.parametrize(
    "events",
    [
        (b": a comment", chunk("tea"), chunk(None, "stop"), b"data: [DONE]"),
        (b"event: message", b"id: 7", chunk("tea"), b"data: [DONE]"),
        (chunk("tea"), chunk("", "stop")),
        (chunk("tea").replace(b"data: ", b"data:"), b"data:[DONE]", b"data: after the end"),
        (b"data:", chunk("tea"), chunk("", "stop", usage={"prompt_tokens": "x"})),
    ],
)
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n"])
async def test_streams_are_read_in_every_common_form(
    models: LangChainModels, events: Sequence[bytes], end: bytes
) -> None:
    async with server(stream(*events, end=end)) as (config, _):
        reply = await asked(models, config, Listener())

    assert reply.text == "tea"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (stream(chunk("tea")), "llm_unavailable"),
        (stream(), "llm_unavailable"),
        (stream(b"data: 7"), "llm_bad_answer"),
        (stream(b"data: {"), "llm_bad_answer"),
        (stream(b'data: {"choices": "no"}'), "llm_bad_answer"),
        (stream(b"data: {}", content_type="application/json"), "llm_bad_answer"),
        (stream(b"<html>", content_type="text/html"), "llm_bad_answer"),
        (completion({"content": "whole"}), "llm_bad_answer"),
        (web.json_response({"error": {"code": 429}}), "llm_unavailable"),
        (web.json_response([]), "llm_bad_answer"),
    ],
)
async def test_what_is_no_stream_is_not_heard_as_one(
    models: LangChainModels, answer: Answer, code: str
) -> None:
    async with server(answer) as (config, _):
        failed = await failure_of(models, config, on_token=Listener())

    assert failed.code == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.json_response([1]), "llm_bad_answer"),
        (web.json_response({"choices": None}), "llm_bad_answer"),
        (web.json_response({"choices": [7]}), "llm_bad_answer"),
        (web.json_response({"choices": [{}]}), "llm_bad_answer"),
        (web.json_response({"error": {"message": "busy", "code": 503}}), "llm_unavailable"),
        (web.json_response({"error": "busy"}), "llm_unavailable"),
        (web.Response(body=b"\xff\xfe", content_type="application/json"), "llm_bad_answer"),
        (web.Response(body=b"[" * 100_000, content_type="application/json"), "llm_bad_answer"),
        (web.Response(body=b'{"choices": NaN}'), "llm_bad_answer"),
        (web.Response(text="<html>soon back</html>", content_type="text/html"), "llm_bad_answer"),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "llm_bad_answer"),
        (web.Response(status=500, body=b"x" * 2**20), "llm_unavailable"),
        (web.Response(status=401, text="<html>who are you?</html>"), "llm_auth"),
    ],
)
async def test_what_is_no_answer_is_not_taken_for_one(
    models: LangChainModels, answer: Answer, code: str
) -> None:
    async with server(answer) as (config, _):
        failed = await failure_of(models, config)

    assert failed.code == code


@pytest.mark.parametrize("name", ["x" * 201, "tïd", ""])
async def test_a_request_id_that_is_none_is_not_kept(models: LangChainModels, name: str) -> None:
    answer = completion({"content": "tea"})
    answer.headers["x-request-id"] = name
    async with server(answer) as (config, _):
        reply = await asked(models, config)

    assert reply.calls[0].request_id is None


async def test_a_finish_reason_that_is_none_is_not_repeated(models: LangChainModels) -> None:
    odd = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "a b" * 99}
    async with server(web.json_response({"choices": [odd]})) as (config, _):
        failed = await failure_of(models, config)

    assert failed.detail == "smart: the answer is empty (it ended with None)"


async def test_an_error_inside_a_whole_answer_costs_nothing(models: LangChainModels) -> None:
    async with server(web.json_response({"error": {"code": 503}})) as (config, _):
        failed = await failure_of(models, config)

    assert failed.calls[0].input_tokens == 0


async def test_a_compressed_answer_is_understood_although_nobody_asked_for_one(
    models: LangChainModels,
) -> None:
    async def compressed(_: web.Request) -> web.StreamResponse:
        response = completion({"content": "tea"})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with server(compressed) as (config, _):
        reply = await asked(models, config)

    assert reply.text == "tea"


async def test_a_zip_bomb_does_not_go_off(models: LangChainModels) -> None:
    async def bomb(_: web.Request) -> web.StreamResponse:
        response = web.Response(body=b" " * 100 * 2**20)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with server(bomb) as (config, _):
        failed = await failure_of(models, config)

    assert failed.code in {"llm_bad_answer", "llm_unavailable"}


async def test_what_speaks_no_http_gives_a_bad_answer(models: LangChainModels) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    mail = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with mail:
        port = mail.sockets[0].getsockname()[1]
        failed = await failure_of(models, a_config(base_url=f"http://127.0.0.1:{port}", retries=0))

    assert failed.may_pass


async def test_a_large_prompt_is_sent_without_ado(models: LangChainModels) -> None:
    async with server(completion({"content": "long"})) as (config, _):
        with pytest.raises(Exception, match="413"):
            await models.reply([config], [QUESTION[0], *[QUESTION[1]] * 100_000])


async def test_who_says_that_all_is_said_is_not_waited_for(models: LangChainModels) -> None:
    delta = b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"tea"}}'
    answers = (
        hanging(chunk("tea"), b"data: [DONE]"),
        hanging(delta, b'data: {"type":"message_stop"}'),
    )
    async with server(*answers) as (config, _):
        anthropic = replace(config, provider=Provider.ANTHROPIC, api_key_env="ANTHROPIC_API_KEY")
        await models.warm_up([config, anthropic])
        async with asyncio.timeout(3):
            first = await asked(models, config, Listener())
            second = await asked(models, anthropic, Listener())

    assert first.text == second.text == "tea"


async def test_what_breaks_after_the_last_word_takes_nothing_away(
    models: LangChainModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.llm.models.PATIENCE_S", 0.2)
    async with server(hanging(chunk("tea"), chunk(None, "stop"))) as (config, _):
        reply = await asked(models, config, Listener())

    assert (reply.text, reply.calls[0].error) == ("tea", None)


async def test_connections_are_used_again_also_after_streams(models: LangChainModels) -> None:
    ports = set[int]()

    def noting(answer: web.Response) -> Answer:
        async def answering(request: web.Request) -> web.StreamResponse:
            ports.add(request.transport.get_extra_info("peername")[1] if request.transport else 0)
            return answer

        return answering

    streamed = stream(chunk("tea"), chunk(None, "stop"), b"data: [DONE]")
    assert isinstance(streamed, web.Response)
    answers = [noting(streamed), noting(completion({"content": "tea"}))]
    async with server(*answers) as (config, _):
        await asked(models, config, Listener())
        await asked(models, config)

    assert len(ports) == 1

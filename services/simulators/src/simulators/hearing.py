"""OpenAI's transcriptions, as its own SDK expects them on the wire."""

from collections.abc import Mapping
from email import policy
from email.parser import BytesParser

import orjson

from simulators.chat import ChatDoor
from simulators.dialect import Unreadable
from simulators.exchange import Exchange
from simulators.faults import Failure
from simulators.model import Question, Reply
from simulators.openai import OpenAI
from simulators.perception import words_in

#: What providers take; anything else is told apart by its first bytes, and refused.
_BEGINNINGS = (b"OggS", b"ID3", b"\xff\xfb", b"RIFF", b"fLaC", b"\x1aE\xdf\xa3")


class Transcribed(OpenAI):
    """The same errors and headers; the answer is a text and its usage."""

    def whole(self, question: Question, reply: Reply, request_id: str) -> bytes:  # noqa: ARG002 - in the header only
        usage = {}
        if reply.usage:
            asked, said = reply.usage
            counts = {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said}
            usage = {"usage": {"type": "tokens", **counts}}
        return orjson.dumps({"text": reply.text, **usage})


class HearingDoor(ChatDoor):
    """The same door, for whoever brings a recording."""

    def _read(self, exchange: Exchange, body: bytes) -> tuple[Question, Failure | None]:
        refusal = self._dialect.refusal(exchange)
        try:
            return _question(_form(exchange.header(b"content-type"), body)), refusal
        except Unreadable as bad:
            return Question(), refusal or Failure(400, str(bad))


def _question(form: Mapping[str, bytes]) -> Question:
    """Raises Unreadable."""
    model, file = form.get("model", b"").decode(errors="replace"), form.get("file", b"")
    if not model:
        raise Unreadable("you must provide a model parameter")
    if not file.startswith(_BEGINNINGS) and file[4:8] != b"ftyp":
        raise Unreadable("Invalid file format.")
    words = words_in(file)
    facts = {"bytes": len(file)}
    return Question(model=model, user=words, perceived=words, characters=len(file), facts=facts)


def _form(content_type: str, body: bytes) -> Mapping[str, bytes]:
    """Raises Unreadable."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    if message.get_content_type() != "multipart/form-data" or not message.is_multipart():
        raise Unreadable("the body must be a form")
    found: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content
    return found

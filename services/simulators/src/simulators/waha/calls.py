"""One call of WAHA's API as the simulator reads it, and what an operation answers."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import orjson
from pydantic import BaseModel, ValidationError

from simulators.waha import names, refusals
from simulators.waha.people import Customer
from simulators.waha.rules import Acks
from simulators.waha.server import Waha
from simulators.waha.sessions import Session

BodyT = TypeVar("BodyT", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What was asked, wherever it stood."""

    name: str
    method: str
    path: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    accept: str = ""
    #: what is behind the URL of a file in the body, once it has been fetched
    fetched: bytes | None = None
    #: what becomes of the ticks, if this sends a message
    acks: Acks = "usual"

    @property
    def session_name(self) -> str:
        places = (self.parameters, self.body, self.query)
        found = (place.get("session") for place in places)
        return next((str(name) for name in found if name), "default")

    @property
    def chat_id(self) -> str:
        """As WAHA names it; empty if the call is about none."""
        given = self.parameters.get("chatId") or self.body.get("chatId")
        return names.chat_of(given) if isinstance(given, str) and given else ""

    @property
    def text(self) -> str:
        found = (self.body.get(name) for name in ("text", "caption", "title", "reaction"))
        return next((text for text in found if isinstance(text, str)), "")

    @property
    def file_url(self) -> str | None:
        file: Any = self.body.get("file")
        url: Any = cast("dict[str, Any]", file).get("url") if isinstance(file, dict) else None
        return url if isinstance(url, str) else None

    def facts(self) -> dict[str, Any]:
        """For the journal, and for a script's conditions."""
        facts = {"call": self.name, "session": self.session_name, "chat": self.chat_id}
        given = self.body.get("id")
        return facts | ({"given_id": given} if given else {})

    def read(self, kind: type[BodyT]) -> BodyT:
        """The body, as this call needs it. Raises Refused."""
        try:
            return kind.model_validate(self.body)
        except ValidationError as invalid:
            lines = [
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors()
            ]
            raise refusals.plain(400, lines) from None

    def request(self) -> dict[str, Any]:
        """As an error of status 500 repeats it."""
        asked = {"path": self.path, "method": self.method, "body": self.body}
        return {**asked, "query": dict(self.query)}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an operation answers: JSON, unless it is a file."""

    content: Any = None
    status: int = 200
    file: bytes | None = None
    content_type: bytes = b"application/json"
    #: for the journal: what came of it
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def body(self) -> bytes:
        return orjson.dumps(self.content) if self.file is None else self.file


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One entry of the API."""

    #: what a script and the journal call it
    name: str
    method: str
    path: str
    #: does it, and raises Refused
    act: "Act"
    needs_key: bool = True


Act = Callable[[Waha, Call], Reply]


def working(waha: Waha, call: Call) -> Session:
    """The session, which must be able to send. Raises Refused."""
    session = waha.session(call.session_name)
    if not session.is_working:
        raise refusals.not_as_expected(session.name, session.status, "WORKING")
    return session


def customer_of(session: Session, call: Call) -> Customer:
    """Whom the chat is with, known before or not. Raises Refused."""
    chat_id = call.chat_id
    if not names.is_direct(chat_id):
        raise refusals.plain(422, "The simulator sends to direct chats only")
    customer = session.customers.find(chat_id)
    if customer is None and chat_id.endswith("@c.us"):
        customer = session.customers.meet(names.digits(chat_id))
    if customer is None or not customer.is_on_whatsapp:
        raise refusals.broken(call.request(), session.engine, refusals.no_lid(chat_id))
    return customer


def decoded(data: str) -> bytes:
    """A file's bytes. Raises Refused."""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise refusals.plain(400, ["file.data must be base64 encoded"]) from None


def parsed(content: bytes) -> Mapping[str, Any]:
    """The body of a call. Raises Refused."""
    try:
        body: Any = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError as bad:
        raise refusals.plain(400, str(bad)) from None
    if not isinstance(body, dict):
        raise refusals.plain(400, "The body must be a JSON object")
    return cast("dict[str, Any]", body)

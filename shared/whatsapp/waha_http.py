"""WAHA over HTTP: the platform's own server is trusted, every other one is guarded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, urlencode

import orjson
from yarl import URL

from shared.contracts import WhatsAppContent, WhatsAppFile, WhatsAppPlace, WhatsAppText
from shared.infrastructure.guarded_http import (
    ANSWER_LIMIT,
    Answer,
    BlockedAddress,
    GuardedClient,
    Unreachable,
)
from shared.infrastructure.url_rules import UrlRules, host_of, rules_from
from shared.settings import Shop, refuse
from shared.whatsapp.connection_store import OwnServer
from shared.whatsapp.connections import Connection
from shared.whatsapp.ids import phone_of, stanza_in
from shared.whatsapp.waha import Described, Media, SessionFacts, Verdict, WahaFailed
from shared.whatsapp.waha_answers import content_of, failure_of, failure_without_answer

MEDIA_LIMIT = 10_000_000
#: A hundred long messages, each with what its engine adds to it.
HISTORY_LIMIT = 8_000_000

_CONNECTIONS = 1_000


class HttpWaha:
    """Honours shared.whatsapp.waha.Waha."""

    def __init__(self, *, own: GuardedClient, others: GuardedClient) -> None:
        """`own` asks the platform's server, `others` those that tenants named."""
        self._own = own
        self._others = others

    async def send(
        self,
        connection: Connection,
        chat_id: str,
        content: WhatsAppContent,
        /,
        *,
        wa_id: str | None = None,
        reply_to: str | None = None,
    ) -> str | None:
        call, body = _sending(content)
        given = {"id": wa_id, "reply_to": reply_to and f"false_{chat_id}_{reply_to}"}
        body |= {name: value for name, value in given.items() if value}
        return stanza_in(await self._post(connection, call, chat_id, body)) or wa_id

    async def new_message_id(self, connection: Connection, /) -> str | None:
        try:
            return stanza_in(await self._get(connection, f"/{connection.session}/new-message-id"))
        except WahaFailed as failed:
            if failed.verdict is Verdict.NEVER:
                return None
            raise

    async def mark_seen(self, connection: Connection, chat_id: str, /) -> None:
        await self._post(connection, "sendSeen", chat_id)

    async def start_typing(self, connection: Connection, chat_id: str, /) -> None:
        await self._post(connection, "startTyping", chat_id)

    async def stop_typing(self, connection: Connection, chat_id: str, /) -> None:
        await self._post(connection, "stopTyping", chat_id)

    async def session(self, connection: Connection, /) -> SessionFacts:
        found = _described(await self._get(connection, f"/sessions/{connection.session}"))
        status = str(found.get("status") or "UNKNOWN")
        return SessionFacts(connection.session, status, _described(found.get("me")) or None, found)

    async def me(self, connection: Connection, /) -> Described | None:
        found = await self._get(connection, f"/sessions/{connection.session}/me")
        return _described(found) or None

    async def qr(self, connection: Connection, /) -> bytes:
        path = f"/{connection.session}/auth/qr"
        answer = await self._ask(connection, "GET", path, accept="image/png", limit=1_000_000)
        if answer.status != 200:
            raise failure_of(answer)
        return answer.body

    async def history(
        self,
        connection: Connection,
        chat_id: str,
        /,
        *,
        since: datetime,
        from_me: bool | None = None,
        most: int = 100,
        offset: int = 0,
    ) -> Sequence[Described]:
        query = {
            "limit": str(most),
            "offset": str(offset),
            "downloadMedia": "false",
            "filter.timestamp.gte": str(int(since.timestamp())),
        }
        if from_me is not None:
            query["filter.fromMe"] = "true" if from_me else "false"
        path = f"/{connection.session}/chats/{quote(chat_id, safe='')}/messages"
        return _listed(await self._get(connection, path, query, limit=HISTORY_LIMIT))

    async def chats(
        self, connection: Connection, /, *, most: int = 100, offset: int = 0
    ) -> Sequence[Described]:
        query = {"limit": str(most), "offset": str(offset)}
        path = f"/{connection.session}/chats/overview"
        return _listed(await self._get(connection, path, query, limit=HISTORY_LIMIT))

    async def phone_of_lid(self, connection: Connection, lid: str, /) -> str | None:
        path = f"/{connection.session}/lids/{quote(lid, safe='')}"
        found = _described(await self._get(connection, path)).get("pn")
        return phone_of(found) if isinstance(found, str) else None

    async def media(self, connection: Connection, url: str, /) -> Media:
        path = _file_path(url, connection.session)
        answer = await self._ask(connection, "GET", path, accept="*/*", limit=MEDIA_LIMIT + 1)
        if answer.status != 200:
            raise failure_of(answer)
        if len(answer.body) > MEDIA_LIMIT:
            raise WahaFailed("media_too_large", Verdict.NEVER)
        if len(answer.body) < int(answer.headers.get("Content-Length") or 0):
            raise WahaFailed("waha_unreachable", Verdict.RETRY, "the file broke off")
        return Media(answer.body, answer.headers.get("Content-Type", "application/octet-stream"))

    async def close(self) -> None:
        await self._own.close()
        await self._others.close()

    async def _post(
        self,
        connection: Connection,
        call: str,
        chat_id: str,
        body: Mapping[str, object] | None = None,
    ) -> object:
        asked = {"session": connection.session, "chatId": chat_id, **(body or {})}
        return content_of(await self._ask(connection, "POST", f"/{call}", orjson.dumps(asked)))

    async def _get(
        self,
        connection: Connection,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        limit: int = ANSWER_LIMIT,
    ) -> object:
        path = f"{path}?{urlencode(query)}" if query else path
        answer = await self._ask(connection, "GET", path, limit=limit)
        content: object = content_of(answer)
        if content is None and answer.body.strip() not in {b"", b"null"}:
            raise WahaFailed("waha_error", Verdict.AMBIGUOUS, "its answer could not be read")
        return content

    async def _ask(
        self,
        connection: Connection,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        accept: str = "application/json",
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        headers = {"Accept": accept, "Content-Type": "application/json"}
        if connection.api_key:
            headers["X-Api-Key"] = connection.api_key
        client = self._own if connection.is_own else self._others
        url = f"{connection.server_url}/api{path}"
        try:
            return await client.request(method, url, body=body, headers=headers, limit=limit)
        except (BlockedAddress, Unreachable) as error:
            raise failure_without_answer(error) from error


def own_server(shop: Shop) -> OwnServer | None:
    """The platform's own WAHA server; ends the process (78) where its URL makes no sense."""
    if not shop.waha_server_url:
        return None
    try:
        url = URL(shop.waha_server_url)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or url.raw_query_string:
        refuse("WAHA_SERVER_URL: must be a URL like http://localhost:3000")
    key = shop.waha_api_key.get_secret_value() if shop.waha_api_key else None
    return OwnServer(str(url).rstrip("/"), key)


def rules_for_tenants(shop: Shop) -> UrlRules:
    """Where the WAHA servers may be that tenants name."""
    return rules_from(
        shop.waha_allowed_hosts, allow_trusted_http=True, setting="WAHA_ALLOWED_HOSTS"
    )


def http_waha(shop: Shop) -> HttpWaha:
    """WAHA as the settings want it."""
    own = own_server(shop)
    trusted = frozenset({host_of(URL(own.url))} if own else ())
    both = [UrlRules(allow_http=True, hosts=trusted), rules_for_tenants(shop)]
    clients = [
        GuardedClient(rules, total_s=shop.waha_timeout_s, connections=_CONNECTIONS)
        for rules in both
    ]
    return HttpWaha(own=clients[0], others=clients[1])


def _sending(content: WhatsAppContent) -> tuple[str, dict[str, object]]:
    """The call that sends it, and what it needs."""
    match content:
        case WhatsAppText():
            # Without a preview: WAHA would fetch the link first, however long that takes.
            return "sendText", {"text": content.text, "linkPreview": False}
        case WhatsAppFile():
            file = content.model_dump(include={"url", "mimetype", "filename"})
            call = "sendImage" if content.kind == "image" else "sendFile"
            return call, {"file": file, "caption": content.caption}
        case WhatsAppPlace():
            return "sendLocation", content.model_dump(exclude={"kind"})


def _file_path(url: str, session: str) -> str:
    """Only the path counts, and only one to this session's files. Raises WahaFailed."""
    try:
        path = URL(url).raw_path
    except ValueError:
        path = ""
    _, is_file, rest = path.partition("/api/files/")
    name = rest.removeprefix(f"{session}/")
    if not is_file or name == rest or "/" in name or name in {"", ".", ".."}:
        raise WahaFailed("media_elsewhere", Verdict.NEVER)
    return f"/files/{session}/{name}"


def _described(value: object) -> Described:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _listed(value: object) -> Sequence[Described]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [described for one in found if (described := _described(one))]

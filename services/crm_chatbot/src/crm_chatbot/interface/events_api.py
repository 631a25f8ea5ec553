"""`/v1/crm/tenants/{tenant_id}/events`: what changes in a shop, for screens that are live."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from crm_chatbot.application.feed import Change, Thing
from crm_chatbot.domain.tenants.tenant import TenantNotFound
from crm_chatbot.interface.administration import SHOP, Admin, known_to
from shared.availability import DatabaseUnavailable
from shared.interface.access import STATE, Access, AnyCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router

router: APIRouter = api_router(f"{SHOP}/events", tag="events")

#: How often it is asked whether a reader may still read.
ASKED_EVERY_S = 20.0
HEARTBEAT_S = 15
#: Whoever takes nothing for so long is hung up on.
TAKEN_WITHIN_S = 20.0
#: How long a reader whose stream broke should wait before it comes back.
RETRY_MS = 2_000

MayRead = Callable[[], Awaitable[bool]]

_NEWS = [thing.value for thing in Thing if thing not in {Thing.READY, Thing.LOST}]
_CHANGE_SCHEMA = {
    "type": "object",
    "required": ["kind", "id", "at", "conversation_id"],
    "properties": {
        "kind": {"type": "string", "enum": _NEWS},
        "id": {"type": "string", "format": "uuid"},
        "at": {"type": "string", "format": "date-time"},
        "conversation_id": {"type": ["string", "null"], "format": "uuid"},
    },
}
EVENT_SCHEMA = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["ready", "changed", "lost"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "type": "object",
                "properties": {"changes": {"type": "array", "items": _CHANGE_SCHEMA}},
            },
        },
    },
}
EXAMPLE = (
    'event: ready\ndata: {"changes":[]}\n\n'
    'event: changed\ndata: {"changes":[{"kind":"message",'
    '"id":"0198f2a0-3d52-7c11-b7a5-3c1f5d9e2a10","at":"2026-03-01T05:00:00Z",'
    '"conversation_id":"0198f2a0-3d52-7c11-b7a5-3c1f5d9e2a0f"}]}\n\n'
)


EVENTS = {"schema": EVENT_SCHEMA, "example": EXAMPLE}


class Stream(EventSourceResponse):
    """A stream whose reader may be hung up on without that being anybody's mistake."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            raise ClientDisconnect from None


async def _room(tenant_id: Id, app: Admin, caller: AnyCaller) -> AsyncGenerator[None]:
    with app.streams.room(known_to(caller, tenant_id)):
        yield


#: Held until the stream has ended.
Room = Annotated[None, Depends(_room)]


@router.get(
    "",
    summary="Watch what changes in a shop",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": EVENTS}}},
)
async def watch_shop(
    tenant_id: Id, app: Admin, caller: AnyCaller, request: Request, _: Room
) -> EventSourceResponse:
    """Server-sent events, for as long as you listen: what to look at again, never what is there.

    `ready` comes first: everything is heard from here on, so fetch now. `changed` names what
    changed since, each thing once. `lost` says that something was not told: fetch again. Ids only;
    a stream that broke has no memory, and begins with `ready` again. Who may no longer read is hung
    up on within a minute. 429 `too_many_streams` where a shop has too many open.
    """
    shop = (await app.tenants.get(known_to(caller, tenant_id))).id
    access: Access = getattr(request.app.state, STATE)

    async def may_read() -> bool:
        with suppress(DatabaseUnavailable):
            try:
                await app.tenants.get(shop)
            except TenantNotFound:
                return False
            return await access.still_admits(caller, request.scope)
        return True  # nobody can tell now: asked again soon

    return Stream(
        _events(app.feed.follow(shop, silence_s=ASKED_EVERY_S / 2), may_read),
        ping=HEARTBEAT_S,
        send_timeout=TAKEN_WITHIN_S,
    )


async def _events(
    news: AsyncGenerator[Sequence[Change]], may_read: MayRead
) -> AsyncGenerator[ServerSentEvent]:
    asked_at = time.monotonic()
    async with aclosing(news):
        async for changes in news:
            if time.monotonic() - asked_at >= ASKED_EVERY_S:
                if not await may_read():
                    return
                asked_at = time.monotonic()
            if changes:
                yield _event(changes)


def _event(changes: Sequence[Change]) -> ServerSentEvent:
    kinds = {one.kind for one in changes}
    # Whoever fetches everything need not be told what.
    for alone in (Thing.READY, Thing.LOST):
        if alone in kinds:
            return ServerSentEvent('{"changes":[]}', event=alone.value, retry=RETRY_MS)
    told = {"changes": [_told(one) for one in changes]}
    return ServerSentEvent(orjson.dumps(told, option=orjson.OPT_UTC_Z).decode(), event="changed")


def _told(change: Change) -> dict[str, Any]:
    chat = change.conversation_id
    return {
        "kind": change.kind,
        "id": str(change.id),  # the driver's own ids are no plain ones
        "at": change.at,
        "conversation_id": None if chat is None else str(chat),
    }

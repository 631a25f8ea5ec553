"""Customers' pictures and voices: fetched from the tenant's WAHA server, read by its models."""

import asyncio
from collections.abc import Mapping
from typing import Any

from crm_chatbot.application.turns.answering import Brief
from crm_chatbot.application.turns.desk import Desk
from crm_chatbot.application.turns.media import Reading
from crm_chatbot.domain.conversations.message import Kind, Message
from shared import logs
from shared.availability import DatabaseUnavailable
from shared.domain import DomainError
from shared.llm.chat import File, ModelFailed
from shared.whatsapp.connections import Connections
from shared.whatsapp.waha import Waha, WahaFailed
from shared.whatsapp.waha_http import MEDIA_LIMIT

log = logs.get()

#: Nobody waits longer for it; and it takes at most half of what the turn has left.
WITHIN_S = 20.0
#: Anthropic takes five megabytes, as base64 has them.
LARGEST_PICTURE = 3_700_000

# Names and headers are what somebody says of a file; its first bytes are what it is.
_BEGINNINGS: Mapping[Kind, tuple[tuple[int, bytes, str], ...]] = {
    Kind.IMAGE: (
        (0, b"\xff\xd8\xff", "image/jpeg"),
        (0, b"\x89PNG\r\n\x1a\n", "image/png"),
        (0, b"GIF87a", "image/gif"),
        (0, b"GIF89a", "image/gif"),
        (8, b"WEBP", "image/webp"),
    ),
    Kind.VOICE: (
        (0, b"OggS", "audio/ogg"),
        (0, b"ID3", "audio/mpeg"),
        (0, b"\xff\xfb", "audio/mpeg"),
        (0, b"\xff\xf3", "audio/mpeg"),
        (4, b"ftyp", "audio/mp4"),
        (8, b"WAVE", "audio/wav"),
        (0, b"\x1aE\xdf\xa3", "audio/webm"),
        (0, b"fLaC", "audio/flac"),
    ),
}

_OTHERWISE = {"not_found": "media_gone"}


class Unreadable(Exception):
    """It cannot be read, and this is why: a code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class WahaMediaReader:
    """Honours crm_chatbot.application.turns.media.MediaReader."""

    def __init__(self, connections: Connections, waha: Waha, desk: Desk) -> None:
        self._connections = connections
        self._waha = waha
        self._desk = desk

    async def __call__(self, brief: Brief, message: Message, /) -> Reading:
        try:
            async with asyncio.timeout_at(_latest(brief)):
                return Reading(words=await self._read(brief, message))
        except DatabaseUnavailable:
            raise
        except TimeoutError:
            return Reading(why="too_slow")
        except (Unreadable, WahaFailed, ModelFailed, DomainError) as error:
            return Reading(why=_OTHERWISE.get(error.code, error.code))
        except Exception:
            log.exception("media.failed", message_id=str(message.id))
            return Reading(why="unforeseen")

    async def _read(self, brief: Brief, message: Message) -> str:
        candidates = await self._desk.who_can(brief, message.kind)
        if not candidates:
            raise Unreadable("not_able")
        file = await self._fetched(brief, message)
        if message.kind is Kind.IMAGE:
            return await self._desk.describe(brief, candidates, file)
        return await self._desk.transcribe(brief, candidates, file)

    async def _fetched(self, brief: Brief, message: Message) -> File:
        media: Mapping[str, Any] = message.content.get("media") or {}
        if not media.get("path"):
            raise Unreadable("media_not_kept")
        most = LARGEST_PICTURE if message.kind is Kind.IMAGE else MEDIA_LIMIT
        if (media.get("size") or 0) > most:
            raise Unreadable("media_too_large")
        connection = await self._connections.find(brief.tenant.id)
        content = (await self._waha.media(connection, media["path"])).content
        if len(content) > most:
            raise Unreadable("media_too_large")
        return File(content, kind_of(content, message.kind))


def kind_of(content: bytes, kind: Kind) -> str:
    """The media type that its bytes have. Raises Unreadable where they are none of this kind."""
    for place, beginning, mimetype in _BEGINNINGS[kind]:
        if content.startswith(beginning, place):
            return mimetype
    raise Unreadable("media_unknown")


def _latest(brief: Brief) -> float:
    """Until when it may take, of the event loop's clock."""
    now = asyncio.get_running_loop().time()
    left = WITHIN_S if brief.deadline is None else max(0.0, brief.deadline - now) / 2
    return now + min(WITHIN_S, left)

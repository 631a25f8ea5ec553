"""WAHA's memory of a shop's chats, read from some moment on: what is missing here is taken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm_chatbot.application.ports import OpenWork
from crm_chatbot.application.whatsapp.inbound import InboundService
from crm_chatbot.domain.tenants.tenant import Tenant
from crm_chatbot.domain.whatsapp import (
    Acked,
    Edited,
    Event,
    MessageCame,
    OwnerTyped,
    Revoked,
    Said,
    message_key,
)
from shared import logs, metrics
from shared.whatsapp.connections import Connection
from shared.whatsapp.waha import Described, Verdict, Waha, WahaFailed

log = logs.get()

#: What one look reads at most: chats, and messages of each. Whoever has more is read again.
MOST_CHATS = 2_000
MOST_MESSAGES = 500
PAGE = 100

NEVER = datetime.min.replace(tzinfo=UTC)
#: Messages that were sent so long before may have changed meanwhile: WhatsApp lets them be edited
#: for a quarter of an hour.
AFTERTHOUGHTS = timedelta(minutes=20)

#: What became of a message that was told of before.
Afterthought = Edited | Revoked | Acked


@dataclass(frozen=True)
class ChatSeen:
    """A chat in WAHA's list of them."""

    chat_id: str
    #: with one person
    is_direct: bool
    #: when anything was said in it last, if it was
    last_at: datetime = NEVER


@dataclass(frozen=True)
class Span:
    """Which part of which history is read."""

    tenant: Tenant
    connection: Connection
    #: whose account the session holds
    me: Described
    since: datetime


@dataclass(frozen=True, kw_only=True)
class History:
    """Reads outside of any transaction; what it takes, it takes as a webhook would have told it."""

    waha: Waha
    inbound: InboundService
    open_work: OpenWork
    #: from WAHA's words to ours: an entry of the list of chats; a message, its session, and `me`
    chat_in: Callable[[Described], ChatSeen | None]
    events_in: Callable[[Described, str, Described], Sequence[Event]]

    async def take(self, span: Span) -> bool:
        """Take what is missing, of the liveliest chats first; False if there is more.

        Chats that come to life meanwhile move in WAHA's list, but not past its beginning: it is
        read again until it has nothing new. Raises WahaFailed, DatabaseUnavailable,
        Overloaded.
        """
        done: set[str] = set()
        is_all = True
        while rest := [one for one in await self._lively(span) if one not in done]:
            for chat_id in rest:
                is_all &= await self._take_chat(span, chat_id)
                done.add(chat_id)
            if len(done) >= MOST_CHATS:
                return False
        return is_all

    async def _lively(self, span: Span) -> list[str]:
        """Chats with people in which anything was said since then."""
        found: list[str] = []
        for offset in range(0, MOST_CHATS, PAGE):
            page = await self.waha.chats(span.connection, most=PAGE, offset=offset)
            chats = [chat for one in page if (chat := self.chat_in(one))]
            lively = [chat for chat in chats if chat.last_at >= span.since - AFTERTHOUGHTS]
            found += [chat.chat_id for chat in lively if chat.is_direct]
            if not lively or len(page) < PAGE:
                break
        return list(dict.fromkeys(found))

    async def _take_chat(self, span: Span, chat_id: str) -> bool:
        """In order; False if there is more than was read."""
        try:
            events, is_all = await self._read(span, chat_id)
        except WahaFailed as failed:
            if failed.verdict is not Verdict.NEVER:
                raise
            log.info("history.chat_refused", code=failed.code)
            return True
        said = [event for event in events if isinstance(event, Said) and _when(event) >= span.since]
        after = [event for event in events if not isinstance(event, Said)]
        async with self.open_work(span.tenant.id) as work:
            keys = {event.key for event in events} | {_message_key(event) for event in after}
            unheard = await work.inbox.unheard(keys)
        known = [one for one in after if isinstance(one, Acked) or _message_key(one) not in unheard]
        for event in (*said, *known):
            if event.key in unheard:
                reception = await self.inbound.receive(span.tenant, event)
                metrics.whatsapp_caught_up.labels(reception.outcome).inc()
        return is_all

    async def _read(self, span: Span, chat_id: str) -> tuple[Sequence[Said | Afterthought], bool]:
        """What the customer said, the owner on the phone, and what became of it; is that all?

        Oldest first. Of what is older than the span only what became of it counts.
        """
        found: dict[str, Said | Afterthought] = {}
        is_all = False
        since = span.since - AFTERTHOUGHTS
        for offset in range(0, MOST_MESSAGES, PAGE):
            page = await self.waha.history(
                span.connection, chat_id, since=since, most=PAGE, offset=offset
            )
            found |= {event.key: event for one in page for event in self._events(span, one)}
            if is_all := len(page) < PAGE:
                break
        # WhatsApp's clock has seconds only: within one, the order in which WAHA told them counts.
        oldest_first = [*found.values()][::-1]
        return sorted(oldest_first, key=_when), is_all

    def _events(self, span: Span, message: Described) -> list[Said | Afterthought]:
        """Nothing follows from our own words but how far they came."""
        events = self.events_in(message, span.connection.session, span.me)
        wanted = (MessageCame, OwnerTyped, Edited, Revoked, Acked)
        return [event for event in events if isinstance(event, wanted)]


def _message_key(event: Afterthought) -> str:
    return message_key(event.session, event.stanza_id)


def _when(event: Said | Afterthought) -> datetime:
    if isinstance(event, Said):
        return event.sent_at or NEVER
    return NEVER if isinstance(event, Acked) else event.at or NEVER

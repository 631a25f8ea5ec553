"""One attempt at one part: looked up where its fate is open, typed as a person would, sent."""

import asyncio
import time
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from shared.availability import DatabaseUnavailable
from shared.contracts import WhatsAppFile, WhatsAppPlace
from shared.crash_points import crash_point
from shared.whatsapp.connections import Connection, Connections, NotConnected
from shared.whatsapp.ids import stanza_in
from shared.whatsapp.waha import WORKING, Described, Verdict, Waha, WahaFailed, takes_id
from waha_sender.application.bookkeeping import Bookkeeping, Later, Ready
from waha_sender.application.deliveries import Claim, Delivery, DeliveryState
from waha_sender.application.failing import (
    concerns_all,
    is_exhausted,
    not_in_history,
    undecided,
)
from waha_sender.application.pacing import typing_s

Rest = Callable[[float], Awaitable[None]]

#: WhatsApp's clock and ours may differ by so much; what we sent before is known by its id.
_CLOCKS_DIFFER = timedelta(minutes=2)
#: An engine that takes no ids is asked again after this long: it may have been replaced.
_BELIEVED_S = 600.0
_DATABASE_PAUSE_S = 0.5


@dataclass
class Sender:
    """Sends what it is given the lease for. Holds no transaction while it asks WAHA."""

    book: Bookkeeping
    connections: Connections
    waha: Waha
    rest: Rest = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    #: sessions whose engine takes no ids, and until when that is believed
    _without_ids: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])

    async def attempt(self, claim: Claim) -> Later | None:
        """Take it as far as it goes now; and when to look again, if it is known."""
        ready = await self.book.prepare(claim)
        if not isinstance(ready, Ready):
            return ready
        try:
            connection = await self._connection(ready.delivery)
            if ready.is_doubtful:
                await self._ask_for_the_session(connection)
            if ready.delivery.state is DeliveryState.SENDING:
                return await self._recover(connection, ready)
            await self._act_human(connection, ready.delivery)
            return await self._send(connection, ready)
        except WahaFailed as failed:
            return await self._failed(claim, failed, was_asked=False)

    async def _connection(self, delivery: Delivery) -> Connection:
        try:
            connection = await self.connections.find(delivery.tenant_id)
        except NotConnected:
            raise WahaFailed("not_connected", Verdict.SESSION) from None
        if connection.session != delivery.session:
            # Never in another's name: who may use which session, its connection alone says.
            raise WahaFailed("session_not_connected", Verdict.NEVER)
        return connection

    async def _ask_for_the_session(self, connection: Connection) -> None:
        status = (await self.waha.session(connection)).status
        if status != WORKING:
            raise WahaFailed("session_not_working", Verdict.SESSION, status, status=status)

    async def _recover(self, connection: Connection, ready: Ready) -> Later | None:
        """It was on its way when we last heard of it."""
        delivery = ready.delivery
        if delivery.wa_id and not is_exhausted(delivery):
            # Under the same id it does not appear twice.
            return await self._send(connection, ready)
        try:
            found = await self._look_up(connection, ready)
        except WahaFailed as failed:
            if concerns_all(failed):
                raise
            return await self._until_stored(lambda: self.book.resolve(ready.claim, undecided))
        if found is not None:
            return await self._until_stored(lambda: self.book.sent(ready.claim, found))
        return await self._until_stored(lambda: self.book.resolve(ready.claim, not_in_history))

    async def _look_up(self, connection: Connection, ready: Ready) -> str | None:
        """Its stanza id, if the chat's history knows it."""
        delivery = ready.delivery
        began = delivery.sending_at or self.book.now()
        said = await self.waha.history(
            connection, delivery.chat_id, since=began - _CLOCKS_DIFFER, from_me=True
        )
        for message in reversed(said):
            stanza_id = stanza_in(message)
            if stanza_id is None or stanza_id in ready.known_ids:
                continue
            if stanza_id == delivery.wa_id or _is_it(delivery, message):
                return stanza_id
        return None

    async def _act_human(self, connection: Connection, delivery: Delivery) -> None:
        """See, type, stop typing. None of it matters so much that the message should not leave."""
        if delivery.is_reply and delivery.part == 0:
            await _try(self.waha.mark_seen(connection, delivery.chat_id))
        rules = self.book.rules
        if not rules.is_on or delivery.by_person:
            return
        await _try(self.waha.start_typing(connection, delivery.chat_id))
        await self.rest(typing_s(delivery.content, rules, jitter=self.book.jitter()))
        await _try(self.waha.stop_typing(connection, delivery.chat_id))

    async def _send(self, connection: Connection, ready: Ready) -> Later | None:
        wa_id = ready.delivery.wa_id or await self._new_id(connection, ready.delivery)
        begun = await self.book.begin(ready, wa_id)
        if begun is None:
            return Later(0)
        try:
            told = await self.waha.send(
                connection, begun.chat_id, begun.content, wa_id=wa_id, reply_to=begun.reply_to
            )
        except WahaFailed as failed:
            return await self._failed(ready.claim, failed, was_asked=True)
        crash_point("sender.left")
        return await self._until_stored(lambda: self.book.sent(ready.claim, told))

    async def _failed(self, claim: Claim, failed: WahaFailed, *, was_asked: bool) -> Later | None:
        return await self._until_stored(
            lambda: self.book.failed(claim, failed, was_asked=was_asked)
        )

    async def _new_id(self, connection: Connection, delivery: Delivery) -> str | None:
        engine = (connection.server_url, connection.session)
        if not takes_id(delivery.content) or self._without_ids.get(engine, 0) > self.clock():
            return None
        try:
            wa_id = await self.waha.new_message_id(connection)
        except WahaFailed as failed:
            if concerns_all(failed):
                raise
            return None
        if wa_id is None:
            self._without_ids[engine] = self.clock() + _BELIEVED_S
        return wa_id

    async def _until_stored(self, store: Callable[[], Awaitable[Later | None]]) -> Later | None:
        """What has happened is worth waiting for the database; a lost lease ends this."""
        while True:
            try:
                return await store()
            except DatabaseUnavailable:
                await self.rest(_DATABASE_PAUSE_S)


async def _try(asked: Awaitable[None]) -> None:
    """Raises WahaFailed only where nothing else would work either."""
    try:
        await asked
    except WahaFailed as failed:
        if concerns_all(failed):
            raise


def _is_it(delivery: Delivery, message: Described) -> bool:
    """Whether a message in the chat's history is this delivery."""
    content, body = delivery.content, message.get("body")
    if isinstance(content, WhatsAppPlace):
        return bool(message.get("location"))
    if isinstance(content, WhatsAppFile):
        return bool(message.get("hasMedia")) and _plain(body) == _plain(content.caption)
    return not message.get("hasMedia") and _plain(body) == _plain(content.text)


def _plain(text: object) -> str:
    return unicodedata.normalize("NFC", text).strip() if isinstance(text, str) else ""

"""One pretend WAHA server: its sessions, its script, and whom it tells of what."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from simulators.journal import Journal
from simulators.outside import Outside
from simulators.posting import Deliveries
from simulators.script import Script
from simulators.waha import payloads, refusals, views
from simulators.waha.engines import ENGINES, Engine, EngineName
from simulators.waha.messages import Message
from simulators.waha.network import Network
from simulators.waha.people import Me
from simulators.waha.rules import WahaRule
from simulators.waha.sessions import Session, Sessions, Status
from simulators.waha.weather import Weather
from simulators.waha.webhooks import Delivery, Envelope
from simulators.weather import Sky

API_KEY = "simulated-waha-key"
#: where WAHA believes that it is found, unless told: clients must know better, as in real life
BASE_URL = "http://localhost:3000"
#: accounts that are given no number get one after this
_FIRST_PHONE = 6281100000001


class Waha:
    """Everything that stands behind the API, the control channel and the phones."""

    def __init__(
        self,
        *,
        journal: Journal | None = None,
        script: Script[WahaRule] | None = None,
        api_key: str = API_KEY,
        engine: EngineName = "GOWS",
        base_url: str = BASE_URL,
    ) -> None:
        self.journal = Journal() if journal is None else journal
        self.script = Script[WahaRule]() if script is None else script
        self.api_key = api_key
        #: what sessions get that are made through the API
        self.engine: EngineName = engine
        #: 0 keeps them
        self.file_lifetime_s = 180.0
        self.sessions = Sessions()
        self.outside = Outside()
        self.deliveries = Deliveries[Delivery](self.outside)
        self.sky = Sky(self.deliveries, Weather())
        self.network = Network(self.sessions, self.tell, files=f"{base_url}/api/files")

    def add_session(  # noqa: PLR0913 - all but the name have defaults
        self,
        name: str,
        *,
        engine: EngineName | None = None,
        webhooks: Sequence[Mapping[str, Any]] = (),
        metadata: Mapping[str, str] | None = None,
        phone: str | None = None,
        shop: str | None = None,
        is_paired: bool = True,
    ) -> Session:
        """An account as if it had been connected before: WORKING, or else waiting for a scan."""
        session = self.sessions.add(
            Session(
                name=name,
                engine=ENGINES[engine or self.engine],
                owner=Me(phone or self._next_phone(), shop or name),
                is_paired=is_paired,
            )
        )
        session.configure({"metadata": metadata or {}, "webhooks": list(webhooks)})
        session.move("WORKING" if is_paired else "SCAN_QR_CODE")
        return session

    def session(self, name: str) -> Session:
        """Raises Refused."""
        session = self.sessions.get(name)
        if session is None:
            raise refusals.no_session(name)
        return session

    def engine_of(self, session_name: str) -> Engine:
        """The usual one, if there is no such session."""
        session = self.sessions.get(session_name)
        return session.engine if session else ENGINES[self.engine]

    def start(self, session: Session) -> None:
        """Idempotent."""
        if session.status in {"STOPPED", "FAILED"}:
            self.move(session, "STARTING")
            self.move(session, "WORKING" if session.is_paired else "SCAN_QR_CODE")

    def stop(self, session: Session) -> None:
        """Idempotent."""
        if session.status != "STOPPED":
            self.move(session, "STOPPED")

    def restart(self, session: Session) -> None:
        self.stop(session)
        self.start(session)

    def pair(self, session: Session) -> None:
        """The shop's owner scans the code, or types it in."""
        session.is_paired = True
        if session.status == "SCAN_QR_CODE":
            self.move(session, "WORKING")

    def unpair(self, session: Session) -> None:
        """The account is logged out; its config stays."""
        session.is_paired = False
        session.qr_number += 1
        if session.status != "STOPPED":
            self.restart(session)

    def move(self, session: Session, status: Status) -> None:
        """Into any state, as it may happen by itself; everybody hears of it."""
        session.move(status)
        session.feed.publish("session", views.session(session))
        self.tell(session, "session.status", payloads.status(session), "")
        if status == "WORKING":
            session.is_paired = True
            self.network.connect(session)

    def tell(self, session: Session, event: str, payload: Mapping[str, Any], chat_id: str) -> None:
        """Post an event to all who want it, unless such chats are ignored."""
        if session.config.ignores(chat_id):
            return
        for webhook in session.config.webhooks or ():
            if webhook.wants(event):
                envelope = payloads.envelope(session, event, payload)
                if not self.sky.weather.top_engine:
                    del envelope["engine"]
                self.sky.send(Envelope(webhook, envelope))

    def shown(self, session: Session, message: Message) -> dict[str, Any]:
        """A message as the API shows it."""
        return payloads.message(session, message, files=self.network.files)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """What is on its way is lost at the end, as when WAHA stops."""
        try:
            yield
        finally:
            await self.deliveries.close()
            await self.outside.close()

    def _next_phone(self) -> str:
        taken = {session.owner.phone for session in self.sessions}
        return next(
            phone
            for phone in map(str, range(_FIRST_PHONE, _FIRST_PHONE + 10**6))
            if phone not in taken
        )

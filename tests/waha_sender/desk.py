"""A sender on memory alone, driven by hand: its clock moves only when somebody rests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from shared.contracts import (
    SendWhatsApp,
    WhatsAppNotSent,
    WhatsAppSent,
)
from shared.pulse import Pulse
from shared.whatsapp.connections import ConnectionChange
from shared.whatsapp.waha import Verdict, WahaFailed
from tests.clock import StandingClock
from tests.shared.whatsapp.fake_waha import MemoryWaha
from tests.shared.whatsapp.fakes import MemoryConnections
from tests.waha_sender.builders import BUDI, SESSION, TENANT
from tests.waha_sender.fakes import MemoryStore
from waha_sender.application.bookkeeping import Bookkeeping, Later
from waha_sender.application.deliveries import Claim, Delivery
from waha_sender.application.pacing import Pace, Rules
from waha_sender.application.sending import Sender
from waha_sender.application.worker import Worker

GIVE_UP_AFTER_S = 21_600.0
OFF = Rules(is_on=False)
PATIENCE_S = 60.0


def failing(
    verdict: Verdict, code: str = "waha_error", *, call: str = "send", times: int = 10**6
) -> Callable[[str, str], Awaitable[None]]:
    """A `before` or `after` of MemoryWaha: so many of these calls fail."""
    left = [times]

    async def fail(asked: str, _chat_id: str) -> None:
        if asked == call and left[0] > 0:
            left[0] -= 1
            raise WahaFailed(code, verdict, "as a test wants it")

    return fail


@dataclass
class Desk:
    """One worker, whose colleagues may be hired."""

    rules: Rules = OFF
    clock: StandingClock = field(default_factory=StandingClock)
    rests: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        self.waha = MemoryWaha(self.clock)
        self.connections = MemoryConnections(self.clock)
        self.worker = self.hire(UUID(int=1))

    def hire(self, worker_id: UUID) -> Worker:
        book = Bookkeeping(
            open_work=self.store.open_work,
            now=self.clock,
            jitter=lambda: 0.5,
            rules=self.rules,
            give_up_after_s=GIVE_UP_AFTER_S,
        )
        return Worker(
            book=book,
            sender=Sender(
                book, self.connections, self.waha, self._rest, lambda: self.clock().timestamp()
            ),
            leases=self.store.leases(worker_id),
            pulse=Pulse(PATIENCE_S),
        )

    async def connect(self, tenant_id: UUID = TENANT, session: str = SESSION) -> None:
        await self.connections.put(tenant_id, ConnectionChange(session=session))

    async def hear(self, *messages: SendWhatsApp) -> None:
        for message in messages:
            await self.worker.take(message, {})

    async def claim(self, worker: Worker | None = None) -> list[Claim]:
        leases = (worker or self.worker).leases
        await leases.beat()
        claims = await leases.claim(100, share=100, in_hand=(), patience_s=PATIENCE_S)
        return list(claims)

    async def settle(self) -> None:
        """Whatever may happen now happens."""
        while claims := await self.claim():
            for claim in claims:
                await self.attempt(claim)

    async def attempt(self, claim: Claim, worker: Worker | None = None) -> Later | None:
        return await (worker or self.worker).sender.attempt(claim)

    async def pass_time(self, seconds: float, *, step: float = 1.0) -> None:
        """Time passes, and what may happen meanwhile happens."""
        end = self.clock().timestamp() + seconds
        while (left := end - self.clock().timestamp()) > 0:
            self.clock.advance(min(step, left))
            await self.settle()

    async def parts(self, message: SendWhatsApp) -> list[Delivery]:
        async with self.store.open_work(message.tenant_id) as work:
            return await work.deliveries.of(message.message_id)

    async def pace(self, session: str = SESSION) -> Pace:
        async with self.store.open_work(TENANT) as work:
            return await work.paces.of(session)

    def told(self, message: SendWhatsApp) -> list[WhatsAppSent | WhatsAppNotSent]:
        """What crm_chatbot heard of a message."""
        return [
            said
            for said, _ in self.store.tables.said
            if isinstance(said, WhatsAppSent | WhatsAppNotSent)
            and said.message_id == message.message_id
        ]

    def refused(self, message: SendWhatsApp) -> list[str]:
        """Why it heard that a message did not leave, each time."""
        return [said.code for said in self.told(message) if isinstance(said, WhatsAppNotSent)]

    def outcome(self, message: SendWhatsApp) -> tuple[str, str]:
        """The one thing that it heard."""
        [said] = self.told(message)
        return ("sent", "") if isinstance(said, WhatsAppSent) else (said.outcome, said.code)

    def phone(self, chat_id: str = BUDI) -> list[str]:
        """What the customer sees of us."""
        return self.waha.sent(chat_id)

    def asked_waha(self, call: str) -> int:
        return sum(asked == call for asked, _ in self.waha.calls)

    async def _rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.clock.advance(seconds)

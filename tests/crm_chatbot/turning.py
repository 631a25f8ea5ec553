"""A shop whose customers write, and workers that answer them: on PostgreSQL, with a fake model."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.application.turns.closing import Closing
from crm_chatbot.application.turns.desk import Desk
from crm_chatbot.application.turns.facts import FactCheck
from crm_chatbot.application.turns.mailbox import Worker
from crm_chatbot.application.turns.media import MediaReader, nothing_but_text
from crm_chatbot.application.turns.patience import Patience
from crm_chatbot.application.turns.service import Histories, Remembered, TurnService
from crm_chatbot.application.turns.steps import Steps
from crm_chatbot.application.turns.tools.customer import TOOLS
from crm_chatbot.application.turns.tools.toolbox import Tool, Toolbox
from crm_chatbot.domain.conversations.conversation import Claim, Conversation, ConversationId
from crm_chatbot.domain.conversations.message import Message, MessageState
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.turns.turn import TurnLimits
from crm_chatbot.infrastructure.turns.graph import TurnGraph
from crm_chatbot.infrastructure.turns.mailbox_store import SqlMailboxes
from crm_chatbot.infrastructure.turns.places import taking_turns
from crm_chatbot.infrastructure.work import Queues, sql_work
from shared.contracts import SendWhatsApp, WhatsAppText
from shared.infrastructure.database import DatabaseClock, Sessions
from shared.infrastructure.tenancy import tenant_transaction
from shared.llm.catalogue import LLMConfig
from shared.llm.chat import ChatMessage, ChatModels, OnToken, Reply, ToolSpec
from shared.pulse import Pulse
from shared.runtime import every, running
from tests.crm_chatbot.builders import a_tenant
from tests.crm_chatbot.chats import a_message, another_chat
from tests.shared.llm.builders import an_offline_config
from tests.shared.llm.fakes import FakeModels, MemoryBudgets, MemoryCatalogue
from tests.waiting import until

QUEUES = Queues(own="crm_tasks", sender="wa_messages")
MARKER = "[a shop's assistant]"

Pause = Callable[[Sequence[ChatMessage]], Awaitable[None]]


@dataclass
class SlowModels:
    """Models that wait for something before they answer."""

    models: FakeModels
    before: Pause

    async def reply(  # noqa: PLR0913 - as the port has it
        self,
        candidates: Sequence[LLMConfig],
        messages: Sequence[ChatMessage],
        /,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        retries: int | None = None,
        on_token: OnToken | None = None,
        tools: Sequence[ToolSpec] = (),
    ) -> Reply:
        await self.before(messages)
        return await self.models.reply(candidates, messages, tools=tools)


@dataclass
class MemoryHistories:
    """Honours crm_chatbot.application.turns.service.Histories."""

    kept: dict[ConversationId, Remembered] = field(default_factory=dict[ConversationId, Remembered])

    async def get(
        self, tenant_id: TenantId, conversation_id: ConversationId, /
    ) -> Remembered | None:
        return self.kept.get(conversation_id)

    async def put(
        self, tenant_id: TenantId, conversation_id: ConversationId, remembered: Remembered, /
    ) -> None:
        self.kept[conversation_id] = remembered


@dataclass
class Shop:
    """One tenant's shop (or several), with as many workers as a test starts."""

    sessions: Sessions
    clock: DatabaseClock
    models: ChatModels
    tools: Sequence[Tool[Any]] = TOOLS
    limits: TurnLimits = field(default_factory=TurnLimits)
    budgets: MemoryBudgets = field(default_factory=MemoryBudgets)
    catalogue: MemoryCatalogue = field(
        default_factory=lambda: MemoryCatalogue([an_offline_config("default-smart")])
    )
    histories: Histories = field(default_factory=MemoryHistories)
    tenant: Tenant = field(default_factory=a_tenant)
    jitter: float = 0.0
    #: how long customers wait before they are asked to
    patience_s: float = 20.0
    read_media: MediaReader = nothing_but_text

    def __post_init__(self) -> None:
        self.open_work = sql_work(self.sessions, QUEUES)

    async def open(self) -> None:
        async with self.open_work(self.tenant.id) as work:
            await work.tenants.add(self.tenant)

    async def chat(self, number: int = 1, **facts: Any) -> Conversation:
        """With a new customer."""
        phone = Identity(IdentityKind.PHONE, f"62812000{number:05}")
        async with self.open_work(self.tenant.id) as work:
            facts.setdefault("tenant_id", self.tenant.id)
            return await another_chat(
                work, phone, chat_id=f"{phone.value}@c.us", tenant_id=self.tenant.id
            )

    async def hears(self, chat: Conversation, *texts: str, **facts: Any) -> list[Message]:
        """The customer writes, and it may be answered at once."""
        async with self.open_work(self.tenant.id) as work:
            conversation = await work.conversations.lock(chat.id)
            heard = [
                a_message(conversation, text=words, created_at=self.clock(), **facts)
                for words in texts
            ]
            await work.messages.add(heard)
            conversation.last_inbound_at = self.clock()
            # Our reading of the database's clock may be a little early, or late.
            conversation.ready_at = self.clock() - timedelta(seconds=1)
            conversation.first_unanswered_at = conversation.ready_at
            await work.conversations.save(conversation)
        return heard

    def service(self) -> TurnService:
        places = asyncio.Semaphore(5)
        open_work = taking_turns(self.open_work, places)
        toolbox = Toolbox(open_work, self.tools)
        desk = Desk(
            catalogue=self.catalogue,
            models=self.models,
            budgets=self.budgets,
            keys_present=frozenset(),
            marker=MARKER,
        )
        closing = Closing(
            open_work=open_work,
            now=self.clock,
            new_id=uuid7,
            patience_s=30,
            retry_base_s=0.01,
            jitter=lambda: self.jitter,
        )
        steps = Steps(desk, toolbox, FactCheck(open_work), self.limits)
        patience = Patience(
            open_work=open_work, now=self.clock, after_s=self.patience_s, resend_after_s=30
        )
        return TurnService(
            open_work=open_work,
            patience=patience,
            agent=TurnGraph(steps, self.sessions, places=places),
            histories=self.histories,
            closing=closing,
            now=self.clock,
            new_id=uuid7,
            read_media=self.read_media,
            limits=self.limits,
            sleep=lambda _: asyncio.sleep(0.01),
        )

    async def worker(self, *, capacity: int = 10, dead_after_s: float = 60.0) -> Worker:
        worker = Worker(
            mailboxes=SqlMailboxes(self.sessions, uuid7()),
            answers=self.service(),
            pulse=Pulse(dead_after_s),
            capacity=capacity,
            look_every_s=0.05,
        )
        await worker.beat()
        return worker

    @asynccontextmanager
    async def working(self, **facts: Any) -> AsyncGenerator[Worker]:
        """A worker that takes what is ready while the block lasts."""
        worker = await self.worker(**facts)
        loops = {
            "take": worker.take_what_is_ready,
            "beat": lambda: every(worker.pulse.dead_after_s / 4, worker.beat),
        }
        async with running(loops):
            yield worker
        await worker.drain(5)

    async def claim(self, chat: Conversation) -> Claim:
        """As a worker does that does nothing else."""
        mailboxes = SqlMailboxes(self.sessions, uuid7())
        await mailboxes.beat()
        [claim] = await mailboxes.claim(1, share=1, dead_after_s=60)
        assert claim.conversation_id == chat.id
        return claim

    async def bury_workers(self) -> None:
        """Whoever has beaten so far is dead, unless they beat again."""
        await self.rows("UPDATE crm.workers SET beat_at = now() - interval '1 hour' RETURNING id")

    async def messages(self, chat: Conversation) -> list[Message]:
        async with self.open_work(self.tenant.id) as work:
            return await work.messages.newest(chat.id, most=10_000)

    async def sent(self) -> list[WhatsAppText]:
        """What the sender was asked for, in order."""
        rows = await self.rows(
            "SELECT body FROM crm.outbox WHERE kind = 'SendWhatsApp' ORDER BY id"
        )
        asked = [SendWhatsApp.model_validate_json(row.body).content for row in rows]
        return [content for content in asked if isinstance(content, WhatsAppText)]

    async def conversation(self, chat: Conversation) -> Conversation:
        async with self.open_work(self.tenant.id) as work:
            return await work.conversations.lock(chat.id)

    async def replies(self, chat: Conversation) -> list[str]:
        return [one.text for one in await self.messages(chat) if one.direction == "out"]

    async def answered(self, chat: Conversation, *, within: float = 10) -> list[str]:
        """Wait until nothing of it is unanswered; all replies so far."""

        async def is_done() -> bool:
            states = {one.state for one in await self.messages(chat)}
            return MessageState.NEW not in states

        await until(is_done, "everything is answered", within=within)
        return await self.replies(chat)

    async def rows(self, sql: str, **facts: Any) -> list[Any]:
        async with tenant_transaction(self.sessions, self.tenant.id) as session:
            return list(await session.execute(text(sql), facts))

    async def timeline(self, chat: Conversation) -> list[str]:
        rows = await self.rows(
            "SELECT what FROM crm.timeline WHERE conversation_id = :chat ORDER BY id", chat=chat.id
        )
        return [row.what for row in rows]

"""A customer's turn with a shop that has something to sell, and every tool of the bot."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.application.turns.answering import Stance
from crm_chatbot.application.turns.tools.registry import every_tool
from crm_chatbot.application.turns.tools.toolbox import Tool, Toolbox, ToolContext, WantedCall
from crm_chatbot.domain.conversations.message import Message, MessageState, TurnId
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.turns.turn import Turn, TurnStatus
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.chats import a_message
from tests.crm_chatbot.deciding import Scene, a_scene, claim_of
from tests.crm_chatbot.goods import a_product, a_variant, sell
from tests.crm_chatbot.stores import Crm
from tests.shared.llm.fakes import calls

#: What the shop sells: SKU, product, variant, price; ten of each.
WARES = (
    ("GAYO-250", "Kopi Gayo", "250 gr", 85_000),
    ("GAYO-500", "Kopi Gayo", "500 gr", 160_000),
    ("MELATI", "Teh Melati", "", 20_000),
    ("MELATI-P", "Teh Melati Premium", "", 45_000),
    ("DONAT", "Donat Mix", "", 5_000),
)


@dataclass
class Purchase:
    """One customer and their turns; every call is one of a turn that is under way."""

    crm: Crm
    scene: Scene
    tools: Sequence[Tool[Any]]
    heard: Sequence[Message] = ()
    done: list[str] = field(default_factory=list[str])
    now: datetime = NOON
    language: Language = Language.INDONESIAN

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """What the model is told."""
        self.done.append(name)
        call = calls(name, id=f"call-{len(self.done)}", **arguments)
        wanted = WantedCall(call=call, occurrence=len(self.done), stance=Stance.FREE)
        result = await Toolbox(self.crm.open_work, self.tools).run(self.context, wanted)
        return {**result.told}

    @property
    def context(self) -> ToolContext:
        return ToolContext(
            tenant_id=self.scene.tenant.id,
            customer_id=self.scene.customer.id,
            claim=claim_of(self.scene.conversation),
            turn_id=self.scene.turn.id,
            now=self.now,
            language=self.language,
            heard=self.heard or self.scene.heard,
        )

    async def says(self, *texts: str, **facts: Any) -> None:
        """The customer writes, who has read all by now; from here on it is another turn."""
        chat_id = self.scene.conversation.id
        async with self.crm.open_work(self.scene.tenant.id) as work:
            for message in await work.messages.leaving(chat_id):
                message.end(MessageState.SENT)
                await work.messages.save(message)
            conversation = await work.conversations.lock(chat_id)
            running = await work.turns.running(chat_id)
            if running is not None:
                running.end(TurnStatus.COMMITTED, NOON)
                await work.turns.save(running)
            unanswered = await work.messages.unanswered(chat_id, most=100)
            seqs = [one.seq for one in unanswered]
            await work.messages.cover(chat_id, self.scene.turn.id, seqs=seqs)
            heard = [a_message(conversation, text=text, **facts) for text in texts]
            await work.messages.add(heard)
            seqs = [one.seq for one in heard]
            turn = Turn.begin(TurnId(uuid7()), claim_of(conversation), seqs=seqs, now=NOON)
            await work.turns.add(turn)
            await work.conversations.save(conversation)
        self.heard = heard
        self.scene = replace(self.scene, turn=turn, heard=heard, conversation=conversation)

    async def orders(self) -> Sequence[Order]:
        async with self.crm.open_work(self.scene.tenant.id) as work:
            return await work.orders.newest_of(self.scene.customer.id, most=20)

    async def lines(self) -> dict[str, int]:
        """Of the newest order: how many of each SKU."""
        newest = (await self.orders())[0]
        return {line.sku: line.quantity for line in newest.lines}

    async def said(self) -> list[str]:
        """What left, or is to leave, to the customer."""
        async with self.crm.open_work(self.scene.tenant.id) as work:
            messages = await work.messages.newest(self.scene.conversation.id, most=100)
        return [one.text for one in messages if one.direction == "out"]


async def a_purchase(crm: Crm, **wishes: Any) -> Purchase:
    scene = await a_scene(crm, "Halo kak", **wishes)
    async with crm.open_work(scene.tenant.id) as work:
        for name in dict.fromkeys(ware[1] for ware in WARES):
            variants = [
                a_variant(sku, name=variant, price=price)
                for sku, product, variant, price in WARES
                if product == name
            ]
            await sell(work, a_product(name, *variants), stock=10)
    return Purchase(crm, scene, every_tool(new_id=uuid7, patience_s=30))

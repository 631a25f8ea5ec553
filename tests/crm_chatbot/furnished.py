"""A whole shop: one row or more in each of its tables, and a word that nobody else may read."""

from asyncio import Semaphore
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy import text

from crm_chatbot.application.once import Once
from crm_chatbot.application.payments.accounts import AccountChange
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.automation import Rule, RuleId
from crm_chatbot.domain.catalog.imports import CatalogImport, ImportId, OnError, RowMistake
from crm_chatbot.domain.catalog.product import Product, ProductId, VariantId
from crm_chatbot.domain.conversations.conversation import Claim, Conversation, ConversationId
from crm_chatbot.domain.conversations.message import Message, MessageId, TurnId
from crm_chatbot.domain.customers.customer import Customer, CustomerId, Identity, IdentityKind
from crm_chatbot.domain.label import Label, LabelId
from crm_chatbot.domain.orders.concern import Concern, ConcernId
from crm_chatbot.domain.orders.delivery import DeliveryTerms
from crm_chatbot.domain.orders.discount import DiscountId, DiscountRule
from crm_chatbot.domain.orders.order import Delivery, Order, OrderId, OrderStatus
from crm_chatbot.domain.payments.events import PaymentEvent, Proof
from crm_chatbot.domain.payments.payment import Payment, PaymentId, Provider
from crm_chatbot.domain.payments.refund import Refund, RefundId
from crm_chatbot.domain.payments.standing import FactKind, PaymentStatus
from crm_chatbot.domain.quick_reply import QuickReply, QuickReplyId
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.tickets.board import Board, BoardId
from crm_chatbot.domain.tickets.clock import Targets
from crm_chatbot.domain.tickets.template import TemplateId, TicketTemplate
from crm_chatbot.domain.tickets.ticket import Comment, CommentId, Priority, Ticket, TicketId
from crm_chatbot.domain.turns.turn import Execution, Outcome, Turn, TurnStatus
from crm_chatbot.domain.whatsapp import Heard, Ignored, Rank
from crm_chatbot.infrastructure.turns.checkpoints import SqlCheckpoints
from shared.infrastructure.database import Sessions
from shared.infrastructure.secrets import Vault
from shared.infrastructure.tenancy import tenant_transaction
from shared.infrastructure.url_rules import UrlRules
from shared.whatsapp.connection_store import OwnServer, SqlConnections
from shared.whatsapp.connections import ConnectionChange
from tests.crm_chatbot.builders import NOON, a_tenant
from tests.crm_chatbot.chats import a_conversation, a_customer, a_message, an_answer
from tests.crm_chatbot.deals import a_concern, a_line, a_quick_reply, a_rule, an_event, an_order
from tests.crm_chatbot.desk import a_board, a_comment, a_template, a_ticket
from tests.crm_chatbot.goods import a_product, a_variant
from tests.crm_chatbot.labels import a_label
from tests.crm_chatbot.paying import a_fact, a_payment
from tests.crm_chatbot.ruling import a_rule_that, said
from tests.crm_chatbot.stores import SqlCrm

#: So that whoever cleans up has something to find.
_LONG_AGO = text("""
    UPDATE crm.idempotency_keys SET created_at = created_at - interval '2 days'
     WHERE tenant_id = platform.current_tenant()""")


@dataclass(frozen=True)
class Shop:
    """Everything that one tenant has; `word` is in each of its texts."""

    tenant_id: TenantId
    word: str

    def id_of(self, thing: str) -> UUID:
        """The same each time that this shop is made."""
        return uuid5(self.tenant_id, thing)

    @property
    def tenant(self) -> Tenant:
        return a_tenant(self.tenant_id, name=self.word, prompt=self.word)

    @property
    def identity(self) -> Identity:
        return Identity(IdentityKind.PHONE, f"628{self.tenant_id.int % 10**10:010}")

    @property
    def customer(self) -> Customer:
        return a_customer(
            self.identity,
            id=CustomerId(self.id_of("customer")),
            tenant_id=self.tenant_id,
            name=self.word,
            notes=self.word,
        )

    @property
    def conversation(self) -> Conversation:
        return a_conversation(
            self.customer,
            id=ConversationId(self.id_of("conversation")),
            tenant_id=self.tenant_id,
            session=self.word,
            epoch=1,
            last_seq=2,
        )

    @property
    def heard(self) -> Message:
        return a_message(
            self.conversation,
            id=MessageId(self.id_of("heard")),
            seq=1,
            text=self.word,
            session=self.word,
            stanza_id=self.word,
        )

    @property
    def leaving(self) -> Message:
        return an_answer(
            self.conversation,
            wa_ids=(f"3EB0{self.word}",),
            id=MessageId(self.id_of("leaving")),
            seq=2,
            text=self.word,
            session=self.word,
            asks=1,
        )

    @property
    def product(self) -> Product:
        variant = a_variant(self.word, id=VariantId(self.id_of("variant")), name=self.word)
        return a_product(
            self.word,
            variant,
            id=ProductId(self.id_of("product")),
            tenant_id=self.tenant_id,
            description=self.word,
            category=self.word,
        )

    @property
    def imported(self) -> CatalogImport:
        return CatalogImport(
            id=ImportId(self.id_of("import")),
            on_error=OnError.SKIP,
            rows=1,
            started_at=NOON,
            mistakes=(RowMistake(2, None, self.word, self.word),),
        )

    @property
    def variant_id(self) -> VariantId:
        return self.product.variants[0].id

    @property
    def turn(self) -> Turn:
        return Turn(
            id=TurnId(self.id_of("turn")),
            conversation_id=self.conversation.id,
            epoch=1,
            from_seq=1,
            to_seq=1,
            started_at=NOON,
        )

    @property
    def ended(self) -> Turn:
        """For all who look back from now: it is of a time that is yet to come."""
        return Turn(
            id=TurnId(self.id_of("ended")),
            conversation_id=self.conversation.id,
            epoch=0,
            from_seq=0,
            to_seq=0,
            started_at=NOON + timedelta(days=36_500),
            status=TurnStatus.COMMITTED,
            outcome=Outcome.GIVEN_UP,
        )

    @property
    def execution(self) -> Execution:
        return Execution(
            turn_id=self.turn.id,
            key="call-1",
            tool="get_customer_profile",
            arguments_hash="same",
            occurrence=0,
            result={"told": self.word},
        )

    @property
    def once(self) -> Once:
        return Once(scope=self.word, key=self.word, request_hash=self.word)

    @property
    def told(self) -> Heard:
        return Heard(
            event=Ignored(key=self.word, name="message", session=self.word, reason="group"),
            reason="group",
            chat_id=self.word,
            conversation_id=self.conversation.id,
        )

    @property
    def ids(self) -> Sequence[object]:
        return (
            self.tenant_id,
            self.customer.id,
            self.conversation.id,
            self.heard.id,
            self.leaving.id,
            self.turn.id,
            self.ended.id,
            self.identity.value,
            self.product.id,
            self.variant_id,
            self.order.id,
            self.rule.id,
            self.concern.id,
            self.payment.id,
            self.refund.id,
            self.imported.id,
            self.automation.id,
            self.label.id,
            self.board.id,
            self.other_board.id,
            self.ticket.id,
            self.comment.id,
            self.ticket_template.id,
            self.quick_reply.id,
            self.quick_reply.shortcut,
        )

    @property
    def board(self) -> Board:
        """The default."""
        return a_board(
            self.word,
            id=BoardId(self.id_of("board")),
            tenant_id=self.tenant_id,
            description=self.word,
            is_default=True,
        )

    @property
    def other_board(self) -> Board:
        """Empty: anybody might remove it."""
        board_id = BoardId(self.id_of("other board"))
        return a_board(f"{self.word} two", id=board_id, tenant_id=self.tenant_id)

    @property
    def ticket(self) -> Ticket:
        return a_ticket(
            self.board,
            self.word,
            id=TicketId(self.id_of("ticket")),
            tenant_id=self.tenant_id,
            description=self.word,
            assignee_id=self.word,
            resolution=self.word,
            opened_by=self.word,
            reason=self.word,
            conversation_id=self.conversation.id,
            customer_id=self.customer.id,
            order_id=self.order.id,
        )

    @property
    def comment(self) -> Comment:
        comment_id = CommentId(self.id_of("comment"))
        return a_comment(self.ticket, self.word, id=comment_id, author=self.word)

    @property
    def ticket_template(self) -> TicketTemplate:
        return a_template(
            self.word,
            id=TemplateId(self.id_of("ticket template")),
            tenant_id=self.tenant_id,
            subject_template=self.word,
            description_template=self.word,
        )

    @property
    def label(self) -> Label:
        return a_label(
            self.word,
            id=LabelId(self.id_of("label")),
            tenant_id=self.tenant_id,
            description=self.word,
        )

    @property
    def order(self) -> Order:
        """For their own ware, and never paid; its number is a word of theirs."""
        [variant] = self.product.variants
        return an_order(
            self.customer,
            a_line(variant, name=self.word, sku=self.word),
            id=OrderId(self.id_of("order")),
            tenant_id=self.tenant_id,
            number=f"ORD-{self.word}",
            status=OrderStatus.AWAITING_PAYMENT,
            expires_at=NOON + timedelta(days=36_500),
            reservation=2,
            note=self.word,
            delivery=Delivery(address=self.word or "x", zone=self.word, fee=0),
        )

    @property
    def rule(self) -> DiscountRule:
        return a_rule(
            id=DiscountId(self.id_of("discount")),
            tenant_id=self.tenant_id,
            name=self.word,
            code=f"CODE{self.tenant_id.int % 10**4:04}",
        )

    @property
    def quick_reply(self) -> QuickReply:
        return a_quick_reply(
            id=QuickReplyId(self.id_of("quick_reply")),
            tenant_id=self.tenant_id,
            shortcut=f"s{self.tenant_id.int % 10**10:010}",
            content=self.word,
            category=self.word,
        )

    @property
    def automation(self) -> Rule:
        """Nothing that anybody hears sets it off."""
        return a_rule_that(
            id=RuleId(self.id_of("automation")),
            tenant_id=self.tenant_id,
            name=self.word or "x",
            when=said(self.word or "x"),
        )

    @property
    def concern(self) -> Concern:
        facts = {"word": self.word}
        return a_concern(self.order, id=ConcernId(self.id_of("concern")), facts=facts)

    @property
    def payment(self) -> Payment:
        """Nobody has paid it, and somebody should look at it."""
        return a_payment(
            Provider.MANUAL,
            reference=self.word,
            tenant_id=self.tenant_id,
            order_id=self.order.id,
            id=PaymentId(self.id_of("payment")),
            status=PaymentStatus.HELD,
            provider_id=self.word,
            reason=self.word,
            facts=frozenset({a_fact(FactKind.PENDING, self.word)}),
        )

    @property
    def refund(self) -> Refund:
        return Refund(
            id=RefundId(self.id_of("refund")),
            tenant_id=self.tenant_id,
            payment_id=self.payment.id,
            key=f"R-{self.word}",
            amount=1,
            reason=self.word,
            actor=self.word,
            created_at=NOON,
        )

    @property
    def callback(self) -> PaymentEvent:
        return PaymentEvent(
            provider=self.payment.provider,
            key=self.word,
            payment_id=self.payment.id,
            status=self.word,
            received_at=NOON,
        )

    @property
    def proof(self) -> Proof:
        payment_id, message_id = self.payment.id, self.heard.id
        return Proof(payment_id=payment_id, message_id=message_id, received_at=NOON)

    @property
    def terms(self) -> DeliveryTerms:
        return DeliveryTerms(pickup_address=self.word)

    @property
    def targets(self) -> Targets:
        return Targets({Priority.URGENT: 3_600 + sum(self.word.encode()), Priority.LOW: None})

    def checkpoints(self, sessions: Sessions, tenant_id: TenantId) -> SqlCheckpoints:
        """Those of this shop's conversation, for whoever says to be its tenant."""
        claim = Claim(tenant_id=tenant_id, conversation_id=self.conversation.id, epoch=1)
        return SqlCheckpoints(sessions, claim, places=Semaphore(1))

    @property
    def thread(self) -> RunnableConfig:
        return {"configurable": {"thread_id": str(self.turn.id), "checkpoint_ns": ""}}


def connections(sessions: Sessions) -> SqlConnections:
    own = OwnServer("http://waha.internal:3000", None)
    return SqlConnections(sessions, Vault(b"k" * 32), rules=UrlRules(), own=own, believed_for_s=0)


async def furnish(crm: SqlCrm, shop: Shop, *, is_connected: bool = True) -> None:
    """Put all of it into the database, as its own tenant."""
    async with crm.open_work(shop.tenant_id) as work:
        await _talk(work, shop)
        await work.products.add(shop.product)
        await work.stock.count(shop.variant_id, 5, reason=shop.word, actor=shop.word)
        await _deal(work, shop)
        await _ask_for_money(work, shop)
        await _see_to(work, shop, has_default=is_connected)
        await work.catalog.agree_on([(shop.word, "same")])
        await work.imports.add(shop.imported)
    async with tenant_transaction(crm.sessions, shop.tenant_id) as session:
        await session.execute(_LONG_AGO)
    await _remember_progress(crm, shop)
    if is_connected:
        change = ConnectionChange(session=shop.word, api_key=f"key-{shop.word}")
        await connections(crm.sessions).put(shop.tenant_id, change)
        account = AccountChange(details=shop.word, secret=f"key-{shop.word}")
        await crm.payment_accounts.put(shop.tenant_id, Provider.MANUAL, account)
        await connections(crm.sessions).rotate_webhook_secret(shop.tenant_id)


async def _talk(work: Work, shop: Shop) -> None:
    await work.tenants.add(shop.tenant)
    await work.customers.add(shop.customer)
    await work.conversations.add(shop.conversation)
    await work.messages.add([shop.heard, shop.leaving])
    await work.labels.add(shop.label)
    await work.labels.apply(shop.conversation.id, shop.label.id, by=shop.word, at=NOON)
    await work.inbox.record(shop.told)
    await work.acks.advance(shop.word, shop.word, Rank.DEVICE)
    await work.whatsapp_sessions.changed(shop.word, "WORKING", NOON)
    await work.idempotency.claim(shop.once, shop.leaving.id)
    await work.turns.add(shop.turn)
    await work.turns.add(shop.ended)
    await work.executions.add(shop.execution)
    await work.timeline.note(shop.conversation.id, "message.received", word=shop.word)
    await work.timeline.note(shop.conversation.id, "rule.ran", rule_id=shop.automation.id)


async def _deal(work: Work, shop: Shop) -> None:
    await work.orders.next_number()
    await work.orders.add(shop.order, an_event("order.confirmed", word=shop.word))
    await work.reservations.reserve(shop.order.id, 1, {shop.variant_id: 2})
    await work.reservations.sell(shop.order.id, 1)
    await work.reservations.reserve(shop.order.id, 2, {shop.variant_id: 2})
    await work.delivery.put(shop.terms)
    await work.ticket_targets.put(shop.targets)
    await work.discounts.add(shop.rule)
    await work.quick_replies.add(shop.quick_reply)
    await work.concerns.add(shop.concern)
    await work.rules.add(shop.automation)


async def _see_to(work: Work, shop: Shop, *, has_default: bool) -> None:
    """Of who has no default board, another's would be the only one to be found."""
    board = shop.board
    board.is_default = has_default
    await work.ticket_boards.add(board)
    await work.ticket_boards.add(shop.other_board)
    await work.ticket_templates.add(shop.ticket_template)
    await work.tickets.next_number()
    ticket = shop.ticket
    ticket.record("ticket.opened", NOON, by=shop.word)
    await work.tickets.add(ticket)
    await work.tickets.comment(shop.comment)


async def _ask_for_money(work: Work, shop: Shop) -> None:
    await work.payments.add(shop.payment)
    await work.refunds.add(shop.refund)
    await work.payment_events.record(shop.callback)
    await work.payment_events.prove(shop.proof)


async def _remember_progress(crm: SqlCrm, shop: Shop) -> None:
    checkpoints = shop.checkpoints(crm.sessions, shop.tenant_id)
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"]["said"] = shop.word
    facts: Any = {"source": "input", "step": -1, "word": shop.word}
    config = await checkpoints.aput(shop.thread, checkpoint, facts, {})
    await checkpoints.aput_writes(config, [("said", shop.word)], "task")

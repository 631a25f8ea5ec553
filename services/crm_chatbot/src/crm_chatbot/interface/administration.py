"""What those who run shops reach over HTTP, and which shops a caller may know of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from crm_chatbot.application.automation_rules import AutomationRules
from crm_chatbot.application.catalog.importing import ImportService
from crm_chatbot.application.catalog.service import CatalogService
from crm_chatbot.application.conversations.looking import Looking
from crm_chatbot.application.conversations.service import ConversationService
from crm_chatbot.application.customers import CustomerService
from crm_chatbot.application.feed import Feed, Thing
from crm_chatbot.application.labelling import Labelling
from crm_chatbot.application.labels import LabelService
from crm_chatbot.application.orders.concerns import ConcernService
from crm_chatbot.application.orders.desk import OrderService
from crm_chatbot.application.orders.shop_rules import ShopRules
from crm_chatbot.application.quick_replies import QuickReplyService
from crm_chatbot.application.quick_reply_sending import QuickReplySending
from crm_chatbot.application.tenants import TenantList, TenantService
from crm_chatbot.application.tickets.boards import BoardService
from crm_chatbot.application.tickets.clock import TargetService
from crm_chatbot.application.tickets.templates import TicketTemplateService
from crm_chatbot.application.tickets.tickets import TicketService
from crm_chatbot.application.whatsapp.catch_up import Reminder
from crm_chatbot.domain.tenants.tenant import TenantId, TenantNotFound
from shared.infrastructure.api_keys import ApiKeys
from shared.infrastructure.late import Touch
from shared.interface.access import Caller
from shared.interface.parameters import Cursors
from shared.interface.streams import Streams
from shared.whatsapp.connections import Connections
from shared.whatsapp.waha import Waha

SHOP = "/v1/crm/tenants/{tenant_id}"


@dataclass(frozen=True)
class Administration:
    """The menu. Wiring puts it into `app.state.crm_administration`."""

    tenants: TenantService
    every_tenant: TenantList
    connections: Connections
    waha: Waha
    keys: ApiKeys
    cursors: Cursors
    conversations: ConversationService
    customers: CustomerService
    labels: LabelService
    labelling: Labelling
    looking: Looking
    reminder: Reminder
    catalog: CatalogService
    orders: OrderService
    rules: ShopRules
    concerns: ConcernService
    ticket_targets: TargetService
    imports: ImportService
    tickets: TicketService
    boards: BoardService
    ticket_templates: TicketTemplateService
    automation: AutomationRules
    quick_replies: QuickReplyService
    say_quick_reply: QuickReplySending
    feed: Feed
    #: says on the feed that something was stored; neither waits nor fails
    tell: Callable[[TenantId, Iterable[Touch]], None]
    streams: Streams = field(default_factory=Streams)

    def changed(self, tenant_id: TenantId, kind: Thing, one: UUID | None = None) -> None:
        """Tell of what no `Work` stores, and so tells of; without `one`, a shop has only one."""
        self.tell(tenant_id, [Touch(kind, one or tenant_id)])


async def administration(request: Request) -> Administration:
    menu: Administration = request.app.state.crm_administration
    return menu


Admin = Annotated[Administration, Depends(administration)]


def known_to(caller: Caller, tenant_id: UUID) -> TenantId:
    """The tenant that a path names. Raises TenantNotFound: others' look absent."""
    if caller.tenant_id not in {None, tenant_id}:
        raise TenantNotFound(tenant_id=tenant_id)
    return TenantId(tenant_id)


def actor_of(caller: Caller) -> str:
    """Who a ledger says it was."""
    return "platform" if caller.key_id is None else f"key {caller.key_id}"

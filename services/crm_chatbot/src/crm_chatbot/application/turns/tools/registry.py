"""Every tool that the bot has: a new one is one more entry here."""

from typing import Any

from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.turns.tools.catalog import CATALOG_TOOLS
from crm_chatbot.application.turns.tools.checkout import Checkout, checkout_tools
from crm_chatbot.application.turns.tools.customer import TOOLS
from crm_chatbot.application.turns.tools.labels import LABEL_TOOLS
from crm_chatbot.application.turns.tools.orders import Cart, cart_tools
from crm_chatbot.application.turns.tools.tickets import ticket_tools
from crm_chatbot.application.turns.tools.toolbox import Tool


def every_tool(*, new_id: NewId, patience_s: float) -> tuple[Tool[Any], ...]:
    """`patience_s`: how long the sender may be silent before it is asked again."""
    return (
        *TOOLS,
        *CATALOG_TOOLS,
        *LABEL_TOOLS,
        *cart_tools(Cart(new_id)),
        *ticket_tools(new_id=new_id),
        *checkout_tools(Checkout(new_id=new_id, patience_s=patience_s)),
    )

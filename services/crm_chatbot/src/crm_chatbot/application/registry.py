"""Every tool that the bot has: a new one is one more entry here."""

from typing import Any

from crm_chatbot.application.catalog_tools import CATALOG_TOOLS
from crm_chatbot.application.checkout_tools import Checkout, checkout_tools
from crm_chatbot.application.customer_tools import TOOLS
from crm_chatbot.application.label_tools import LABEL_TOOLS
from crm_chatbot.application.order_tools import Cart, cart_tools
from crm_chatbot.application.takeover import NewId
from crm_chatbot.application.ticket_tools import ticket_tools
from crm_chatbot.application.tools import Tool


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

"""The menu: everything that crm_chatbot can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_chatbot.application.ports import OpenWork
from crm_chatbot.application.whatsapp.inbound import InboundService
from crm_chatbot.domain.whatsapp import Event
from shared.whatsapp.connections import Connections
from shared.whatsapp.waha import Waha


@dataclass(frozen=True)
class WebhookRules:
    """Whom webhooks are believed."""

    #: who has no secret needs no signature
    allows_unsigned: bool = False
    #: how far WAHA's clock may be from ours; 0: any time is as good
    window_s: float = 0.0


@dataclass(frozen=True)
class Application:
    """Use cases, and what routes read from."""

    open_work: OpenWork
    connections: Connections
    waha: Waha
    inbound: InboundService
    #: from WAHA's words to ours
    understand: Callable[[Mapping[str, Any]], Event]
    webhooks: WebhookRules = field(default_factory=WebhookRules)

"""Whose hidden identities they are: WAHA is asked, and two customers may turn out to be one."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from crm_chatbot.application.backlog import Backlog
from crm_chatbot.application.whatsapp.inbound import InboundService
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.tenants.tenant import TenantId
from shared import logs
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import DomainError
from shared.whatsapp.connections import Connections
from shared.whatsapp.waha import Waha, WahaFailed

log = logs.get()

#: Identities of one round; whatever is left over waits for the next.
MOST = 50
#: WhatsApp may never tell: then it is asked again, but not soon.
ASK_AGAIN_AFTER_S = 21_600.0

#: How many digits a number has. Whatever else WAHA may say would make strangers one person.
_DIGITS = range(7, 16)


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Asks outside of any transaction."""

    backlog: Backlog
    connections: Connections
    waha: Waha
    inbound: InboundService
    ask_again_after_s: float = ASK_AGAIN_AFTER_S

    async def resolve(self) -> int:
        """Ask for those that nobody has asked for; how many are known now."""
        hidden: defaultdict[TenantId, list[str]] = defaultdict(list)
        for tenant_id, lid in await self.backlog.hidden(MOST, for_s=self.ask_again_after_s):
            hidden[tenant_id].append(lid)
        return sum(await asyncio.gather(*(self._of(*one) for one in hidden.items())))

    async def _of(self, tenant_id: TenantId, lids: Sequence[str]) -> int:
        """One shop's; where its WAHA does not answer, they are asked for again in hours."""
        known = 0
        try:
            for lid in lids:
                known += await self._resolve(tenant_id, lid)
        except (WahaFailed, DomainError) as refusal:
            log.info("resolving.refused", tenant_id=str(tenant_id), code=refusal.code)
        except DatabaseUnavailable:
            log.info("resolving.later", tenant_id=str(tenant_id))
        except Exception:
            log.exception("resolving.failed", tenant_id=str(tenant_id))
        return known

    async def _resolve(self, tenant_id: TenantId, lid: str) -> bool:
        connection = await self.connections.find(tenant_id)
        phone = await self.waha.phone_of_lid(connection, lid)
        if phone is None or len(phone) not in _DIGITS:
            return False
        tenant = await self.inbound.tenant(tenant_id)
        crash_point("crm.before_linking")
        names = (Identity(IdentityKind.PHONE, phone), Identity(IdentityKind.LID, lid))
        await self.inbound.link(tenant, names)
        return True

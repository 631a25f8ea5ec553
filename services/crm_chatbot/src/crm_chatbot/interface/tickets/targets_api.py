"""`.../ticket-targets` of a shop: within what time its tickets are to be resolved."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from crm_chatbot.domain.tickets.clock import LONGEST_S, SHORTEST_S, WITHIN_S, Targets
from crm_chatbot.domain.tickets.ticket import Priority
from crm_chatbot.interface.administration import SHOP, Admin, known_to
from crm_chatbot.interface.tenants.views import Body, Whole
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router

router: APIRouter = api_router(SHOP, tag="tickets")


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


Seconds = Annotated[Whole, Field(ge=SHORTEST_S, le=LONGEST_S)]
#: What is left out has the platform's own time.
_OURS: Any = Field(default=None, json_schema_extra=_no_default)


class WantedTimes(Body):
    """Seconds of business hours; null: no clock."""

    urgent: Seconds | None = _OURS
    high: Seconds | None = _OURS
    medium: Seconds | None = _OURS
    low: Seconds | None = _OURS

    def own(self) -> Mapping[Priority, int | None]:
        return {Priority(name): getattr(self, name) for name in self.model_fields_set}


class TargetsBody(Body):
    """All of a shop's targets."""

    within_s: WantedTimes = Field(
        description="Seconds of business hours by priority; null: no clock. What is left out has "
        "the platform's own time.",
        examples=[{"urgent": 7_200, "low": None}],
    )


class TargetsView(BaseModel):
    """What holds for the shop's tickets."""

    within_s: dict[Priority, int | None] = Field(
        description="Seconds of business hours by priority; null: no clock.",
        examples=[{"urgent": 7_200, "high": 28_800, "medium": 86_400, "low": None}],
    )
    own: list[Priority] = Field(
        description="Where the shop has said so itself.", examples=[["urgent", "low"]]
    )

    @classmethod
    def of(cls, targets: Targets) -> "TargetsView":
        within_s = {priority: targets.within_s(priority) for priority in WITHIN_S}
        return cls(within_s=within_s, own=[one for one in WITHIN_S if one in targets.own])


@router.get("/ticket-targets", summary="Look at within what time tickets are to be resolved")
async def get_ticket_targets(tenant_id: Id, app: Admin, caller: AnyCaller) -> TargetsView:
    """Only the shop's business hours count; while a ticket waits for somebody, its clock stands."""
    return TargetsView.of(await app.ticket_targets.get(known_to(caller, tenant_id)))


@router.put("/ticket-targets", summary="Replace within what time tickets are to be resolved")
async def put_ticket_targets(
    tenant_id: Id, body: TargetsBody, app: Admin, caller: WritingCaller
) -> TargetsView:
    """For tickets that are opened, reopened, or given another priority from now on."""
    wanted = body.within_s.own()
    return TargetsView.of(await app.ticket_targets.put(known_to(caller, tenant_id), wanted))

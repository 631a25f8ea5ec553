"""What every payment provider's control channel has: script, deliveries, clock."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from simulators.payments.calls import PaymentRule
from simulators.payments.provider import Provider


class Body(BaseModel):
    """What the control channel takes: nothing that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleInUse(BaseModel):
    """A rule, and how often it was used."""

    rule: dict[str, Any]
    used: int


class ClockBody(Body):
    """How a provider's time passes."""

    #: so many times as fast; 0 stands still
    pace: float | None = Field(default=None, ge=0)
    now: AwareDatetime | None = None
    #: puts it forward
    ahead_s: float = Field(default=0.0, ge=0)


class ClockView(BaseModel):
    """What a provider takes for the time."""

    now: datetime
    pace: float


def router(provider: Provider[Any, Any]) -> APIRouter:
    """The routes under `/{provider}/control`, to which a provider adds its own."""
    control = APIRouter(prefix=f"/{provider.name}/control", tags=[f"{provider.name} control"])
    control.include_router(_script(provider))
    control.include_router(_deliveries(provider))
    control.include_router(_clock(provider))
    return control


def _script(provider: Provider[Any, Any]) -> APIRouter:
    control = APIRouter()

    @control.put("/script", status_code=204)
    async def replace_script(rules: list[PaymentRule]) -> None:
        """Put these rules in the place of all others; every count starts again."""
        provider.script.set(rules)

    @control.delete("/script", status_code=204)
    async def clear_script() -> None:
        """Go back to answering every call as usual."""
        provider.script.set([])

    @control.get("/script")
    async def show_script() -> list[RuleInUse]:
        """The rules in order, without what they leave as it is."""
        return [
            RuleInUse(rule=line.rule.model_dump(mode="json", exclude_defaults=True), used=line.used)
            for line in provider.script.lines
        ]

    return control


def _deliveries(provider: Provider[Any, Any]) -> APIRouter:
    control = APIRouter()

    @control.get("/deliveries")
    async def show_deliveries(reference: str | None = None) -> list[dict[str, Any]]:
        """The last 10,000, oldest first, with what was sent and what became of it."""
        recent = list(provider.deliveries.recent)
        return [one.view() for one in recent if reference in {None, one.reference}]

    @control.delete("/deliveries", status_code=204)
    async def forget_deliveries() -> None:
        """What is on its way is lost, as when the provider restarts."""
        provider.deliveries.forget()

    return control


def _clock(provider: Provider[Any, Any]) -> APIRouter:
    control = APIRouter()

    @control.put("/clock")
    async def change_clock(body: ClockBody) -> ClockView:
        """Payments expire by it; tries of webhooks do not wait for it."""
        provider.clock.change(pace=body.pace, now=body.now, ahead_s=body.ahead_s)
        return ClockView(now=provider.clock.now(), pace=provider.clock.pace)

    @control.get("/clock")
    async def show_clock() -> ClockView:
        return ClockView(now=provider.clock.now(), pace=provider.clock.pace)

    return control

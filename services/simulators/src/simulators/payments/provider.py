"""A payment provider without its protocol: merchants' door, clock, weather, script, settings."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from simulators.exchange import Header
from simulators.faults import Failure
from simulators.journal import Journal
from simulators.outside import Outside
from simulators.payments.calls import Call, Operation, PaymentRule, Refused
from simulators.payments.clock import Clock
from simulators.payments.notices import NoticeDelivery
from simulators.posting import Deliveries
from simulators.script import Script
from simulators.weather import Sky, Weather


class Settings(BaseModel):
    """How a provider behaves that is in no protocol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: a key that nobody registered makes a merchant, to whom nothing is posted
    any_key: bool = False
    #: under which address people find the pay pages; by default the one that the API was called at
    public_url: str | None = None
    #: what a provider's minutes between tries of a webhook are multiplied with
    retry_scale: float = Field(default=1.0, ge=0)
    #: how long a receiver of webhooks may take; by default as long as the provider waits
    answer_within_s: float | None = Field(default=None, gt=0)
    #: how long money takes to go back, by the provider's clock
    refund_confirmed_after_s: float = Field(default=7.0, ge=0)


SettingsT = TypeVar("SettingsT", bound=Settings)
WeatherT = TypeVar("WeatherT", bound=Weather)


class Provider(ABC, Generic[SettingsT, WeatherT]):
    """Everything that stands behind one provider's API, its pages and its control channel."""

    #: in the journal, and in front of every path
    name: str

    def __init__(self, settings: SettingsT, weather: WeatherT, journal: Journal | None) -> None:
        self.journal = Journal() if journal is None else journal
        self.settings = settings
        self.script = Script[PaymentRule]()
        self.clock = Clock()
        self._outside = Outside()
        self.deliveries = Deliveries[NoticeDelivery](self._outside)
        self.sky = Sky(self.deliveries, weather)

    @abstractmethod
    def admit(self, call: Call, operation: Operation) -> None:
        """Raises Refused for whom the provider does not know."""

    @abstractmethod
    def merchant_id(self, key: str) -> str:
        """Empty for an unknown key."""

    @abstractmethod
    def refuse(self, operation: Operation, failure: Failure) -> Refused:
        """A status that a script asked for, in the provider's shape."""

    def headers(self, call: Call, operation: Operation) -> Sequence[Header]:  # noqa: ARG002 - for those who have some
        """What goes with every answer."""
        return []

    def facts(self, call: Call, operation: Operation) -> dict[str, Any]:
        """For the journal, and for a script's conditions."""
        reference = operation.reference(call)
        return {
            "call": call.name,
            "merchant": self.merchant_id(call.key),
            "reference": reference,
        }

    def rule_for(self, facts: Mapping[str, Any]) -> PaymentRule:
        """The rule for a call; one that changes nothing if none fits."""
        return self.script.choose(lambda rule: rule.fits(facts)) or PaymentRule()

    def pages(self, call: Call) -> str:
        """The address under which pay pages are found."""
        host = call.header(b"host") or "localhost"
        return (self.settings.public_url or f"http://{host}").rstrip("/") + f"/{self.name}"

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The clock rings while the block lasts; what is on its way is lost at the end."""
        ringing = asyncio.create_task(self.clock.run())
        try:
            yield
        finally:
            ringing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ringing
            await self.deliveries.close()
            await self._outside.close()

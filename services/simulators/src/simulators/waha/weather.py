"""The weather between WAHA and its receivers: events doubled, shuffled, late, or lost."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from simulators.faults import Seconds
from simulators.waha import names
from simulators.waha.config import Webhook
from simulators.waha.webhooks import Deliveries


class Weather(BaseModel):
    """How deliveries fare from now on; by default well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: only these events; none named: all
    events: tuple[str, ...] = ()
    #: nothing is delivered, or ever will be; the chat history knows it all the same
    outage: bool = False
    #: each event is delivered so often
    copies: int = Field(default=1, ge=1, le=100)
    #: the copies look like events of their own: the message in them is the same
    fresh_copies: bool = False
    delay_s: Seconds = 0.0
    #: a random part of this is added to the delay
    jitter_s: Seconds = 0.0
    #: so many deliveries gather, and then leave in random order
    shuffle: int = Field(default=1, ge=1, le=10_000)
    #: what gathers leaves after this time, however little it is
    gather_s: Seconds = 1.0
    #: repeats the same random numbers
    seed: int | None = None
    #: the field `engine` at the top of the envelope, which some versions leave out
    top_engine: bool = True


class Sky:
    """Sends envelopes through the weather."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._gathered: list[tuple[Webhook, Mapping[str, Any]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self.change(Weather())

    def change(self, weather: Weather) -> None:
        """From now on; what has gathered leaves."""
        self.weather = weather
        self._random = random.Random(weather.seed)  # noqa: S311 - luck, not secrets
        self._release()

    def send(self, webhook: Webhook, envelope: dict[str, Any]) -> None:
        weather = self.weather
        if not weather.top_engine:
            envelope = {name: part for name, part in envelope.items() if name != "engine"}
        if weather.events and envelope["event"] not in weather.events:
            self._deliveries.send(webhook, envelope)
            return
        if weather.outage:
            self._deliveries.note(webhook, envelope, outcome="lost")
            return
        for n in range(weather.copies):
            is_fresh = n > 0 and weather.fresh_copies
            copy = {**envelope, "id": names.new_event_id()} if is_fresh else envelope
            self._gather(webhook, copy)

    def _gather(self, webhook: Webhook, envelope: Mapping[str, Any]) -> None:
        self._gathered.append((webhook, envelope))
        if len(self._gathered) >= self.weather.shuffle:
            self._release()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.weather.gather_s, self._release)

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        leaving, self._gathered = self._gathered, []
        self._random.shuffle(leaving)
        for webhook, envelope in leaving:
            jitter_s = self._random.uniform(0, self.weather.jitter_s)
            self._deliveries.send(webhook, envelope, delay_s=self.weather.delay_s + jitter_s)

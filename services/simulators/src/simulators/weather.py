"""The weather between a simulator and its receivers: events doubled, shuffled, late, or lost."""

import asyncio
import random
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from simulators.faults import Seconds
from simulators.posting import Deliveries, DeliveryT, Letter


class Weather(BaseModel):
    """How deliveries fare from now on; by default well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: only these events; none named: all
    events: tuple[str, ...] = ()
    #: nothing is delivered, or ever will be; who asks learns of it all the same
    outage: bool = False
    #: this share of the events is lost, and the others are not
    loss: float = Field(default=0.0, ge=0, le=1)
    #: each event is delivered so often
    copies: int = Field(default=1, ge=1, le=100)
    #: the copies look like events of their own: what they tell is the same
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

    def touches(self, event: str) -> bool:
        return not self.events or event in self.events


WeatherT = TypeVar("WeatherT", bound=Weather)


class Sky(Generic[WeatherT, DeliveryT]):
    """Sends letters through the weather."""

    def __init__(self, deliveries: Deliveries[DeliveryT], weather: WeatherT) -> None:
        self._deliveries = deliveries
        self._gathered: list[Letter[DeliveryT]] = []
        self._timer: asyncio.TimerHandle | None = None
        self.change(weather)

    def change(self, weather: WeatherT) -> None:
        """From now on; what has gathered leaves."""
        self.weather = weather
        self._random = random.Random(weather.seed)  # noqa: S311 - luck, not secrets
        self._release()

    def send(self, letter: Letter[DeliveryT]) -> None:
        weather = self.weather
        if not weather.touches(letter.event):
            self._deliveries.send(letter)
        elif weather.outage or (weather.loss and self._random.random() < weather.loss):
            self._deliveries.lose(letter)
        else:
            for n in range(weather.copies):
                is_fresh = n > 0 and weather.fresh_copies
                self._gather(letter.fresh() if is_fresh else letter)

    def _gather(self, letter: Letter[DeliveryT]) -> None:
        self._gathered.append(letter)
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
        for letter in leaving:
            jitter_s = self._random.uniform(0, self.weather.jitter_s)
            self._deliveries.send(letter, delay_s=self.weather.delay_s + jitter_s)

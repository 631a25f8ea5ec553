"""A customer acts out a dialogue's steps, and waits after each for what must follow."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from standalone.paying import LET_IT_EXPIRE, PAY, Browser, PayPage, link_in
from standalone.promises import PromiseBroken, ask, until
from standalone.rehearsal import bank_books
from standalone.rehearsal.script import (
    RECEIPT,
    Burst,
    Hears,
    LetsExpire,
    Pays,
    PaysAndSays,
    PaysTooLate,
    Picks,
    Says,
    Sends,
    Step,
)
from standalone.rehearsal.stage import Stage


@dataclass
class Actor:
    """Plays the customer of one stage."""

    stage: Stage
    #: how much had been said when the customer last wrote, and when they last paid
    _wrote_at: int = 0
    _used: set[str] = field(default_factory=set[str])

    async def does(self, step: Step) -> None:
        """One step, to its end. Raises PromiseBroken."""
        match step:
            case Says(words):
                await self._writes(words)
            case Burst(words):
                await self._writes(*words)
            case Sends(kind, words):
                await self._sends(kind, words)
            case Hears(pattern):
                await self.stage.chat.hears(pattern, after=self._wrote_at)
            case _:
                await self._at_the_bank(step)

    async def _at_the_bank(self, step: Step) -> None:
        match step:
            case Pays(method, taps):
                await self._pays(method, taps=taps)
            case PaysAndSays(words, method):
                await self._pays_and_says(method, words)
            case Picks(method):
                await self._chosen(method)
            case LetsExpire(method):
                page = await self._browser.presses(await self._chosen(method), LET_IT_EXPIRE)
                self._used.add(page.url)
            case PaysTooLate():
                await self._pays_too_late()
            case _:
                raise PromiseBroken(f"nobody knows how to act {step}")

    async def _writes(self, *words: str) -> None:
        self._wrote_at = await self._heard()
        for one in words:
            await self.stage.chat.customer.says(one)
        await self.stage.chat.is_answered(words[-1])

    async def _sends(self, kind: str, words: str) -> None:
        self._wrote_at = await self._heard()
        await self.stage.chat.customer.sends(kind, words)
        await self.stage.chat.is_answered(f"[{kind}] {words}".strip())

    async def _pays(self, method: str, *, taps: int) -> None:
        page = await self._chosen(method)
        told = await self._heard()
        pressing = (self._browser.presses(page, PAY) for _ in range(taps))
        await asyncio.gather(*pressing)
        await self.stage.chat.hears(RECEIPT, after=told)

    async def _pays_and_says(self, method: str, words: str) -> None:
        page = await self._chosen(method)
        told = await self._heard()
        await self._browser.presses(page, PAY)
        await self._writes(words)
        await self.stage.chat.hears(r"terima|received|masuk|arrived", after=told)

    async def _chosen(self, method: str) -> PayPage:
        """The newest link's page, with a method picked. Raises PromiseBroken."""

        async def fresh() -> str | None:
            said = reversed(await self.stage.chat.customer.heard())
            link = next((found for one in said if (found := link_in(one))), None)
            return None if link in self._used else link

        link = await until(fresh, "a new link to pay by", within=self.stage.chat.patience_s)
        self._used.add(link)
        return await self._browser.presses(await self._browser.opens(link), method)

    async def _pays_too_late(self) -> None:
        shop = self.stage.shop
        if shop.plan.bank != "midtrans":
            raise PromiseBroken("only the pretend Midtrans takes money too late")
        first = (await bank_books.of(self.stage.outside, shop)).references[0]
        path = f"/midtrans/control/orders/{first}/pay"
        await ask(self.stage.outside, "POST", path, {"force": True})

    @property
    def _browser(self) -> Browser:
        return Browser(self.stage.outside)

    async def _heard(self) -> int:
        return len(await self.stage.chat.customer.heard())


async def act(stage: Stage, steps: Sequence[Step]) -> None:
    """All steps in turn. Raises PromiseBroken."""
    actor = Actor(stage)
    for step in steps:
        await actor.does(step)

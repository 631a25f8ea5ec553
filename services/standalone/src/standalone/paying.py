"""Paying as a customer does: open the link in a browser, press the buttons, read what it says."""

import re
from dataclasses import dataclass
from html import unescape

import httpx

from standalone.promises import PromiseBroken

_LINK = re.compile(r"https?://\S+")
_BUTTON = re.compile(r'<button class="[^"]*" name="do" value="(?P<value>[^"]*)">(?P<label>[^<]*)<')
_HEADING = re.compile(r"<h2>(?P<words>[^<]*)</h2>")
_AMOUNT = re.compile(r'<h1 class="amount">(?P<words>[^<]*)</h1>')

PAY, LET_IT_EXPIRE = "Bayar", "Biarkan kedaluwarsa"
RECEIVED = "Pembayaran diterima"


def link_in(words: str) -> str | None:
    """The last address in a text."""
    found = _LINK.findall(words)
    return str(found[-1]) if found else None


@dataclass(frozen=True)
class PayPage:
    """What the browser shows, and where the next button's press goes."""

    url: str
    html: str

    @property
    def heading(self) -> str:
        return _first(_HEADING, self.html)

    @property
    def amount(self) -> str:
        """As the page writes it: Rp170.000."""
        return _first(_AMOUNT, self.html)

    @property
    def buttons(self) -> dict[str, str]:
        """What a press tells the provider, by the words on the button."""
        found = _BUTTON.finditer(self.html)
        return {unescape(one["label"]): unescape(one["value"]) for one in found}


@dataclass(frozen=True)
class Browser:
    """A client that follows where it is sent."""

    http: httpx.AsyncClient

    async def opens(self, link: str) -> PayPage:
        return _page(await self.http.get(link, follow_redirects=True))

    async def presses(self, page: PayPage, label: str) -> PayPage:
        """Raises PromiseBroken where there is no such button."""
        if label not in page.buttons:
            offered = ", ".join(page.buttons) or "nothing"
            raise PromiseBroken(f"the pay page “{page.heading}” offers {offered}, not {label}")
        pressed = {"do": page.buttons[label]}
        return _page(await self.http.post(page.url, data=pressed, follow_redirects=True))

    async def pays(self, link: str, method: str) -> PayPage:
        """Pick a method and pay with it. Raises PromiseBroken unless the money is taken."""
        chosen = await self.presses(await self.opens(link), method)
        paid = await self.presses(chosen, PAY)
        if paid.heading != RECEIVED:
            raise PromiseBroken(f"the pay page says “{paid.heading}” after paying")
        return paid


def _page(answer: httpx.Response) -> PayPage:
    if not answer.is_success:
        raise PromiseBroken(f"the pay page {answer.url} answered {answer.status_code}")
    return PayPage(str(answer.url), answer.text)


def _first(pattern: re.Pattern[str], html: str) -> str:
    found = pattern.search(html)
    return unescape(found["words"]) if found else ""

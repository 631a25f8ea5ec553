"""A pay page as every pretend provider shows it: a bill, how it stands, and what one may do."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from simulators.waha.pictures import qr_picture

_JAKARTA = timezone(timedelta(hours=7))
_MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni",
    "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip
_STYLE = "/payments/pay.css"
_FILE = Path(__file__).with_name("files") / "pay.css"
#: the browser itself refuses whatever is not ours
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Button:
    """Something that the customer may do."""

    value: str
    label: str
    kind: Literal["method", "first", "other"] = "other"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the customer sees."""

    provider: str
    shop: str
    amount: int
    reference: str
    heading: str
    tone: Literal["plain", "good", "bad"] = "plain"
    says: str = ""
    #: what the customer needs for paying, such as an account number
    facts: Sequence[tuple[str, str]] = ()
    #: what a picture of squares stands for
    qr: str = ""
    buttons: Sequence[Button] = ()
    #: where to go from here
    back: str = ""

    def answer(self, status: int = 200) -> Response:
        return HTMLResponse(_html(self), status, headers=_HEADERS)


@router.get(_STYLE)
async def style() -> Response:
    return FileResponse(_FILE, media_type="text/css; charset=utf-8", headers=_HEADERS)


def until(moment: datetime) -> str:
    """How a shop's customers read a time."""
    at = moment.astimezone(_JAKARTA)
    return f"Bayar sebelum {at.day} {_MONTHS[at.month - 1]} {at.year} pukul {at:%H.%M} WIB."


def rupiah(amount: int) -> str:
    return "Rp" + f"{amount:,}".replace(",", ".")


def back_to(url: object, **told: str) -> str:
    """The shop's address with what it is told; empty if that is none for a browser."""
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        return ""
    if not told:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(told)}"


async def pressed(request: Request) -> str:
    """The value of the button."""
    said = dict(parse_qsl((await request.body()).decode(errors="replace")))
    return said.get("do", "")


def nothing(provider: str) -> Response:
    """For an address that nobody was given."""
    page = Page(
        provider=provider,
        shop="",
        amount=0,
        reference="",
        heading="Halaman tidak ditemukan",
        tone="bad",
        says="Minta tautan pembayaran yang baru kepada penjual.",
    )
    return page.answer(404)


def _html(page: Page) -> str:
    bill = (
        f'<section class="card bill"><p class="shop">{escape(page.shop)}</p>'
        f'<h1 class="amount">{rupiah(page.amount)}</h1>'
        f'<p class="reference">{escape(page.reference)}</p></section>'
    )
    return (
        '<!doctype html><html lang="id"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Pembayaran {escape(page.reference)}</title>"
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="{_STYLE}"></head><body>'
        f'<p class="simulator" role="note">Simulator {escape(page.provider)}: '
        "tidak ada uang sungguhan yang berpindah.</p>"
        f"<main>{bill if page.reference else ''}{_state(page)}{_buttons(page)}{_back(page)}</main>"
        "</body></html>"
    )


def _state(page: Page) -> str:
    says = f"<p>{escape(page.says)}</p>" if page.says else ""
    facts = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in page.facts)
    return (
        f'<section class="card state {page.tone}" data-state="{page.tone}">'
        f"<h2>{escape(page.heading)}</h2>{says}{_picture(page.qr)}"
        f"{f'<dl>{facts}</dl>' if facts else ''}</section>"
    )


def _picture(value: str) -> str:
    if not value:
        return ""
    data = base64.b64encode(qr_picture(value)).decode()
    return f'<img class="qr" alt="Kode QR" src="data:image/png;base64,{data}">'


def _buttons(page: Page) -> str:
    if not page.buttons:
        return ""
    each = "".join(
        f'<button class="{one.kind}" name="do" value="{escape(one.value)}">'
        f"{escape(one.label)}</button>"
        for one in page.buttons
    )
    return f'<form method="post">{each}</form>'


def _back(page: Page) -> str:
    if not page.back:
        return ""
    return f'<a class="button other" id="back" href="{escape(page.back)}">Kembali ke toko</a>'

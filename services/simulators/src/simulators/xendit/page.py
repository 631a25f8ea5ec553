"""The page behind `invoice_url`: pick a channel, and then pay, fail, or let it expire."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from simulators.payments.page import Button, Page, back_to, nothing, pressed, until
from simulators.xendit.channels import CHANNELS, Channel
from simulators.xendit.invoices import Invoice
from simulators.xendit.server import Xendit

_PROVIDER = "Xendit"


def router(xendit: Xendit) -> APIRouter:
    """The page, and what its buttons do."""
    pages = APIRouter(prefix="/xendit/web", include_in_schema=False)

    @pages.get("/{number}")
    async def show(number: str, pay: str = "", failed: str = "") -> Response:
        """`pay` is the channel that was picked, `failed` one with which it went wrong."""
        xendit.clock.ring()
        invoice = xendit.invoices.get(number)
        if invoice is None:
            return nothing(_PROVIDER)
        if invoice.status == "PENDING" and pay in CHANNELS:
            return _paying(invoice, CHANNELS[pay]).answer()
        return _page(invoice, failed=CHANNELS.get(failed)).answer()

    @pages.post("/{number}")
    async def press(number: str, request: Request, pay: str = "") -> Response:
        xendit.clock.ring()
        invoice = xendit.invoices.get(number)
        if invoice is None:
            return nothing(_PROVIDER)
        then = _do(xendit, invoice, await pressed(request), CHANNELS.get(pay))
        # Reloading the page that follows must not press the button again.
        return RedirectResponse(request.url.path + then, status_code=303)

    return pages


def _do(xendit: Xendit, invoice: Invoice, what: str, channel: Channel | None) -> str:
    """Gives what the next page is to know; what is not possible any more is passed over."""
    if invoice.status != "PENDING":
        return ""
    if what in CHANNELS:
        return f"?pay={what}"
    if what == "expire":
        xendit.expire(invoice)
    elif what == "pay" and channel:
        xendit.pay(invoice, channel)
    elif what == "fail" and channel:
        # Xendit tells nobody: the invoice can still be paid.
        return f"?failed={channel.code}"
    return ""


def _page(invoice: Invoice, *, failed: Channel | None) -> Page:
    if invoice.status == "PENDING":
        return _choosing(invoice, failed)
    if invoice.status == "EXPIRED":
        return _of(
            invoice,
            heading="Waktu pembayaran habis",
            tone="bad",
            says="Minta tautan pembayaran yang baru kepada penjual.",
            back=back_to(invoice.body.get("failure_redirect_url")),
        )
    label = invoice.payment.channel.label if invoice.payment else ""
    return _of(
        invoice,
        heading="Pembayaran diterima",
        tone="good",
        says="Terima kasih. Anda boleh menutup halaman ini.",
        facts=[("Metode", label)],
        back=back_to(invoice.body.get("success_redirect_url")),
    )


def _choosing(invoice: Invoice, failed: Channel | None) -> Page:
    says = f"{failed.label} menolak pembayaran ini." if failed else ""
    return _of(
        invoice,
        heading="Pembayaran gagal, coba lagi" if failed else "Pilih metode pembayaran",
        tone="bad" if failed else "plain",
        says=says,
        buttons=[
            *(Button(value=one.code, label=one.label, kind="method") for one in invoice.offered),
            Button(value="expire", label="Biarkan kedaluwarsa"),
        ],
    )


def _paying(invoice: Invoice, channel: Channel) -> Page:
    return _of(
        invoice,
        heading=channel.label,
        says=until(invoice.expires_at),
        qr=invoice.id if channel.kind == "qr" else "",
        buttons=[
            Button(value="pay", label="Bayar", kind="first"),
            Button(value="fail", label="Gagalkan pembayaran"),
            Button(value="expire", label="Biarkan kedaluwarsa"),
            Button(value="other", label="Pilih metode lain"),
        ],
    )


def _of(invoice: Invoice, **parts: Any) -> Page:
    return Page(
        provider=_PROVIDER,
        shop=invoice.merchant.name,
        amount=invoice.amount,
        reference=invoice.external_id,
        **parts,
    )

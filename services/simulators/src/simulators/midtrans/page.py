"""The page behind `redirect_url`: pick a way to pay, and then pay, fail, or let it expire."""

from collections.abc import Sequence
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from simulators.midtrans import payloads
from simulators.midtrans.methods import METHODS, offered
from simulators.midtrans.server import Midtrans
from simulators.midtrans.transactions import PAID, NotAllowed, Session, Transaction
from simulators.payments.page import Button, Page, back_to, nothing, pressed, until

_PROVIDER = "Midtrans"
_NUMBERS = {
    "va_number": "Nomor Virtual Account",
    "permata_va_number": "Nomor Virtual Account",
    "biller_code": "Kode perusahaan",
    "bill_key": "Kode bayar",
    "payment_code": "Kode pembayaran",
    "masked_card": "Kartu",
}
#: what is said of a transaction that is over: a heading, and why
_OVER = {
    "expire": ("Waktu pembayaran habis", "Minta tautan pembayaran yang baru kepada penjual."),
    "cancel": ("Pembayaran dibatalkan", "Penjual membatalkan pembayaran ini."),
    "deny": ("Pembayaran ditolak", "Bank menolak pembayaran ini."),
    "refund": ("Dana dikembalikan", "Seluruh pembayaran dikembalikan kepada Anda."),
    "partial_refund": ("Sebagian dana dikembalikan", "Sisanya tetap dibayarkan kepada penjual."),
    "chargeback": ("Pembayaran ditarik kembali", "Bank menarik kembali pembayaran ini."),
}
_CLOSED = ("Halaman ini tidak berlaku lagi", "Minta tautan pembayaran yang baru kepada penjual.")


def router(midtrans: Midtrans) -> APIRouter:
    """The page, and what its buttons do."""
    pages = APIRouter(prefix="/midtrans/snap/v3/redirection", include_in_schema=False)

    @pages.get("/{token}")
    async def show(token: str) -> Response:
        midtrans.clock.ring()
        session = midtrans.sessions.get(token)
        return _page(midtrans, session).answer() if session else nothing(_PROVIDER)

    @pages.post("/{token}")
    async def press(token: str, request: Request) -> Response:
        midtrans.clock.ring()
        session = midtrans.sessions.get(token)
        if session is None:
            return nothing(_PROVIDER)
        _do(midtrans, session, await pressed(request))
        # Reloading the page that follows must not press the button again.
        return RedirectResponse(request.url.path, status_code=303)

    return pages


def _do(midtrans: Midtrans, session: Session, what: str) -> None:
    """What is not possible any more is passed over: the page shows how it stands."""
    one = session.transaction
    if (method := METHODS.get(what)) and session.can_choose(midtrans.clock.now()):
        midtrans.choose(session, method)
    elif one is not None and one.status == "pending":
        try:
            match what:
                case "pay" | "hold":
                    midtrans.pay(one, is_challenged=what == "hold")
                case "fail":
                    midtrans.move(one, "deny")
                case "expire":
                    midtrans.move(one, "expire")
                case _:
                    pass
        except NotAllowed:
            return


def _page(midtrans: Midtrans, session: Session) -> Page:
    one = session.transaction
    if one is not None and one.status == "pending":
        return _waiting(session, one)
    if one is not None and one.status in {"capture", "settlement"}:
        return _paid(session, one)
    if session.can_choose(midtrans.clock.now()):
        return _choosing(session, has_failed=one is not None)
    heading, says = _OVER.get(one.status, _CLOSED) if one else _CLOSED
    tone = "plain" if one and one.status in PAID else "bad"
    return _of(session, heading=heading, says=says, tone=tone, back=_back(session))


def _of(session: Session, **parts: Any) -> Page:
    one = session.transaction
    return Page(
        provider=_PROVIDER,
        shop=session.merchant.name,
        amount=one.gross if one else session.amount,
        reference=session.order_id,
        **parts,
    )


def _choosing(session: Session, *, has_failed: bool) -> Page:
    enabled = cast("list[str] | None", session.body.get("enabled_payments"))
    methods = offered(enabled, session.amount)
    says = "" if methods else "Tidak ada metode untuk jumlah ini."
    return _of(
        session,
        heading="Pembayaran gagal, coba lagi" if has_failed else "Pilih metode pembayaran",
        tone="bad" if has_failed else "plain",
        says=says,
        buttons=[Button(value=one.name, label=one.label, kind="method") for one in methods],
    )


def _waiting(session: Session, one: Transaction) -> Page:
    is_card = one.method.payment_type == "credit_card"
    held = [Button(value="hold", label="Bayar, tetapi ditahan untuk diperiksa")] if is_card else []
    return _of(
        session,
        heading=one.method.label,
        says=until(one.expires_at),
        facts=_numbers(one),
        qr=one.id if one.method.payment_type == "qris" else "",
        buttons=[
            Button(value="pay", label="Bayar", kind="first"),
            *held,
            Button(value="fail", label="Gagalkan pembayaran"),
            Button(value="expire", label="Biarkan kedaluwarsa"),
        ],
    )


def _paid(session: Session, one: Transaction) -> Page:
    if one.is_held:
        says = "Penjual memeriksa pembayaran kartu ini dahulu."
        return _of(session, heading="Menunggu pemeriksaan", says=says, back=_back(session))
    return _of(
        session,
        heading="Pembayaran diterima",
        tone="good",
        says="Terima kasih. Anda boleh menutup halaman ini.",
        facts=[("Metode", one.method.label)],
        back=_back(session),
    )


def _numbers(one: Transaction) -> Sequence[tuple[str, str]]:
    body = payloads.notification(one)
    for account in body.get("va_numbers", ()):
        body |= account
    return [(label, str(body[name])) for name, label in _NUMBERS.items() if name in body]


def _back(session: Session) -> str:
    callbacks = cast("dict[str, Any]", session.body.get("callbacks") or {})
    one = session.transaction
    if one is None:
        return back_to(callbacks.get("finish"))
    told = {"order_id": one.order_id, "status_code": one.status_code}
    return back_to(callbacks.get("finish"), **told, transaction_status=one.status)

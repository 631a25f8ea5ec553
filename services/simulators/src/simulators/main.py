"""The simulators as one application: `python -m simulators.main --port 8900 --journal FILE`."""

import argparse
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from simulators import control, providers
from simulators.chat import Models
from simulators.directives import Directives
from simulators.journal import Journal
from simulators.midtrans import app as midtrans_app
from simulators.midtrans.server import Midtrans, MidtransSettings
from simulators.model import ModelRule
from simulators.payments.page import router as pay_page
from simulators.script import Script
from simulators.serving import run
from simulators.waha import control as waha_control
from simulators.waha import phone_api
from simulators.waha.config import a_webhook
from simulators.waha.door import routes as waha_routes
from simulators.waha.engines import ENGINES
from simulators.waha.page import router as page
from simulators.waha.server import API_KEY, Waha
from simulators.xendit import app as xendit_app
from simulators.xendit.server import Xendit, XenditSettings


def create_app(
    *,
    journal: Journal | None = None,
    script: Script[ModelRule] | None = None,
    waha: Waha | None = None,
    midtrans: Midtrans | None = None,
    xendit: Xendit | None = None,
) -> FastAPI:
    """Every simulator behind one address; without a journal only memory remembers.

    Who gives a journal closes it. A script is for tests in the same process, which may change
    it while the application runs; others use `PUT /control/script`. The same goes for a WAHA,
    a Midtrans and a Xendit, which have journals of their own: give all the same one, or none.
    """
    models = Models(
        journal=Journal() if journal is None else journal,
        script=Script() if script is None else script,
        directives=Directives(),
    )
    waha = Waha(journal=models.journal) if waha is None else waha
    midtrans = Midtrans(journal=models.journal) if midtrans is None else midtrans
    xendit = Xendit(journal=models.journal) if xendit is None else xendit

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncGenerator[None]:
        async with waha.running(), midtrans.running(), xendit.running():
            yield

    app = FastAPI(
        title="Simulators",
        docs_url=None,
        redoc_url=None,
        routes=[*providers.routes(models), *waha_routes(waha)],
        lifespan=running,
    )
    app.state.waha = waha
    for router in (control.router(models), waha_control.router, phone_api.router, page, pay_page):
        app.include_router(router)
    midtrans_app.mount(app, midtrans)
    xendit_app.mount(app, xendit)
    app.add_api_route("/health", _health)
    return app


async def _health() -> dict[str, Any]:
    # WAHA's own answer, which says enough for all.
    return {"status": "ok", "info": {}, "error": {}, "details": {}}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; says where on the first line of its output."""
    options = _options(arguments)
    with Journal(options.journal, fsync=options.fsync) as journal:
        app = create_app(
            journal=journal,
            waha=_waha(options, journal),
            midtrans=_midtrans(options, journal),
            xendit=_xendit(options, journal),
        )
        run(app, host=options.host, port=options.port)


def _waha(options: argparse.Namespace, journal: Journal) -> Waha:
    waha = Waha(journal=journal, api_key=options.waha_key, engine=options.waha_engine)
    if options.waha_session:
        url, key = options.waha_webhook, options.waha_hmac
        webhooks = [a_webhook(url, key=key)] if url else []
        waha.add_session(options.waha_session, webhooks=webhooks, shop=options.waha_shop)
    return waha


def _midtrans(options: argparse.Namespace, journal: Journal) -> Midtrans:
    midtrans = Midtrans(journal=journal)
    midtrans.settings = MidtransSettings(any_key=options.any_payment_key)
    if options.midtrans_key:
        midtrans.register(options.midtrans_key, notification_url=options.midtrans_webhook or "")
    return midtrans


def _xendit(options: argparse.Namespace, journal: Journal) -> Xendit:
    xendit = Xendit(journal=journal)
    xendit.settings = XenditSettings(any_key=options.any_payment_key)
    if options.xendit_key:
        said = {"callback_token": options.xendit_token, "webhook_url": options.xendit_webhook}
        xendit.register(options.xendit_key, **{name: it for name, it in said.items() if it})
    return xendit


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulators.main", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900, help="0 takes any free one")
    parser.add_argument("--journal", type=Path, help="a JSONL file, continued if it exists")
    parser.add_argument("--fsync", action="store_true", help="survive power cuts too (slow)")
    waha = parser.add_argument_group("WAHA", "a session that is connected from the start")
    waha.add_argument("--waha-session", help="its name")
    waha.add_argument("--waha-engine", choices=list(ENGINES), default="GOWS")
    waha.add_argument("--waha-webhook", metavar="URL", help="who hears of what happens")
    waha.add_argument("--waha-hmac", metavar="KEY", help="with which deliveries are signed")
    waha.add_argument("--waha-key", metavar="KEY", default=API_KEY, help="what X-Api-Key must hold")
    waha.add_argument(
        "--waha-shop", metavar="NAME", help="the shop's name on its customers' phones"
    )
    pay = parser.add_argument_group("Midtrans and Xendit", "merchants known from the start")
    pay.add_argument("--midtrans-key", metavar="KEY", help="a server key")
    pay.add_argument("--midtrans-webhook", metavar="URL", help="where its notifications go")
    pay.add_argument("--xendit-key", metavar="KEY", help="a secret key")
    pay.add_argument("--xendit-token", metavar="TOKEN", help="what its webhooks show")
    pay.add_argument("--xendit-webhook", metavar="URL", help="where its webhooks go")
    pay.add_argument("--any-payment-key", action="store_true", help="let every key in")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

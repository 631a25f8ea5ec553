"""All of the pretend Xendit under one roof: API, pay page, control channel."""

from fastapi import FastAPI

from simulators.payments import control as common
from simulators.payments import door
from simulators.xendit import control, invoice_api, page, refund_api
from simulators.xendit.server import Xendit


def mount(app: FastAPI, xendit: Xendit) -> None:
    """Under `/xendit`."""
    app.state.xendit = xendit
    operations = [*invoice_api.operations(xendit), *refund_api.operations(xendit)]
    app.router.routes.extend(door.routes(xendit, operations))
    app.include_router(page.router(xendit))
    app.include_router(common.router(xendit))
    app.include_router(control.router)

"""All of the pretend Midtrans under one roof: APIs, pay page, control channel."""

from fastapi import FastAPI

from simulators.midtrans import control, core, page, snap
from simulators.midtrans.server import Midtrans
from simulators.payments import control as common
from simulators.payments import door


def mount(app: FastAPI, midtrans: Midtrans) -> None:
    """Under `/midtrans`."""
    app.state.midtrans = midtrans
    operations = [*snap.operations(midtrans), *core.operations(midtrans)]
    app.router.routes.extend(door.routes(midtrans, operations))
    app.include_router(page.router(midtrans))
    app.include_router(common.router(midtrans))
    app.include_router(control.router)

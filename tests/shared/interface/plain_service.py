"""A service that does hardly anything; `python -m` makes it a process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel

from shared.ground import Ground
from shared.interface.access import AnyCaller
from shared.interface.routes import api_router
from shared.interface.service import Service, create_app
from shared.interface.serving import serve

things = api_router("/v1/things", tag="things")


class Things(BaseModel):
    """What is asked for."""

    is_platform: bool


@things.get("")
async def list_things(caller: AnyCaller) -> Things:
    return Things(is_platform=caller.is_platform)


@asynccontextmanager
async def run(base: Ground, app: FastAPI) -> AsyncGenerator[None]:
    app.state.runs_worker = base.platform.runs_worker
    yield
    app.state.has_ended = True


PLAIN = Service("plain", [things], run)

if __name__ == "__main__":
    serve(create_app("Plain", [PLAIN]), default_port=8_000)

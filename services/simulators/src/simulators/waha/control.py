"""How a test tells the pretend WAHA what to do, and sees what it did: `/waha/control`."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from simulators.waha.engines import EngineName
from simulators.waha.rules import WahaRule
from simulators.waha.server import Waha
from simulators.waha.sessions import Session, Status
from simulators.waha.weather import Weather
from simulators.waha.webhooks import Delivery


class RuleInUse(BaseModel):
    """A rule, and how often it was used."""

    rule: dict[str, Any]
    used: int


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SessionBody(_Body):
    """A session as if somebody had connected it before."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,54}$")
    engine: EngineName | None = None
    webhooks: tuple[dict[str, Any], ...] = ()
    metadata: dict[str, str] = Field(default_factory=dict[str, str])
    phone: str | None = Field(default=None, pattern=r"^\d{5,15}$")
    shop: str | None = None
    is_paired: bool = True


class StatusBody(_Body):
    """The state into which a session falls by itself."""

    status: Status


class EventBody(_Body):
    """Any event with any payload."""

    event: str
    payload: dict[str, Any]


class FilesBody(_Body):
    """How long files stay; 0 keeps them."""

    lifetime_s: float = Field(ge=0)


def _waha(request: Request) -> Waha:
    waha: Waha = request.app.state.waha
    return waha


TheWaha = Annotated[Waha, Depends(_waha)]


def _session(name: str, waha: TheWaha) -> Session:
    found = waha.sessions.get(name)
    if found is None:
        raise HTTPException(404, f"There is no session {name!r}.")
    return found


OneSession = Annotated[Session, Depends(_session)]

router = APIRouter(prefix="/waha/control", tags=["waha control"])
_one = APIRouter(prefix="/sessions/{name}")


@router.put("/script", status_code=204)
async def replace_script(rules: list[WahaRule], waha: TheWaha) -> None:
    """Put these rules in the place of all others; every count starts again."""
    waha.script.set(rules)


@router.delete("/script", status_code=204)
async def clear_script(waha: TheWaha) -> None:
    """Go back to answering every call as usual."""
    waha.script.set([])


@router.get("/script")
async def show_script(waha: TheWaha) -> list[RuleInUse]:
    """The rules in order, without what they leave as it is."""
    return [
        RuleInUse(rule=line.rule.model_dump(mode="json", exclude_defaults=True), used=line.used)
        for line in waha.script.lines
    ]


@router.put("/weather", status_code=204)
async def change_weather(weather: Weather, waha: TheWaha) -> None:
    """How deliveries of webhooks fare from now on."""
    waha.sky.change(weather)


@router.get("/weather")
async def show_weather(waha: TheWaha) -> Weather:
    return waha.sky.weather


@router.get("/deliveries")
async def show_deliveries(waha: TheWaha) -> list[Delivery]:
    """The last 10,000, with what became of them."""
    return list(waha.deliveries.recent)


@router.delete("/deliveries", status_code=204)
async def forget_deliveries(waha: TheWaha) -> None:
    """What is on its way is lost, as when WAHA restarts."""
    waha.deliveries.forget()


@router.put("/files", status_code=204)
async def change_files(body: FilesBody, waha: TheWaha) -> None:
    waha.file_lifetime_s = body.lifetime_s


@router.post("/sessions", status_code=201)
async def add_session(body: SessionBody, waha: TheWaha) -> Mapping[str, Any]:
    """An account with the engine and the number that a test wants; it replaces one of this name."""
    return waha.add_session(**dict(body)).view()


@_one.post("/status", status_code=204)
async def change_status(session: OneSession, body: StatusBody, waha: TheWaha) -> None:
    """As it may happen by itself; receivers hear of it."""
    waha.move(session, body.status)


@_one.post("/events", status_code=204)
async def tell_anything(session: OneSession, body: EventBody, waha: TheWaha) -> None:
    """Post an event that nothing on the phones caused."""
    waha.tell(session, body.event, body.payload, "")


router.include_router(_one)

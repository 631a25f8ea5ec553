"""Every route of an API against every kind of caller: the cases come from its OpenAPI document."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.interface.service import Service

#: A method, and a path with its parameters in braces.
Route = tuple[str, str]

#: None of them is an id, however much it looks like one.
MISSPELT = (
    *("x", "0", "null", "%00", "..%2f..", "' OR 1=1--", "00000000-0000-4000-8000-00000000000"),
    *("{00000000-0000-4000-8000-00000000000a}", "urn:uuid:00000000-0000-4000-8000-00000000000a"),
    *("00000000-0000-4000-8000-00000000000A", "0000000000004000800000000000000a"),
)


#: Stand in a path, and are the same for everybody.
WORDS = {"provider"}


@dataclass(frozen=True)
class Case:
    """What a route is sent, and who may send it."""

    body: Mapping[str, Any] | None = None
    #: a key that may only read is refused
    changes: bool = False
    #: for the platform's own keys
    is_platforms: bool = False


Cases = Mapping[Route, Case]


def documented(app: FastAPI) -> set[Route]:
    """The routes that the document says need a key."""
    return {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method, route in methods.items()
        if "security" in route
    }


def declared(service: Service) -> set[Route]:
    """The routes that a service has, whatever is documented."""
    return {
        (method, route.path)
        for router in service.routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def parameters(route: Route) -> list[str]:
    """The names of ids in a path's braces, in order."""
    named = [part[1:-1] for part in route[1].split("/") if part.startswith("{")]
    return [name for name in named if name not in WORDS]


def without(ids: Mapping[str, object], route: Route, absent: object) -> Iterator[dict[str, object]]:
    """The route's ids, with each in turn replaced by another."""
    for name in parameters(route):
        yield {**ids, name: absent}


async def call(
    client: httpx.AsyncClient, route: Route, case: Case, ids: Mapping[str, object]
) -> httpx.Response:
    method, path = route
    return await client.request(method, path.format_map(ids), json=case.body)


def told(answer: httpx.Response, ids: Sequence[object]) -> dict[str, Any]:
    """A refusal without what differs each time: its request, and the ids that were asked for."""
    problem: dict[str, Any] = answer.json()
    del problem["request_id"]
    text = str(problem["detail"])
    for one in ids:
        text = text.replace(str(one), "it")
    return problem | {"detail": text}


#: How often each of two things is asked for, in turn, to tell their times apart.
ASKED = 100
#: So much, or a quarter, is no difference: seconds.
SIMILAR_S = 0.001
#: A busy machine may spoil one comparison; one that differs by itself spoils all of them.
COMPARED = 3

Ask = Callable[[], Awaitable[httpx.Response]]


async def are_alike_in_time(one: Ask, other: Ask) -> bool:
    """Whether nobody could tell from the clock which of two absent things was asked for."""
    for _ in range(COMPARED):
        if await _is_similar(one, other):
            return True
    return False


async def _is_similar(one: Ask, other: Ask) -> bool:
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(ASKED):
        for ask, times in zip((one, other), took, strict=True):
            began = time.perf_counter()
            answer = await ask()
            times.append(time.perf_counter() - began)
            assert answer.status_code == 404
    first, second = map(median, took)
    return abs(first - second) <= max(SIMILAR_S, min(first, second) / 4)

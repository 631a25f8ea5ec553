"""Who is asking, and what they may do: API keys, and on a developer's machine that machine."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.requests import Request
from starlette.types import Scope

from shared.infrastructure.api_keys import ApiKey, KeyScope
from shared.interface.limits import RateLimit
from shared.interface.problems import Problem
from shared.settings import Network

Headers = Iterable[tuple[bytes, bytes]]

#: Where `Access` lies in an application's state, and what it found in a request's scope.
STATE = "access"
_CALLER = "aip.caller"
#: Headers that the answer shall have, whatever it will be.
ANSWER_HEADERS = "aip.answer_headers"

_BEARER = re.compile(r"bearer (\S+)", re.IGNORECASE)
#: Whoever sends one of these came through somebody else.
PROXIED = {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"}


@dataclass(frozen=True)
class Caller:
    """Whoever a request comes from. Without a key it is this machine, in development."""

    key_id: UUID | None
    tenant_id: UUID | None
    scopes: frozenset[str]

    @property
    def is_platform(self) -> bool:
        """May reach everything; others reach what belongs to `tenant_id`."""
        return KeyScope.PLATFORM in self.scopes

    @property
    def may_write(self) -> bool:
        return bool(self.scopes & {KeyScope.PLATFORM, KeyScope.TENANT})


THIS_MACHINE = Caller(None, None, frozenset({KeyScope.PLATFORM}))


class Keys(Protocol):
    """All API keys."""

    async def find(self, presented: str, /) -> ApiKey | None: ...


class Access:
    """Lets callers in, and counts them. Put into `app.state.access` by the service's lifespan."""

    def __init__(
        self,
        keys: Keys,
        limit: RateLimit,
        *,
        is_development: bool,
        open_to: Sequence[Network] = (),
    ) -> None:
        """`open_to`: in development, networks whose callers are taken for this machine."""
        self._keys = keys
        self._limit = limit
        self._is_development = is_development
        self._open_to = open_to

    async def admit(self, scope: Scope) -> Caller:
        """Raises Problem: 401 for strangers, 429 for those who ask too often."""
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given and self._is_development and _is_this_machine(scope, self._open_to):
            return THIS_MACHINE
        key = await self._find(given)
        self._count(key, scope)
        return Caller(key.id, key.tenant_id, frozenset({key.scope}))

    async def still_admits(self, caller: Caller, scope: Scope) -> bool:
        """Whether who was admitted would be today; for answers that go on. Counts nothing."""
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        try:
            return caller.key_id is None or (await self._find(given)).id == caller.key_id
        except Problem:
            return False

    async def _find(self, given: list[bytes]) -> ApiKey:
        if not given:
            raise _unauthenticated("Send your API key: `Authorization: Bearer aip_...`.")
        # A key with a space after it, two keys at once: no guessing which one was meant.
        spelt = _BEARER.fullmatch(given[0].decode("latin-1")) if len(given) == 1 else None
        key = await self._keys.find(spelt[1]) if spelt else None
        if key is None:
            raise _unauthenticated("This API key is unknown, revoked or misspelt.")
        return key

    def _count(self, key: ApiKey, scope: Scope) -> None:
        quota = self._limit.take(str(key.id))
        if quota is None:
            return
        scope.get(ANSWER_HEADERS, []).extend(quota.headers)
        if quota.is_exceeded:
            retry = {"Retry-After": str(quota.resets_in_s)}
            detail = f"More than {quota.limit} requests in a minute."
            raise Problem(429, "rate_limited", detail, headers=retry)


async def admitted(request: Request) -> Caller:
    """Anybody with a key."""
    known: Caller | None = request.scope.get(_CALLER)
    if known is None:
        access: Access = getattr(request.app.state, STATE)
        known = request.scope[_CALLER] = await access.admit(request.scope)
    return known


async def may_write(request: Request) -> Caller:
    """Anybody whose key is not for reading only."""
    caller = await admitted(request)
    if not caller.may_write:
        raise Problem(403, "forbidden", "This API key may only read.")
    return caller


async def runs_the_platform(request: Request) -> Caller:
    """Whoever runs the platform, and no tenant."""
    caller = await admitted(request)
    if not caller.is_platform:
        raise Problem(403, "forbidden", "This needs an API key of scope `platform`.")
    return caller


#: A route that takes one of these as a parameter is guarded by it, before its body is read.
AnyCaller = Annotated[Caller, Depends(admitted)]
WritingCaller = Annotated[Caller, Depends(may_write)]
PlatformCaller = Annotated[Caller, Depends(runs_the_platform)]

Guard = Callable[[Request], Awaitable[Caller]]

_GUARDS: dict[object, Guard] = {guard: guard for guard in (admitted, may_write, runs_the_platform)}


def guard_of(needed: Dependant) -> Guard | None:
    """The guard among a route's dependencies, if this one is."""
    return _GUARDS.get(needed.call)


def _unauthenticated(detail: str) -> Problem:
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def _is_this_machine(scope: Scope, open_to: Sequence[Network]) -> bool:
    """Whether the request was made here, by somebody who meant to.

    Not by way of a proxy, unless from a network that is open, and not by a foreign web page in a
    browser that runs here (it would name itself in Origin, or its own host name in Host).
    """
    peer = scope.get("client")
    if not peer:
        return False
    is_direct = _is_loopback(peer[0])
    if not is_direct and not _is_within(peer[0], open_to):
        return False
    named = {b"host": b"localhost"}
    for name, value in scope["headers"]:
        if name in PROXIED and is_direct:
            return False
        if name in {b"host", b"origin"}:
            named[name] = value
    return all(_is_loopback(_host_in(value)) for value in named.values())


def _is_within(host: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


@lru_cache(maxsize=1_024)
def _host_in(value: bytes) -> str:
    text = value.decode("latin-1")
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""


@lru_cache(maxsize=1_024)
def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""HTTP to addresses that users named: out into the world, and never into our own network."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from shared.infrastructure.url_rules import CallbackUrlForbidden, UrlRules, host_of

#: How much of an answer is read, unless its caller needs more of it than its status.
ANSWER_LIMIT = 64 * 1_024

#: From a host name and a port to addresses.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]

#: On whose behalf the current task opens connections.
_host: ContextVar[str] = ContextVar("guarded_host", default="")


class BlockedAddress(Exception):
    """The URL is forbidden, or its name leads to an address that is. Nothing was sent."""


class Unreachable(Exception):
    """There was no answer; `reason` is dns, connect, tls, timeout or protocol."""

    def __init__(self, reason: str, *, may_have_arrived: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        #: the request; False where there was not even a connection
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status; redirects are answers too, and not followed."""

    status: int
    #: names in any case
    headers: Mapping[str, str]
    #: its beginning, up to the limit, as it came
    body: bytes


async def ask_the_system(host: str, port: int) -> Sequence[str]:
    """What getaddrinfo says."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class GuardedClient:
    """Calls only what its rules permit, and connects only to addresses that they were asked about.

    The address that was judged is the one that is connected to: a name server that changes its
    mind in between changes nothing.
    """

    def __init__(
        self,
        rules: UrlRules,
        *,
        connect_s: float = 5.0,
        total_s: float = 15.0,
        connections: int = 100,
        resolve: Resolve = ask_the_system,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        """`connections`: how many may be open at once; more wait for one to end."""
        self.rules = rules
        self._connections = connections
        self._timeout = aiohttp.ClientTimeout(total=total_s, connect=connect_s)
        self._resolve = resolve
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        """One try; at most `limit` bytes of its answer. Raises BlockedAddress or Unreachable."""
        try:
            checked = self.rules.check(url)
        except CallbackUrlForbidden as forbidden:
            raise BlockedAddress(str(forbidden)) from None
        _host.set(host_of(checked))
        try:
            return await self._send(method, checked, body, dict(headers or {}), limit=limit)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, _Blocked):
                raise BlockedAddress(str(error.os_error)) from None
            raise Unreachable(_reason(error), may_have_arrived=False) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise Unreachable(_reason(error), may_have_arrived=False) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(_reason(error)) from error

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One try. Raises BlockedAddress or Unreachable."""
        return await self.request("POST", url, body=body, headers=headers)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(
        self, method: str, url: URL, body: bytes | None, headers: dict[str, str], *, limit: int
    ) -> Answer:
        session = self._session = self._session or self._open()
        # A proxy from the environment would resolve names itself: the session trusts none.
        request = session.request(method, url, data=body, headers=headers, allow_redirects=False)
        async with request as response:
            start = await _beginning(response.content, limit)
            # Closed and not released: what is left of the answer is nothing to wait for.
            response.close()
            return Answer(response.status, response.headers, start)

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=_GuardedResolver(self.rules, self._resolve),
            socket_factory=self._socket,
            use_dns_cache=False,
            limit=self._connections,
            # A connection that its server closes just as it is used again leaves open whether the
            # request arrived.
            force_close=True,
            ssl=self._tls,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": "ai-platform", "Accept-Encoding": "identity"},
            trust_env=False,
        )

    def _socket(self, found: _AddrInfo) -> socket.socket:
        """The last word: no socket is made for an address that the rules do not permit."""
        family, kind, protocol, _, sockaddr = found
        _judge(self.rules, _host.get(), str(sockaddr[0]))
        return socket.socket(family, kind, protocol)


class _Blocked(OSError):
    """A BlockedAddress on its way out through aiohttp, which lets only OSErrors pass."""


class _GuardedResolver(AbstractResolver):
    """Refuses a name as a whole when any of its addresses is forbidden."""

    def __init__(self, rules: UrlRules, resolve: Resolve) -> None:
        self._rules = rules
        self._ask = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = list(dict.fromkeys(await self._ask(host, port)))
        if not addresses:
            raise OSError("the name has no address")
        for address in addresses:
            _judge(self._rules, host.lower().rstrip("."), address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=_family(address),
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
            if family in {socket.AF_UNSPEC, _family(address)}
        ]

    async def close(self) -> None: ...


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _judge(rules: UrlRules, host: str, address: str) -> None:
    if not rules.permits(host, address):
        raise _Blocked(f"{host} leads to {ipaddress.ip_address(address)}, which is not public")


async def _beginning(content: aiohttp.StreamReader, limit: int) -> bytes:
    start = bytearray()
    try:
        while len(start) < limit:
            chunk = await content.read(limit - len(start))
            if not chunk:
                break
            start += chunk
    except (aiohttp.ClientError, TimeoutError):
        # Its status has arrived, and that is what was asked for.
        pass
    return bytes(start)


def _reason(error: Exception) -> str:
    for kind, reason in (
        (aiohttp.ClientSSLError, "tls"),
        (aiohttp.ClientConnectorDNSError, "dns"),
        (TimeoutError, "timeout"),
        (aiohttp.ClientConnectionError, "connect"),
        (OSError, "connect"),
    ):
        if isinstance(error, kind):
            return reason
    return "protocol"

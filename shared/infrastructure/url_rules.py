"""Which URLs users may have us call: judged as they are written, and again by where they lead."""

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from yarl import URL

from shared.domain import Invalid
from shared.settings import refuse

Network = IPv4Network | IPv6Network

LONGEST = 2_048

_UNSPEAKABLE = re.compile(r"[\s\\\x00-\x1f\x7f]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
#: At least two labels, the last not a number: getaddrinfo reads 127.1, 0x7f.1 and 2130706433 as
#: addresses.
_NAME = re.compile(rf"(?=.{{4,253}}$)(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_TRUSTED_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_LOCAL_NAME = re.compile(
    r".*\.(?:localhost|local|localdomain|internal|lan|home|home\.arpa|corp|intranet|private)"
)

# `is_global` alone will not do: it is true for multicast, 6to4 and, before Python 3.13, for
# addresses that translate to private ones.
_NOT_PUBLIC_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's machines ask it for their secrets
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
]
#: Everything that was ever given out lies here: not fc00::/7, fe80::/10, fec0::/10, ff00::/8,
#: nor ::/8 with its mapped, compatible and translated (64:ff9b::/96) IPv4 addresses.
_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols' own: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3ffe::/16",
        "3fff::/20",
    )
]


class CallbackUrlForbidden(Invalid):
    message = "callback_url: {reason}."
    at = "/callback_url"


@dataclass(frozen=True)
class UrlRules:
    """What may be called. `hosts` and `networks` are trusted, though private, on any port."""

    allow_http: bool = False
    ports: frozenset[int] = frozenset({443, 8443})
    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    #: http as well, but only to what is trusted
    allow_trusted_http: bool = False

    def check(self, url: str) -> URL:
        """The URL as it will be called; asks no name server. Raises CallbackUrlForbidden."""
        parsed = _parsed(url)
        host = host_of(parsed)
        schemes = self._schemes_to(host)
        if parsed.scheme not in schemes:
            raise _forbidden(f"it must start with {' or '.join(sorted(schemes))}://")
        if "@" in parsed.raw_authority:
            raise _forbidden("it must not contain a user name or password")
        if not self._trusts(host):
            self._check_unknown(host, parsed.port)
        return parsed

    def permits(self, host: str, address: str) -> bool:
        """Whether this address may be called on behalf of this host name."""
        return self._trusts(host) or self._trusts(address) or _is_public(address)

    def _schemes_to(self, host: str) -> set[str]:
        allows_http = self.allow_http or (self.allow_trusted_http and self._trusts(host))
        return {"https", "http"} if allows_http else {"https"}

    def _trusts(self, host: str) -> bool:
        if host in self.hosts:
            return True
        address = _address(host)
        return address is not None and any(
            address.version == network.version and address in network for network in self.networks
        )

    def _check_unknown(self, host: str, port: int | None) -> None:
        if _address(host) is not None:
            if not _is_public(host):
                raise _forbidden("its address is not a public one")
        elif not _NAME.fullmatch(host) or _LOCAL_NAME.fullmatch(host):
            raise _forbidden("its host is not a public name")
        if port not in self.ports:
            raise _forbidden(f"its port must be one of {', '.join(map(str, sorted(self.ports)))}")


def rules_from(
    trusted: str,
    *,
    allow_http: bool = False,
    allow_trusted_http: bool = False,
    setting: str = "CALLBACK_ALLOWED_HOSTS",
) -> UrlRules:
    """Rules as settings spell them; `trusted` holds host names and networks, comma separated.

    Ends the process (78) where they make no sense, and says which setting is to blame.
    """
    hosts: set[str] = set()
    networks: list[Network] = []
    for entry in filter(None, (part.strip().lower().rstrip(".") for part in trusted.split(","))):
        try:
            networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if not _TRUSTED_NAME.fullmatch(entry):
                refuse(f"{setting}: {entry!r} is neither a host name nor a network")
            hosts.add(entry)
    ports = frozenset({443, 8443, 80} if allow_http else {443, 8443})
    return UrlRules(allow_http, ports, frozenset(hosts), tuple(networks), allow_trusted_http)


def host_of(url: URL) -> str:
    """The name or address that a parsed URL leads to, spelt in one way."""
    return (url.raw_host or "").lower().rstrip(".")


def _parsed(url: str) -> URL:
    if len(url) > LONGEST:
        raise _forbidden(f"it is longer than {LONGEST} characters")
    if _UNSPEAKABLE.search(url):
        raise _forbidden("it contains spaces, backslashes or control characters")
    try:
        # The very parser that the HTTP client uses: two might see two different hosts.
        parsed = URL(url)
        _ = parsed.port
    except ValueError:
        raise _forbidden("it is no URL") from None
    if not host_of(parsed):
        raise _forbidden("it names no host")
    return parsed


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(host: str) -> bool:
    address = _address(host)
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC_V4)
    if isinstance(address, IPv6Address):
        is_unicast = address in _UNICAST_V6 and address.is_global
        return is_unicast and not any(address in network for network in _NOT_PUBLIC_V6)
    return False


def _forbidden(reason: str) -> CallbackUrlForbidden:
    return CallbackUrlForbidden(reason=reason)

"""Calls to addresses that users named never reach our own network."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from shared.infrastructure.guarded_http import (
    ANSWER_LIMIT,
    BlockedAddress,
    GuardedClient,
    Resolve,
    Unreachable,
    ask_the_system,
)
from shared.infrastructure.url_rules import UrlRules
from tests.shared.infrastructure.listener import Listener, listening

#: Stands for an address out in the world: trusted by name here, a machine of its own to Linux.
OUTSIDE = "127.0.0.2"

FORBIDDEN_HOSTS = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "0",
    "0.0.0.0",  # noqa: S104 - nothing is bound here
    "00",
    "0x0",
    "0x7f.1",
    "0x7f000001",
    "0X7F.0.0.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.0.0.01",
    "127.0.0.0x1",
    "1.2.3.4.5",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "foo.localhost",
    "localhost.localdomain",
    "printer.local",
    "metadata.google.internal",
    "host.docker.internal",
    "router.home.arpa",
    "nas.lan",
    "gateway",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "168.63.129.16",
    "100.100.100.200",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    # what Unicode normalises to 127.0.0.1 and localhost: circled, wide, with other full stops
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "user:secret@127.0.0.1",
    "example.com@127.0.0.1",
    "127.0.0.1:80@127.0.0.1",
    "example.com\\@127.0.0.1",
    "%31%32%37.0.0.1",
    "127.0.0.1%00.example.com",
]

#: Names that look innocent; where they lead is known only when they are looked up.
LEADS_INWARDS = {
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "7f000001.nip.io": ["127.0.0.1"],
    "localtest.me": ["127.0.0.1"],
    "metadata.example.com": ["169.254.169.254"],
    "six.example.com": ["::1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "translated.example.com": ["64:ff9b::7f00:1"],
    "tunnelled.example.com": ["2002:7f00:1::"],
    "multicast.example.com": ["224.0.0.1"],
    "half.example.com": ["8.8.8.8", "127.0.0.1"],
    "other-half.example.com": ["127.0.0.1", "8.8.8.8"],
    "dot.example.com": ["0.0.0.0"],  # noqa: S104 - nothing is bound here
    "xn--mnchen-3ya.de": ["192.168.0.1"],
}


async def ask_the_table(host: str, _port: int) -> Sequence[str]:
    return LEADS_INWARDS[host.rstrip(".")]


def always(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.fixture
async def inside() -> AsyncGenerator[Listener]:
    """What must never be reached: on both loopback addresses."""
    async with listening(Listener()) as listener, listening(listener, "::1"):
        yield listener


@pytest.fixture
async def outside() -> AsyncGenerator[Listener]:
    async with listening(Listener(), OUTSIDE) as listener:
        yield listener


def rules(*ports: int, trusted: Sequence[str] = ()) -> UrlRules:
    return UrlRules(allow_http=True, ports=frozenset(ports), hosts=frozenset(trusted))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
async def test_a_forbidden_url_connects_to_nothing(
    scheme: str, host: str, inside: Listener
) -> None:
    client = GuardedClient(rules(inside.port), resolve=ask_the_system)

    with pytest.raises(BlockedAddress):
        await client.request("GET", f"{scheme}://{host}:{inside.port}/")

    await client.close()
    assert inside.connections == 0


@pytest.mark.parametrize("dot", ["", "."])
@pytest.mark.parametrize("host", LEADS_INWARDS)
async def test_a_name_that_leads_inwards_connects_to_nothing(
    host: str, dot: str, inside: Listener
) -> None:
    client = GuardedClient(rules(inside.port), resolve=ask_the_table)

    with pytest.raises(BlockedAddress, match="not public"):
        await client.request("GET", f"http://{host}{dot}:{inside.port}/")

    await client.close()
    assert inside.connections == 0


class Careless(UrlRules):
    """Forgets to look at what is written."""

    def check(self, url: str) -> URL:
        return URL(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_no_socket_is_made_even_where_the_url_was_not_looked_at(
    host: str, inside: Listener
) -> None:
    client = GuardedClient(Careless(allow_http=True))

    with pytest.raises(BlockedAddress, match="not public"):
        await client.request("GET", f"http://{host}:{inside.port}/")

    await client.close()
    assert inside.connections == 0


async def test_what_is_trusted_is_reached(inside: Listener) -> None:
    client = GuardedClient(rules(trusted=["127.0.0.1"]))

    answer = await client.post(f"http://127.0.0.1:{inside.port}/hook", b"{}", {"X-Id": "7"})

    await client.close()
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (200, b"ok", "7")
    assert inside.connections == 1
    assert "X-Id: 7" in inside.heads[0]


async def test_a_name_server_that_changes_its_mind_changes_nothing() -> None:
    answers = [OUTSIDE, "127.0.0.1"]

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return [answers.pop(0)]

    async with (
        listening(Listener(), OUTSIDE) as outside,
        listening(Listener(port=outside.port)) as inside,
    ):
        client = GuardedClient(rules(outside.port, trusted=[OUTSIDE]), resolve=rebinding)
        url = f"http://hook.example.com:{outside.port}/"

        assert (await client.request("GET", url)).status == 200
        with pytest.raises(BlockedAddress):
            await client.request("GET", url)

        await client.close()
        assert (outside.connections, inside.connections) == (1, 0)
        assert not answers


async def test_a_redirect_is_an_answer_and_is_not_followed(
    inside: Listener, outside: Listener
) -> None:
    where = f"http://127.0.0.1:{inside.port}/"
    outside.answer = (
        f"HTTP/1.1 302 Found\r\nlocation: {where}\r\ncontent-length: 0\r\n\r\n".encode()
    )
    client = GuardedClient(rules(trusted=[OUTSIDE, "127.0.0.1"]))

    answer = await client.request("GET", f"http://{OUTSIDE}:{outside.port}/")

    await client.close()
    assert (answer.status, answer.headers["location"]) == (302, where)
    assert inside.connections == 0


async def test_a_proxy_named_in_the_environment_is_not_asked(
    inside: Listener, outside: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
    client = GuardedClient(rules(trusted=[OUTSIDE]))

    await client.request("GET", f"http://{OUTSIDE}:{outside.port}/")

    await client.close()
    assert (inside.connections, outside.connections) == (0, 1)


async def test_an_endless_answer_is_read_up_to_the_limit(outside: Listener) -> None:
    outside.answer, outside.endless = b"HTTP/1.1 200 OK\r\n\r\n", True
    client = GuardedClient(rules(trusted=[OUTSIDE]))

    answer = await client.request("GET", f"http://{OUTSIDE}:{outside.port}/")

    await client.close()
    assert (answer.status, len(answer.body)) == (200, ANSWER_LIMIT)


async def test_who_needs_more_of_an_answer_says_so(outside: Listener) -> None:
    outside.answer, outside.endless = b"HTTP/1.1 200 OK\r\n\r\n", True
    client = GuardedClient(rules(trusted=[OUTSIDE]))

    answer = await client.request("GET", f"http://{OUTSIDE}:{outside.port}/", limit=200_000)

    await client.close()
    assert len(answer.body) == 200_000


async def test_a_status_counts_although_its_body_never_comes(outside: Listener) -> None:
    outside.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"
    client = GuardedClient(rules(trusted=[OUTSIDE]))

    answer = await client.request("GET", f"http://{OUTSIDE}:{outside.port}/")

    await client.close()
    assert (answer.status, answer.body) == (200, b"half")


async def test_a_receiver_that_hangs_is_given_up_in_time(outside: Listener) -> None:
    outside.hangs = True
    client = GuardedClient(rules(trusted=[OUTSIDE]), total_s=0.2)

    async with asyncio.timeout(5):
        with pytest.raises(Unreachable, match="timeout") as failed:
            await client.request("GET", f"http://{OUTSIDE}:{outside.port}/")

    await client.close()
    assert failed.value.may_have_arrived


async def test_nobody_listening_is_told_from_no_such_name(outside: Listener) -> None:
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    reasons: list[str] = []
    for resolve in (unknown, always(), always("127.0.0.3")):
        client = GuardedClient(rules(outside.port, trusted=["127.0.0.3"]), resolve=resolve)
        with pytest.raises(Unreachable) as failed:
            await client.request("GET", f"http://hook.example.com:{outside.port}/")
        reasons.append(failed.value.reason)
        assert not failed.value.may_have_arrived
        await client.close()

    assert reasons == ["dns", "dns", "connect"]


async def test_what_answers_no_http_is_a_protocol_error(outside: Listener) -> None:
    outside.answer = b"220 mail.example.com ESMTP\r\n\r\n"
    client = GuardedClient(rules(trusted=[OUTSIDE]))

    with pytest.raises(Unreachable, match="protocol"):
        await client.request("GET", f"http://{OUTSIDE}:{outside.port}/")

    await client.close()


async def test_the_checked_address_is_called_by_its_name_under_tls(tmp_path: Path) -> None:
    server_tls, client_tls = certificate_for("hook.example.com", tmp_path)
    names: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)

    async with listening(Listener(), OUTSIDE, server_tls) as outside:
        client = GuardedClient(
            rules(outside.port, trusted=[OUTSIDE]), resolve=always(OUTSIDE), tls=client_tls
        )
        answer = await client.request("GET", f"https://hook.example.com:{outside.port}/")
        with pytest.raises(Unreachable, match="tls"):
            await client.request("GET", f"https://other.example.com:{outside.port}/")
        await client.close()

    assert answer.status == 200
    assert names == ["hook.example.com", "other.example.com"]
    assert f"Host: hook.example.com:{outside.port}" in outside.heads[0]


def certificate_for(name: str, directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)  # noqa: TID251 - TLS asks the machine's clock
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    pem.write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=public.decode())
    return server, client

"""`/v1/crm/tenants/{tenant_id}/whatsapp`: connecting, secrets that are not told, codes to scan."""

import base64
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from shared.infrastructure.tenancy import tenant_transaction
from shared.whatsapp.waha import Verdict, WahaFailed
from simulators.journal import Journal
from simulators.main import create_app
from simulators.serving import serve
from simulators.waha.server import API_KEY
from simulators.waha.server import Waha as Server
from tests.crm_chatbot.running import SHOP, TENANTS, Running, running
from tests.served import TENANT, said
from tests.shared.whatsapp.fake_waha import PNG, MemoryWaha

WHATSAPP = f"{SHOP}/whatsapp"
CONNECTION = {
    "session": "kopi-ani",
    "server_url": "https://waha.example.com",
    "api_key": "key-of-kopi-ani-1234",
}


@pytest.fixture
async def waha(api: Running) -> MemoryWaha:
    """The WAHA server on which the shop's session is."""
    waha = MemoryWaha()
    state = api.app.state
    state.crm_administration = dataclasses.replace(state.crm_administration, waha=waha)
    async with api.client() as client:
        assert (await client.put(WHATSAPP, json=CONNECTION)).status_code == 200
    return waha


async def test_a_connection_is_shown_without_its_key(api: Running, waha: MemoryWaha) -> None:
    async with api.client() as client:
        put = await client.put(WHATSAPP, json=CONNECTION)
        seen = await client.get(WHATSAPP)

    for answer in (put, seen):
        assert answer.json()["server_url"] == "https://waha.example.com"
        assert answer.json()["api_key"]["last4"] == "1234"
        assert "key-of-kopi-ani" not in answer.text


async def test_a_key_that_is_not_sent_again_stays(api: Running, waha: MemoryWaha) -> None:
    same = {name: value for name, value in CONNECTION.items() if name != "api_key"}

    async with api.client() as client:
        kept = await client.put(WHATSAPP, json=same)
        moved = await client.put(WHATSAPP, json=same | {"server_url": "https://evil.example.com"})

    assert kept.json()["api_key"]["last4"] == "1234"
    assert moved.json()["api_key"] is None


async def test_a_session_that_works_says_whose_it_is(api: Running, waha: MemoryWaha) -> None:
    async with api.client() as client:
        seen = (await client.get(WHATSAPP)).json()
        png = await client.get(WHATSAPP, params={"format": "png"})

    assert (seen["status"], seen["account"]) == ("WORKING", "6281100000001@c.us")
    assert seen["qr"] is None
    assert said(png) == "409 nothing_to_scan"


async def test_a_code_is_there_to_be_scanned(api: Running, waha: MemoryWaha) -> None:
    waha.statuses["kopi-ani"] = "SCAN_QR_CODE"

    async with api.client() as client:
        seen = (await client.get(WHATSAPP)).json()
        png = await client.get(WHATSAPP, params={"format": "png"})

    assert (seen["status"], seen["account"]) == ("SCAN_QR_CODE", None)
    assert base64.b64decode(seen["qr"]) == png.content == PNG
    assert png.headers["content-type"] == "image/png"


async def test_who_may_only_read_gets_nothing_to_scan(api: Running, waha: MemoryWaha) -> None:
    waha.statuses["kopi-ani"] = "SCAN_QR_CODE"

    async with api.client("reader") as client:
        seen = (await client.get(WHATSAPP)).json()
        png = await client.get(WHATSAPP, params={"format": "png"})

    assert (seen["status"], seen["qr"]) == ("SCAN_QR_CODE", None)
    assert said(png) == "409 nothing_to_scan"


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (WahaFailed("waha_unreachable", Verdict.RETRY, "dns"), "503 waha_unreachable"),
        (WahaFailed("waha_busy", Verdict.RETRY), "503 waha_busy"),
        (WahaFailed("waha_unauthorized", Verdict.SESSION), "502 waha_unauthorized"),
        (WahaFailed("waha_blocked", Verdict.SESSION), "502 waha_blocked"),
        (WahaFailed("waha_error", Verdict.AMBIGUOUS, "HTTP 500"), "502 waha_error"),
        (WahaFailed("session_unknown", Verdict.SESSION), "409 session_unknown"),
    ],
    ids=str,
)
async def test_a_server_that_does_not_answer_is_told_as_what_it_is(
    api: Running, waha: MemoryWaha, failure: WahaFailed, told: str
) -> None:
    async def fail(*_: object) -> None:
        raise failure

    waha.before = fail

    async with api.client() as client:
        answer = await client.get(WHATSAPP)

    assert said(answer) == told
    assert ("retry-after" in answer.headers) == told.startswith("503")


async def test_a_code_that_was_scanned_just_now_is_no_trouble(
    api: Running, waha: MemoryWaha
) -> None:
    waha.statuses["kopi-ani"] = "SCAN_QR_CODE"

    async def scan(call: str, _chat_id: str) -> None:
        if call == "qr":
            waha.statuses["kopi-ani"] = "WORKING"

    waha.before = scan

    async with api.client() as client:
        answer = await client.get(WHATSAPP)

    assert (answer.status_code, answer.json()["qr"]) == (200, None)


# -- secrets


async def test_a_webhook_secret_is_shown_once_with_what_waha_needs(api: Running) -> None:
    shop = await api.open_shop()
    path = f"{TENANTS}/{shop['id']}/whatsapp/webhook-secret"

    async with api.client("platform") as client:
        answers = [await client.post(path) for _ in range(2)]
    view = await api.menu.connections.show(shop["id"])

    first, second = (answer.json() for answer in answers)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert first["secret"] != second["secret"]
    assert second["webhook"]["hmac"] == {"key": second["secret"]}
    assert second["webhook"]["url"] == f"http://service/v1/crm/webhook/{shop['id']}"
    assert "message.any" in second["webhook"]["events"]
    assert "message" not in second["webhook"]["events"]
    assert view.webhook_secret is not None
    assert view.webhook_secret.last4 == second["secret"][-4:]
    assert view.older_valid_until is not None
    assert list(await api.menu.connections.webhook_secrets(shop["id"])) == [
        *(second["secret"], first["secret"])
    ]


async def test_nothing_that_is_stored_can_be_read(api: Running, waha: MemoryWaha) -> None:
    async with api.client() as client:
        secret: str = (await client.post(f"{WHATSAPP}/webhook-secret")).json()["secret"]
        answers = [await client.get(path) for path in (WHATSAPP, SHOP, TENANTS)]

    stored = await _everything_stored(api)
    for hidden in (secret, CONNECTION["api_key"]):
        assert hidden not in stored
        assert hashlib.sha256(hidden.encode()).hexdigest() not in stored
        assert all(hidden not in answer.text for answer in answers)


async def _everything_stored(api: Running) -> str:
    async with tenant_transaction(api.ground.sessions, TENANT) as session:
        rows = await session.execute(
            text("SELECT CAST(c AS text) FROM platform.waha_connections c")
        )
        return "\n".join(rows.scalars())


# -- refusals

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"session": ""}, "/session"),
    ({"session": "two words"}, "/session"),
    ({"session": "x" * 55}, "/session"),
    ({"session": "../admin"}, "/session"),
    ({"session": None}, "/session"),
    ({"api_key": "line\nbreak"}, "/api_key"),
    ({"api_key": "x" * 501}, "/api_key"),
    ({"webhook_secret": "x" * 40}, "/webhook_secret"),
    *(
        ({"server_url": url}, "/server_url")
        for url in (
            "http://waha.example.com",
            "https://127.0.0.1",
            "https://localhost",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://169.254.169.254/latest/meta-data",
            "https://metadata.google.internal",
            "https://10.0.0.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://user:pass@waha.example.com",
            "https://waha.example.com:22",
            "file:///etc/passwd",
            "ftp://waha.example.com",
            "javascript:alert(1)",
            "waha",
            "",
            "https://waha.example.com/?x=1",
            f"https://{'x' * 3_000}.example.com",
        )
    ),
]


@pytest.mark.parametrize(("change", "pointer"), REFUSED, ids=str)
async def test_what_would_not_or_must_not_work_is_refused(
    api: Running, waha: MemoryWaha, change: dict[str, Any], pointer: str
) -> None:
    async with api.client() as client:
        refused = await client.put(WHATSAPP, json=CONNECTION | change)
        seen = (await client.get(WHATSAPP)).json()

    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert (seen["session"], seen["api_key"]["last4"]) == ("kopi-ani", "1234")


async def test_nobody_gets_into_anothers_session_on_the_platforms_server(api: Running) -> None:
    shop = await api.open_shop()

    async with api.client() as client:
        answer = await client.put(WHATSAPP, json={"session": shop["id"]})

    assert said(answer) == "409 session_taken"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", ""), ("GET", ""), ("POST", "/webhook-secret")]
)
async def test_a_shop_that_is_not_there_has_no_whatsapp(
    api: Running, method: str, path: str
) -> None:
    async with api.client("platform") as client:
        answer = await client.request(
            method, f"{TENANTS}/{uuid7()}/whatsapp{path}", json={"session": "x"}
        )

    assert said(answer) == "404 tenant_not_found"


async def test_a_shop_on_a_server_that_the_platform_has_not_is_told_so(api: Running) -> None:
    shop = await api.open_shop()

    async with api.client("platform") as client:
        answer = await client.get(f"{TENANTS}/{shop['id']}/whatsapp")

    assert said(answer) == "409 no_waha_server"


async def test_a_shop_that_was_never_connected_is_told_so(api: Running) -> None:
    async with api.client() as client:
        answer = await client.get(WHATSAPP)

    assert said(answer) == "404 not_connected"


# -- with a server that speaks as WAHA does


async def test_a_shop_is_connected_by_scanning_a_code(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    server = Server()
    session = server.add_session("kopi-ani", engine="GOWS", is_paired=False)

    async with serve(create_app(journal=Journal(), waha=server)) as url:
        environment = {"WAHA_SERVER_URL": url, "WAHA_API_KEY": API_KEY}
        async with (
            running(database_url, redis_url, tmp_path, environment=environment) as api,
            api.client() as client,
        ):
            unknown = await client.put(WHATSAPP, json={"session": "nobodys"})
            lost = await client.get(WHATSAPP)
            await client.put(WHATSAPP, json={"session": "kopi-ani"})
            server.move(session, "SCAN_QR_CODE")
            before = (await client.get(WHATSAPP)).json()
            png = await client.get(WHATSAPP, params={"format": "png"})
            server.move(session, "WORKING")
            after = (await client.get(WHATSAPP)).json()

    assert (unknown.status_code, said(lost)) == (200, "409 session_unknown")
    assert before["status"] == "SCAN_QR_CODE"
    assert base64.b64decode(before["qr"])[:4] == png.content[:4] == b"\x89PNG"
    assert (after["status"], after["qr"]) == ("WORKING", None)


async def test_a_server_that_is_away_is_told_so(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    environment = {"WAHA_SERVER_URL": "http://127.0.0.1:1"}

    async with (
        running(database_url, redis_url, tmp_path, environment=environment) as api,
        api.client() as client,
    ):
        await client.put(WHATSAPP, json={"session": "kopi-ani"})
        answer = await client.get(WHATSAPP)

    assert said(answer) == "503 waha_unreachable"


async def test_no_log_line_and_no_refusal_holds_a_secret(
    database_url: str, redis_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    environment = {
        "WAHA_SERVER_URL": "http://127.0.0.1:1",
        "WAHA_API_KEY": "canary-of-the-platform",
        "LOG_LEVEL": "DEBUG",
    }
    bodies = [
        {"session": "kopi-ani", "api_key": "canary-of-ani"},
        {"session": "kopi-ani", "api_key": "canary with spaces"},
        {"session": "kopi-ani", "api_key": "canary" * 100},
        {"session": "kopi-ani", "server_url": "https://canary:canary@waha.example.com"},
        {"session": "kopi ani", "api_key": "canary-of-ani"},
        {"session": "kopi-ani", "api_key": ["canary"]},
    ]

    async with (
        running(database_url, redis_url, tmp_path, environment=environment) as api,
        api.client() as client,
    ):
        answers = [await client.put(WHATSAPP, json=body) for body in bodies]
        answers.append(await client.get(WHATSAPP))
        made = await client.post(f"{WHATSAPP}/webhook-secret")
        key = await client.post(f"{SHOP}/keys", json={"name": "register"})
    logged = "".join(capfd.readouterr())

    assert [answer.status_code for answer in answers] == [200, *[422] * 5, 503]
    assert "waha_unreachable" in logged
    for secret in ("canary", made.json()["secret"], key.json()["secret"], *api.keys.values()):
        assert secret not in logged
        assert all(secret not in answer.text for answer in answers)

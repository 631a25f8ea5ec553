"""What WAHA's answers mean, word for word; and that nobody's key goes where it must not."""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from yarl import URL

from shared.contracts import WhatsAppFile, WhatsAppText
from shared.infrastructure.guarded_http import GuardedClient
from shared.infrastructure.url_rules import UrlRules
from shared.settings import Shop
from shared.whatsapp.connections import Connection
from shared.whatsapp.waha import Verdict, WahaFailed
from shared.whatsapp.waha_http import (
    MEDIA_LIMIT,
    HttpWaha,
    http_waha,
    own_server,
    rules_for_tenants,
)
from tests.shared.infrastructure.listener import Listener, listening
from tests.shared.whatsapp.fixtures import fixture

BUDI = "6281200000002@c.us"
TEXT = WhatsAppText(text="Siap kak")
PICTURE = WhatsAppFile(
    kind="image", url="https://a.example/x.jpg", mimetype="image/jpeg", filename="x.jpg"
)


@pytest.fixture
async def server() -> AsyncGenerator[Listener]:
    """Answers with whatever a test gives it."""
    async with listening(Listener(ends_with=b"}")) as listener:
        yield listener


@pytest.fixture
async def waha() -> AsyncGenerator[HttpWaha]:
    here = UrlRules(allow_http=True, hosts=frozenset({"127.0.0.1"}))
    own = GuardedClient(here, total_s=0.5)
    client = HttpWaha(own=own, others=GuardedClient(rules_for_tenants(Shop())))
    yield client
    await client.close()


def to(server: Listener) -> Connection:
    url = f"http://127.0.0.1:{server.port}"
    return Connection(UUID(int=1), "toko-contoh", url, "the-key", is_own=True)


def answering(status: int, body: bytes = b"", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code"),
    [
        (400, b'{"statusCode":400,"message":["chatId must be a string"]}', "never", "waha_refused"),
        (401, fixture("waha_api_error_401.json"), "session_not_working", "waha_unauthorized"),
        (404, fixture("waha_api_error_404_session.json"), "session_not_working", "session_unknown"),
        (404, b'{"statusCode":404,"message":"Cannot POST /api/x"}', "never", "not_supported"),
        (
            422,
            fixture("waha_api_error_422_session_status.json"),
            "session_not_working",
            "session_not_working",
        ),
        (422, b'{"message":"not implemented by the WEBJS engine"}', "never", "not_supported"),
        (
            500,
            fixture("waha_api_error_500_number_not_on_whatsapp.json"),
            "never",
            "not_on_whatsapp",
        ),
        (500, fixture("waha_api_error_500_timelock_463.json"), "restricted", "account_restricted"),
        (500, b'{"exception":{"message":"Internal 400"}}', "ambiguous", "waha_error"),
        (500, b"<html>oops</html>", "ambiguous", "waha_error"),
        (413, b"too large", "never", "media_too_large"),
        (429, b"", "retry", "waha_busy"),
        (502, b"", "ambiguous", "waha_error"),
        (503, b"", "retry", "waha_unavailable"),
        (504, b"", "ambiguous", "waha_error"),
        (302, b"", "ambiguous", "waha_error"),
    ],
)
async def test_each_failure_has_its_meaning(
    server: Listener, waha: HttpWaha, status: int, body: bytes, verdict: str, code: str
) -> None:
    server.answer = answering(status, body)

    with pytest.raises(WahaFailed) as failed:
        await waha.send(to(server), BUDI, TEXT)

    assert (failed.value.verdict, failed.value.code) == (verdict, code)
    assert "6281200000002" not in str(failed.value)
    assert "Siap" not in str(failed.value)


async def test_the_status_of_the_session_is_told(server: Listener, waha: HttpWaha) -> None:
    server.answer = answering(422, fixture("waha_api_error_422_session_status.json"))

    with pytest.raises(WahaFailed) as failed:
        await waha.mark_seen(to(server), BUDI)

    assert failed.value.status == "SCAN_QR_CODE"


async def test_how_long_to_wait_is_told(server: Listener, waha: HttpWaha) -> None:
    server.answer = answering(429, b"", "retry-after: 7")

    with pytest.raises(WahaFailed) as failed:
        await waha.send(to(server), BUDI, TEXT)

    assert failed.value.retry_after_s == 7


async def test_an_answer_that_never_comes_leaves_everything_open(
    server: Listener, waha: HttpWaha
) -> None:
    server.hangs = True

    with pytest.raises(WahaFailed) as failed:
        await waha.send(to(server), BUDI, TEXT)

    assert (failed.value.verdict, failed.value.detail) == (Verdict.AMBIGUOUS, "timeout")


async def test_a_connection_that_breaks_off_leaves_everything_open(
    server: Listener, waha: HttpWaha
) -> None:
    server.answer = b""

    with pytest.raises(WahaFailed) as failed:
        await waha.send(to(server), BUDI, TEXT)

    assert failed.value.verdict is Verdict.AMBIGUOUS


async def test_where_nobody_listens_nothing_was_sent(server: Listener, waha: HttpWaha) -> None:
    nobody = replace(to(server), server_url="http://127.0.0.1:1")

    with pytest.raises(WahaFailed) as failed:
        await waha.send(nobody, BUDI, TEXT)

    assert (failed.value.verdict, failed.value.detail) == (Verdict.RETRY, "connect")


async def test_a_tenants_server_in_our_own_network_is_not_asked(
    server: Listener, waha: HttpWaha
) -> None:
    theirs = replace(to(server), is_own=False)

    with pytest.raises(WahaFailed) as failed:
        await waha.send(theirs, BUDI, TEXT)

    assert (failed.value.verdict, failed.value.code) == (Verdict.SESSION, "waha_blocked")
    assert server.connections == 0


async def test_history_that_cannot_be_read_is_no_empty_history(
    server: Listener, waha: HttpWaha
) -> None:
    server.ends_with, server.answer = b"\r\n\r\n", answering(200, b"<html>")

    with pytest.raises(WahaFailed, match="could not be read"):
        await waha.history(to(server), BUDI, since=datetime(2026, 1, 1, tzinfo=UTC))


async def test_an_engine_in_trouble_is_not_taken_for_one_without_ids(
    server: Listener, waha: HttpWaha
) -> None:
    server.ends_with, server.answer = b"\r\n\r\n", answering(500)

    with pytest.raises(WahaFailed, match="waha_error"):
        await waha.new_message_id(to(server))


async def test_media_that_are_no_url_are_elsewhere(server: Listener, waha: HttpWaha) -> None:
    with pytest.raises(WahaFailed, match="media_elsewhere"):
        await waha.media(to(server), "http://[x/api/files/toko-contoh/x.jpeg")


@pytest.mark.parametrize("engine", ["gows", "noweb", "webjs"])
async def test_the_id_is_found_in_every_engines_answer(
    server: Listener, waha: HttpWaha, engine: str
) -> None:
    server.answer = answering(201, fixture(f"waha_api_send_text_response_{engine}.json"))

    stanza_id = await waha.send(to(server), BUDI, TEXT)

    assert stanza_id is not None
    assert stanza_id.startswith("3EB0FIXTURE")


@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b"[]", b'"ok"'])
async def test_a_success_that_tells_no_id_is_a_success(
    server: Listener, waha: HttpWaha, body: bytes
) -> None:
    server.answer = answering(201, body)

    assert await waha.send(to(server), BUDI, TEXT) is None


async def test_what_is_asked_is_what_waha_understands(server: Listener, waha: HttpWaha) -> None:
    server.ends_with = b'"}'
    server.answer = answering(201)

    await waha.send(to(server), BUDI, TEXT, wa_id="3EB0A", reply_to="3EB0B")

    head, _, body = server.heads[0].partition("\r\n\r\n")
    assert head.startswith("POST /api/sendText HTTP/1.1")
    assert "X-Api-Key: the-key" in head
    assert json.loads(body) == {
        "session": "toko-contoh",
        "chatId": BUDI,
        "text": "Siap kak",
        "linkPreview": False,
        "id": "3EB0A",
        "reply_to": f"false_{BUDI}_3EB0B",
    }


async def test_a_picture_is_sent_as_one(server: Listener, waha: HttpWaha) -> None:
    server.ends_with = b'""}'
    server.answer = answering(201)

    await waha.send(to(server), BUDI, PICTURE)
    await waha.send(to(server), BUDI, PICTURE.model_copy(update={"kind": "file"}))

    assert [head.partition(" HTTP")[0] for head in server.heads] == [
        "POST /api/sendImage",
        "POST /api/sendFile",
    ]
    assert json.loads(server.heads[0].partition("\r\n\r\n")[2])["file"] == {
        "url": "https://a.example/x.jpg",
        "mimetype": "image/jpeg",
        "filename": "x.jpg",
    }


# -- media


@pytest.fixture
async def files(server: Listener) -> Listener:
    server.ends_with = b"\r\n\r\n"
    return server


async def test_media_come_from_the_connections_own_server(files: Listener, waha: HttpWaha) -> None:
    files.answer = answering(200, b"JPEG", "content-type: image/jpeg")

    media = await waha.media(
        to(files), "http://169.254.169.254/api/files/toko-contoh/false_6281@c.us_3EB0A.jpeg?x=1"
    )

    assert (media.content, media.mimetype) == (b"JPEG", "image/jpeg")
    [head] = files.heads
    assert head.startswith("GET /api/files/toko-contoh/false_6281@c.us_3EB0A.jpeg HTTP/1.1")


@pytest.mark.parametrize(
    "path",
    [
        "/api/sessions",
        "/api/files/",
        "/api/files/toko-contoh/",
        "/api/files/warung/x.jpeg",
        "/api/files/toko-contoh/../warung/x.jpeg",
        "/api/files/toko-contoh/%2e%2e/warung/x.jpeg",
        "/api/files/toko-contoh/..",
        "",
    ],
)
async def test_only_the_sessions_own_files_are_fetched(
    files: Listener, waha: HttpWaha, path: str
) -> None:
    with pytest.raises(WahaFailed, match="media_elsewhere"):
        await waha.media(to(files), f"http://waha:3000{path}")

    assert files.connections == 0


async def test_a_file_that_is_too_large_is_not_read_to_its_end(
    files: Listener, waha: HttpWaha
) -> None:
    files.answer, files.endless = b"HTTP/1.1 200 OK\r\n\r\n", True

    with pytest.raises(WahaFailed, match="media_too_large") as failed:
        await waha.media(to(files), "http://waha/api/files/toko-contoh/x.jpeg")

    assert failed.value.verdict is Verdict.NEVER
    assert MEDIA_LIMIT == 10_000_000


async def test_a_file_that_breaks_off_may_be_fetched_again(files: Listener, waha: HttpWaha) -> None:
    files.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"

    with pytest.raises(WahaFailed) as failed:
        await waha.media(to(files), "http://waha/api/files/toko-contoh/x.jpeg")

    assert failed.value.verdict is Verdict.RETRY


# -- settings


def test_the_platforms_server_is_as_its_operator_says() -> None:
    own = own_server(Shop(waha_server_url="http://localhost:3000/"))

    assert own is not None
    assert URL(own.url) == URL("http://localhost:3000")
    assert not own.url.endswith("/")
    assert own_server(Shop()) is None


@pytest.mark.parametrize("url", ["localhost:3000", "waha", "ftp://waha", "http://", "http://[x"])
def test_a_server_url_that_makes_no_sense_ends_the_process(url: str) -> None:
    with pytest.raises(SystemExit) as ended:
        own_server(Shop(waha_server_url=url))

    assert ended.value.code == 78


async def test_a_private_server_is_reached_where_the_settings_allow_it(server: Listener) -> None:
    server.answer = answering(201)
    waha = http_waha(Shop(waha_allowed_hosts="127.0.0.0/8"))

    await waha.send(replace(to(server), is_own=False), BUDI, TEXT)

    await waha.close()
    assert server.connections == 1

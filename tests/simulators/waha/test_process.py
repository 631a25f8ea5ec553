"""The pretend WAHA as a process of its own: from the command line, and when it is killed."""

from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout

from simulators.journal import Journal
from simulators.waha.server import API_KEY
from tests.simulators.test_main import process
from tests.simulators.waha.receiver import receiving

pytestmark = pytest.mark.slow


async def test_a_session_can_be_there_from_the_start(tmp_path: Path) -> None:
    async with receiving() as receiver:
        options = ["--waha-session", "toko", "--waha-engine", "NOWEB", "--waha-key", "a-key"]
        options += ["--waha-webhook", receiver.url, "--waha-hmac", "k", "--waha-shop", "Toko Kopi"]
        with process(tmp_path / "journal.jsonl", *options) as (_, url):
            async with ClientSession(
                timeout=ClientTimeout(total=10), headers={"X-Api-Key": "a-key"}
            ) as http:
                shown = await (await http.get(f"{url}/api/sessions/toko")).json()
                customer = {"phone": "6281200000002", "name": "Budi"}
                path = f"{url}/phone/api/toko/customers"
                await (await http.post(path, json=customer)).read()
                path += "/6281200000002/messages"
                await (await http.post(path, json={"text": "Halo"})).read()
            (heard,) = await receiver.hears("message.any")

    assert (shown["status"], shown["me"]["pushName"]) == ("WORKING", "Toko Kopi")
    assert heard.envelope["engine"] == "NOWEB"
    assert heard.headers["X-Webhook-Hmac"]


async def test_the_journal_knows_every_send_although_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    sent: list[str] = []

    with process(path, "--waha-session", "toko") as (running, url):
        async with ClientSession(
            timeout=ClientTimeout(total=10), headers={"X-Api-Key": API_KEY}
        ) as http:
            for n in range(20):
                body = {"session": "toko", "chatId": "62812@c.us", "text": f"text {n}"}
                answer = await http.post(f"{url}/api/sendText", json=body)
                sent.append((await answer.json())["id"])
            running.kill()
            running.wait(10)

    entries = Journal.read(path)
    assert [entry.text for entry in entries] == [f"text {n}" for n in range(20)]
    assert [entry.facts["message_id"] for entry in entries] == sent

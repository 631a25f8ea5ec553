"""The callback receiver remembers what came and answers as it was told."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.background import BackgroundLoop
from tests.chaos.receiver import HANG, RESET, Receiver, Redirect


@pytest.fixture(scope="module")
def loop() -> Iterator[BackgroundLoop]:
    loop = BackgroundLoop("receivers")
    yield loop
    loop.close()


@pytest.fixture
def receiver(loop: BackgroundLoop, tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(loop, tmp_path / "received.jsonl")
    yield receiver
    receiver.close()


async def post(url: str, body: bytes = b"{}") -> int:
    within = aiohttp.ClientTimeout(total=0.3)
    async with (
        aiohttp.ClientSession(timeout=within) as client,
        client.post(url, data=body, headers={"webhook-id": "w1"}, allow_redirects=False) as answer,
    ):
        return answer.status


async def test_answers_come_in_order_and_the_last_one_stays(receiver: Receiver) -> None:
    url = receiver.script("hook", 500, 410, 200)

    assert [await post(url) for _ in range(4)] == [500, 410, 200, 200]


async def test_what_came_is_remembered_whole(receiver: Receiver, tmp_path: Path) -> None:
    await post(receiver.url("a"), b'{"n":1}')
    await post(receiver.url("b"), b'{"n":2}')

    [first] = receiver.received("a")

    assert (first.webhook_id, first.body, first.answered) == ("w1", b'{"n":1}', "200")
    assert len(receiver.received()) == 2
    assert len((tmp_path / "received.jsonl").read_text().splitlines()) == 2


async def test_a_redirect_names_its_target(receiver: Receiver) -> None:
    assert await post(receiver.script("moved", Redirect("http://127.0.0.1/"))) == 302


async def test_a_hanging_receiver_never_answers(receiver: Receiver) -> None:
    with pytest.raises(TimeoutError):
        await post(receiver.script("slow", HANG))
    assert receiver.received("slow")


async def test_a_reset_is_seen_as_a_broken_connection(receiver: Receiver) -> None:
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(receiver.script("torn", RESET))
    assert receiver.received("torn")[0].answered == RESET

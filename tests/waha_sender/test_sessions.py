"""A session that does not work rests, loses nothing, and goes on at once when it works again."""

from itertools import pairwise

import pytest

from shared.whatsapp.waha import Verdict, WahaFailed
from tests.waha_sender.builders import BUDI, SARI, SESSION, TENANT, asked
from tests.waha_sender.desk import Desk, failing


async def test_a_session_that_does_not_work_rests_and_keeps_the_order(desk: Desk) -> None:
    desk.waha.statuses[SESSION] = "SCAN_QR_CODE"
    messages = [asked(str(n)) for n in range(3)]
    await desk.hear(*messages)
    await desk.pass_time(300)
    assert [desk.told(message) for message in messages] == [[], [], []]

    desk.waha.statuses[SESSION] = "WORKING"
    await desk.pass_time(61)

    assert desk.phone() == ["0", "1", "2"]


async def test_while_it_rests_it_is_asked_less_and_less_often(desk: Desk) -> None:
    desk.waha.statuses[SESSION] = "SCAN_QR_CODE"
    for n in range(20):
        await desk.hear(asked(chat_id=f"62812000000{n:02}@c.us"))

    await desk.pass_time(600)

    asked_for_it = desk.asked_waha("session")
    assert 10 <= asked_for_it <= 20
    assert desk.asked_waha("send") == 0
    assert (await desk.pace()).status == "SCAN_QR_CODE"


async def test_news_that_it_works_again_wakes_it_at_once(desk: Desk) -> None:
    desk.waha.statuses[SESSION] = "SCAN_QR_CODE"
    await desk.hear(asked("1"), asked("2", chat_id=SARI))
    await desk.pass_time(120)
    desk.waha.statuses[SESSION] = "WORKING"

    await desk.worker.session_changed(TENANT, SESSION, "WORKING")
    await desk.settle()

    assert (desk.phone(), desk.phone(SARI)) == (["1"], ["2"])


async def test_news_that_it_does_not_work_stops_it_before_anything_is_tried(desk: Desk) -> None:
    await desk.worker.session_changed(TENANT, SESSION, "FAILED")

    await desk.hear(asked())
    await desk.settle()

    assert desk.waha.calls == []
    assert (await desk.pace()).status == "FAILED"


async def test_news_that_is_wrong_is_found_out(desk: Desk) -> None:
    await desk.worker.session_changed(TENANT, SESSION, "STARTING")
    message = asked()

    await desk.hear(message)
    await desk.pass_time(3)

    assert desk.outcome(message) == ("sent", "")
    assert (await desk.pace()).status == "WORKING"


async def test_news_comes_between_typing_and_sending(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)

    async def fail(call: str, _chat_id: str) -> None:
        if call == "new_message_id":
            await desk.worker.session_changed(TENANT, SESSION, "FAILED")

    desk.waha.before = fail
    await desk.settle()

    assert desk.phone() == []
    assert desk.told(message) == []


@pytest.mark.parametrize("code", ["waha_unreachable", "waha_busy", "waha_unavailable"])
async def test_a_server_that_is_away_is_asked_with_growing_pauses(desk: Desk, code: str) -> None:
    times: list[float] = []

    async def be_away(_call: str, _chat_id: str) -> None:
        times.append(desk.clock().timestamp())
        raise WahaFailed(code, Verdict.RETRY)

    desk.waha.before = be_away
    await desk.hear(*(asked(str(n), chat_id=f"6281200000{n:03}@c.us") for n in range(5)))
    await desk.pass_time(200)

    pauses = [round(later - earlier) for earlier, later in pairwise(times)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (await desk.pace()).status == "UNREACHABLE"


async def test_a_server_that_says_how_long_is_left_alone_for_so_long(desk: Desk) -> None:
    failed = WahaFailed("waha_busy", Verdict.RETRY, retry_after_s=30)

    async def be_busy(call: str, _chat_id: str) -> None:
        if desk.asked_waha("send") == 1 and call == "send":
            raise failed

    desk.waha.before = be_busy
    await desk.hear(asked())
    await desk.pass_time(29)
    assert desk.asked_waha("send") == 1
    await desk.pass_time(2)

    assert len(desk.phone()) == 1


async def test_one_session_in_trouble_is_tried_with_one_message_at_a_time(desk: Desk) -> None:
    desk.waha.before = failing(Verdict.RETRY, "waha_unreachable", call="mark_seen", times=1)
    await desk.hear(*(asked(str(n), chat_id=f"6281200000{n:03}@c.us") for n in range(5)))
    await desk.settle()
    desk.clock.advance(2)

    probing = await desk.claim()

    assert len(probing) == 1
    await desk.attempt(probing[0])
    assert len(await desk.claim()) == 4


async def test_what_was_certainly_not_sent_may_still_be_withdrawn(desk: Desk) -> None:
    desk.waha.before = failing(Verdict.RETRY, "waha_unreachable", times=1)
    message = asked()
    await desk.hear(message)
    await desk.settle()

    await desk.worker.withdraw(TENANT, [message.message_id])
    await desk.pass_time(5)

    assert desk.outcome(message) == ("withdrawn", "withdrawn")
    assert desk.phone(BUDI) == []

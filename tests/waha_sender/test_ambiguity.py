"""Where nobody can tell whether a message left: under the same id, or looked up, never guessed."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.contracts import WhatsAppText
from shared.whatsapp.waha import Verdict, WahaFailed
from tests.waha_sender.builders import BUDI, PICTURE, asked
from tests.waha_sender.desk import GIVE_UP_AFTER_S, Desk, failing
from waha_sender.application.deliveries import DeliveryState

AMBIGUOUS = Verdict.AMBIGUOUS


@pytest.fixture
def plain(desk: Desk) -> Desk:
    """Its engine takes no ids."""
    desk.waha.takes_ids = False
    return desk


@pytest.mark.parametrize("takes_ids", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("code", ["waha_error", "waha_unreachable"])
async def test_it_arrives_once_whether_or_not_the_first_try_did(
    desk: Desk, takes_ids: bool, when: str, code: str
) -> None:
    desk.waha.takes_ids = takes_ids
    setattr(desk.waha, when, failing(AMBIGUOUS, code, times=1))
    message, next_one = asked("1"), asked("2")

    await desk.hear(message, next_one)
    await desk.settle()
    assert desk.told(message) == []
    await desk.pass_time(10)

    assert desk.phone() == ["1", "2"]
    assert desk.outcome(message) == ("sent", "")


async def test_with_ids_the_same_one_is_sent_again_and_nothing_looked_up(desk: Desk) -> None:
    desk.waha.after = failing(AMBIGUOUS, times=2)
    message = asked()

    await desk.hear(message)
    await desk.pass_time(10)

    assert desk.asked_waha("send") == 3
    assert desk.asked_waha("new_message_id") == 1
    assert desk.asked_waha("history") == 0
    assert len(desk.phone()) == 1


async def test_without_ids_what_left_is_found_and_not_sent_again(plain: Desk) -> None:
    plain.waha.after = failing(AMBIGUOUS, times=1)
    message = asked()

    await plain.hear(message)
    await plain.pass_time(10)

    assert plain.asked_waha("send") == 1
    assert plain.outcome(message) == ("sent", "")


async def test_the_same_words_from_before_are_not_taken_for_it(plain: Desk) -> None:
    first, second = asked("ya"), asked("ya")
    await plain.hear(first)
    await plain.settle()
    plain.waha.before = failing(AMBIGUOUS, times=1)

    await plain.hear(second)
    await plain.pass_time(10)

    assert plain.phone() == ["ya", "ya"]


async def test_a_picture_is_known_by_its_caption(plain: Desk) -> None:
    plain.waha.after = failing(AMBIGUOUS, times=1)
    text, picture = asked(WhatsAppText(text=PICTURE.caption)), asked(PICTURE)

    await plain.hear(text)
    await plain.pass_time(10)
    plain.waha.after = failing(AMBIGUOUS, times=1)
    await plain.hear(picture)
    await plain.pass_time(10)

    assert [one["hasMedia"] for one in plain.waha.messages[BUDI]] == [False, True]


async def test_a_worker_that_died_while_sending_is_succeeded(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)
    [claim] = await desk.claim()

    async def die(call: str, _chat_id: str) -> None:
        if call == "send":
            raise KeyboardInterrupt

    desk.waha.after = die
    with pytest.raises(KeyboardInterrupt):
        await desk.attempt(claim)
    desk.waha.after = failing(AMBIGUOUS, times=0)
    colleague = desk.hire(UUID(int=2))
    assert await desk.claim(colleague) == []
    await desk.store.silence(UUID(int=1))

    [theirs] = await desk.claim(colleague)
    await desk.attempt(theirs, colleague)

    assert len(desk.phone()) == 1
    assert desk.outcome(message) == ("sent", "")


async def test_who_lost_the_lease_meanwhile_has_nothing_to_say(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)
    [claim] = await desk.claim()
    colleague = desk.hire(UUID(int=2))

    async def freeze(call: str, _chat_id: str) -> None:
        desk.waha.after = failing(AMBIGUOUS, times=0)
        await desk.store.silence(UUID(int=1))
        [theirs] = await desk.claim(colleague)
        await desk.attempt(theirs, colleague)

    desk.waha.after = freeze
    await desk.attempt(claim)

    assert desk.outcome(message) == ("sent", "")
    assert len(desk.phone()) == 1


async def test_what_waha_refuses_again_and_again_fails_and_holds_nobody_up(desk: Desk) -> None:
    message, next_one = asked("1"), asked("2")

    async def choke(call: str, _chat_id: str) -> None:
        if call == "send" and (await desk.parts(next_one))[0].state is DeliveryState.WAITING:
            [first] = await desk.parts(message)
            if first.state is DeliveryState.SENDING:
                raise WahaFailed("waha_error", AMBIGUOUS, "Internal 400")

    desk.waha.before = choke
    await desk.hear(message, next_one)
    await desk.pass_time(50)
    assert desk.told(message) == []
    await desk.pass_time(20)

    assert desk.outcome(message) == ("failed", "waha_error")
    assert desk.phone() == ["2"]


async def test_what_not_even_the_history_knows_is_unknown_within_a_minute(plain: Desk) -> None:
    message, next_one = asked("1"), asked("2")

    async def know_nothing(call: str, _chat_id: str) -> None:
        if call == "history":
            raise WahaFailed("not_supported", Verdict.NEVER, "no store")

    plain.waha.before = know_nothing
    plain.waha.after = failing(AMBIGUOUS, times=1)
    await plain.hear(message, next_one)
    await plain.pass_time(20)
    assert plain.told(message) == []
    await plain.pass_time(50)

    assert plain.outcome(message) == ("unknown", "waha_error")
    assert plain.phone() == ["1", "2"]
    assert plain.outcome(next_one) == ("sent", "")


async def test_an_outage_after_the_first_try_decides_nothing(plain: Desk) -> None:
    message = asked()
    plain.waha.before = failing(AMBIGUOUS, "waha_unreachable")
    await plain.hear(message)
    await plain.settle()

    async def be_away(call: str, _chat_id: str) -> None:
        raise WahaFailed("waha_unreachable", Verdict.RETRY, "connect")

    plain.waha.before = be_away
    await plain.pass_time(3_600, step=30)
    [part] = await plain.parts(message)
    assert (part.state, part.attempts) == (DeliveryState.SENDING, 1)

    plain.waha.before = failing(AMBIGUOUS, times=0)
    await plain.pass_time(61)
    assert plain.outcome(message) == ("sent", "")
    assert len(plain.phone()) == 1


async def test_what_hangs_each_time_is_given_up_after_a_minute(plain: Desk) -> None:
    message, next_one = asked("1"), asked("2")

    async def hang(call: str, _chat_id: str) -> None:
        [first] = await plain.parts(message)
        if call == "send" and not first.state.is_final:
            plain.clock.advance(20)
            raise WahaFailed("waha_unreachable", AMBIGUOUS, "timeout")

    plain.waha.before = hang
    await plain.hear(message, next_one)
    began = plain.clock()
    await plain.pass_time(90)

    assert plain.outcome(message) == ("failed", "waha_unreachable")
    assert plain.phone() == ["2"]
    assert plain.clock() - began < timedelta(seconds=120)


# -- files


@pytest.mark.parametrize("code", ["media_too_large", "not_supported", "waha_refused"])
async def test_a_file_that_is_refused_is_sent_as_a_link(desk: Desk, code: str) -> None:
    desk.waha.before = failing(Verdict.NEVER, code, times=1)
    message = asked(PICTURE)

    await desk.hear(message)
    await desk.settle()

    assert desk.phone() == ["Kopi Gayo\nhttps://toko.example/kopi.jpg"]
    assert desk.outcome(message) == ("sent", "")


async def test_a_file_that_fails_twice_is_sent_as_a_link(desk: Desk) -> None:
    desk.waha.before = failing(AMBIGUOUS, times=2)
    message = asked(PICTURE)

    await desk.hear(message)
    await desk.pass_time(20)

    assert desk.phone() == ["Kopi Gayo\nhttps://toko.example/kopi.jpg"]


async def test_a_picture_for_nobody_is_not_sent_as_a_link_either(desk: Desk) -> None:
    desk.waha.before = failing(Verdict.NEVER, "not_on_whatsapp")
    message = asked(PICTURE)

    await desk.hear(message)
    await desk.settle()

    assert desk.outcome(message) == ("failed", "not_on_whatsapp")
    assert desk.asked_waha("send") == 1


# -- too late


async def test_what_could_not_leave_in_time_is_said(desk: Desk) -> None:
    desk.waha.statuses["toko"] = "FAILED"
    first, second = asked("1"), asked("2")
    await desk.hear(first, second)
    await desk.settle()
    desk.clock.advance(GIVE_UP_AFTER_S + 1)

    await desk.worker.give_up_what_is_overdue()

    assert desk.outcome(first) == desk.outcome(second) == ("failed", "not_sent_in_time")
    assert desk.phone() == []


async def test_what_may_have_left_long_ago_is_unknown(plain: Desk) -> None:
    plain.waha.after = failing(AMBIGUOUS, "waha_unreachable")
    message = asked()
    await plain.hear(message)
    await plain.settle()
    plain.clock.advance(GIVE_UP_AFTER_S + 1)

    await plain.worker.give_up_what_is_overdue()

    assert plain.outcome(message) == ("unknown", "not_sent_in_time")


async def test_a_part_whose_turn_comes_too_late_is_given_up(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)
    desk.clock.advance(GIVE_UP_AFTER_S + 1)

    await desk.settle()

    assert desk.outcome(message) == ("failed", "not_sent_in_time")

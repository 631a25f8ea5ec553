"""A message leaves once, whole, in order and humanly; or it is said why it did not."""

from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from shared.contracts import WhatsAppPlace, WhatsAppSent
from shared.whatsapp.waha import Verdict
from tests.waha_sender.builders import BUDI, OTHER, PICTURE, SARI, TENANT, asked
from tests.waha_sender.desk import Desk, failing
from waha_sender.application.deliveries import DeliveryState
from waha_sender.application.pacing import Rules

LONG = "Kalimat yang panjang sekali. " * 300


async def test_a_message_leaves_and_its_id_is_told(desk: Desk) -> None:
    message = asked("Siap kak")

    await desk.hear(message)
    await desk.settle()

    [told] = desk.told(message)
    assert desk.phone() == ["Siap kak"]
    assert isinstance(told, WhatsAppSent)
    assert told.wa_ids == [desk.waha.messages[BUDI][0]["id"].split("_")[2]]


async def test_a_place_leaves(desk: Desk) -> None:
    message = asked(WhatsAppPlace(latitude=-6.2, longitude=106.8, title="Toko"))

    await desk.hear(message)
    await desk.settle()

    assert desk.outcome(message) == ("sent", "")


async def test_the_outcome_carries_the_trace_that_the_message_came_with(desk: Desk) -> None:
    await desk.worker.take(asked(), {"traceparent": "00-1-2-01"})
    await desk.settle()

    assert [headers for _, headers in desk.store.tables.said] == [{"traceparent": "00-1-2-01"}]


async def test_messages_of_a_chat_leave_in_the_order_they_came(desk: Desk) -> None:
    await desk.hear(*(asked(str(n)) for n in range(5)))
    await desk.settle()

    assert desk.phone() == ["0", "1", "2", "3", "4"]


async def test_a_long_text_leaves_in_parts_and_is_one_message(desk: Desk) -> None:
    message = asked(LONG, reply_to="3EB0B")

    await desk.hear(message)
    await desk.settle()

    [told] = desk.told(message)
    assert isinstance(told, WhatsAppSent)
    assert len(told.wa_ids) == len(desk.phone()) == 3
    assert "".join(" ".join(desk.phone()).split()) == "".join(LONG.split())
    assert [one["replyTo"] for one in desk.waha.messages[BUDI]] == [{"id": "3EB0B"}, None, None]


async def test_a_caption_that_is_too_long_follows_its_picture(desk: Desk) -> None:
    short, long = "k" * 1_024, "k" * 1_025

    await desk.hear(asked(PICTURE.model_copy(update={"caption": short})))
    await desk.hear(asked(PICTURE.model_copy(update={"caption": long}), chat_id=SARI))
    await desk.settle()

    assert desk.phone() == [short]
    assert desk.phone(SARI) == ["", long]


async def test_what_deceives_does_not_leave(desk: Desk) -> None:
    await desk.hear(asked("bayar\x00 \u202eke sini"))
    await desk.settle()

    assert desk.phone() == ["bayar ke sini"]


# -- asked again


async def test_asked_again_it_does_not_leave_again_and_the_outcome_is_repeated(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)
    await desk.settle()

    await desk.hear(message)
    await desk.settle()

    first, second = desk.told(message)
    assert first == second
    assert len(desk.phone()) == 1


async def test_asked_again_before_its_end_nothing_is_said(desk: Desk) -> None:
    message = asked()

    await desk.hear(message, message)

    assert desk.told(message) == []


async def test_what_cannot_be_sent_is_said_at_once_and_again(desk: Desk) -> None:
    empty, group = asked(" \n\u200b"), asked(chat_id="120363000000000001@g.us")

    await desk.hear(empty, group, empty)
    await desk.settle()

    assert desk.outcome(group) == ("failed", "chat_not_direct")
    assert desk.refused(empty) == ["nothing_to_send"] * 2
    assert desk.waha.calls == []


# -- humanly


HUMAN = Rules(typing_s_per_character=0.05)


async def a_human_desk() -> Desk:
    desk = Desk(rules=HUMAN)
    await desk.connect()
    return desk


async def test_a_reply_is_seen_then_typed_then_sent() -> None:
    desk = await a_human_desk()

    await desk.hear(asked("x" * 100))
    await desk.settle()

    calls = [call for call, _ in desk.waha.calls]
    assert calls == ["mark_seen", "start_typing", "stop_typing", "new_message_id", "send"]
    assert desk.rests == [5.0]


async def test_what_a_person_wrote_is_sent_at_once() -> None:
    desk = await a_human_desk()

    await desk.hear(*(asked(by_person=True) for _ in range(3)))
    await desk.settle()

    assert desk.rests == []
    assert len(desk.phone()) == 3
    assert "start_typing" not in {call for call, _ in desk.waha.calls}


async def test_only_a_reply_and_only_its_first_part_marks_the_chat_seen(desk: Desk) -> None:
    await desk.hear(asked(LONG), asked(is_reply=False, chat_id=SARI))
    await desk.settle()

    assert [chat for call, chat in desk.waha.calls if call == "mark_seen"] == [BUDI]


async def test_bots_replies_keep_their_distance_and_their_order() -> None:
    desk = await a_human_desk()
    await desk.hear(*(asked(str(n)) for n in range(3)))

    await desk.settle()
    assert desk.phone() == ["0"]
    await desk.pass_time(10)

    assert desk.phone() == ["0", "1", "2"]


async def test_what_is_no_reply_to_the_eye_is_no_reason_not_to_send(desk: Desk) -> None:
    desk.waha.before = failing(Verdict.AMBIGUOUS, call="mark_seen")

    await desk.hear(asked())
    await desk.settle()

    assert len(desk.phone()) == 1


# -- withdrawn


async def test_what_is_withdrawn_in_time_does_not_leave(desk: Desk) -> None:
    message, other = asked("1"), asked("2")
    await desk.hear(message, other)

    await desk.worker.withdraw(TENANT, [message.message_id])
    await desk.settle()

    assert desk.outcome(message) == ("withdrawn", "withdrawn")
    assert desk.phone() == ["2"]


async def test_it_may_be_withdrawn_while_it_is_being_typed() -> None:
    desk = await a_human_desk()
    message = asked()
    await desk.hear(message)

    async def take_over(call: str, _chat_id: str) -> None:
        if call == "stop_typing":
            await desk.worker.withdraw(TENANT, [message.message_id])

    desk.waha.before = take_over
    await desk.settle()

    assert desk.phone() == []
    assert desk.outcome(message) == ("withdrawn", "withdrawn")


async def test_what_is_on_its_way_cannot_be_withdrawn(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)

    async def take_over(call: str, _chat_id: str) -> None:
        if call == "send":
            await desk.worker.withdraw(TENANT, [message.message_id])

    desk.waha.before = take_over
    await desk.settle()

    assert desk.outcome(message) == ("sent", "")


async def test_the_parts_that_have_not_left_are_withdrawn(desk: Desk) -> None:
    message = asked(LONG)
    await desk.hear(message)

    async def take_over(call: str, _chat_id: str) -> None:
        if call == "send":
            await desk.worker.withdraw(TENANT, [message.message_id])

    desk.waha.before = take_over
    await desk.settle()

    [told] = desk.told(message)
    assert len(desk.phone()) == 1
    assert desk.outcome(message) == ("withdrawn", "withdrawn")
    assert len(told.wa_ids) == 1, "the part that left"


async def test_a_message_that_was_withdrawn_before_it_came_never_leaves(desk: Desk) -> None:
    message = asked()
    await desk.worker.withdraw(TENANT, [message.message_id])

    await desk.hear(message)
    await desk.settle()

    assert desk.phone() == []
    assert set(desk.refused(message)) == {"withdrawn"}


# -- forgotten


def kept(desk: Desk) -> str:
    """Everything that the sender has stored, in words."""
    return f"{desk.store.tables.rows} {desk.store.tables.chats}"


async def test_of_whoever_is_forgotten_only_what_became_of_the_messages_is_kept(
    desk: Desk,
) -> None:
    message, other = asked("canary", reply_to="canary-id"), asked("other", chat_id=SARI)
    await desk.hear(message, other)
    await desk.settle()

    for _ in range(2):
        await desk.worker.forget(TENANT, [message.message_id])
    await desk.hear(message)

    assert "canary" not in kept(desk)
    assert BUDI not in kept(desk)
    assert SARI in kept(desk)
    assert desk.phone() == ["canary"]
    assert len(desk.told(message)) == 2, "asked again, it is repeated"


async def test_what_is_forgotten_before_it_leaves_never_does(desk: Desk) -> None:
    message, late = asked("canary"), asked("canary too")
    await desk.hear(message)

    await desk.worker.forget(TENANT, [message.message_id, late.message_id])
    await desk.hear(late)
    await desk.settle()

    assert desk.phone() == []
    assert "canary" not in kept(desk)
    assert desk.outcome(message) == ("withdrawn", "withdrawn")


async def test_what_is_forgotten_on_its_way_leaves_no_trace_when_it_arrives(desk: Desk) -> None:
    message = asked("canary")
    await desk.hear(message)

    async def erase(call: str, _chat_id: str) -> None:
        if call == "send":
            await desk.worker.forget(TENANT, [message.message_id])

    desk.waha.before = erase
    await desk.settle()

    assert desk.phone() == ["canary"]
    assert "canary" not in kept(desk)
    assert BUDI not in kept(desk)
    assert desk.outcome(message) == ("unknown", "withdrawn")


# -- failed


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.NEVER, "not_on_whatsapp"),
        (Verdict.NEVER, "waha_refused"),
        (Verdict.RESTRICTED, "account_restricted"),
    ],
)
async def test_what_never_will_leave_fails_and_those_behind_it_go_on(
    desk: Desk, verdict: Verdict, code: str
) -> None:
    message, next_one = asked(LONG), asked("2")
    desk.waha.before = failing(verdict, code, times=1)

    await desk.hear(message, next_one)
    await desk.settle()

    assert desk.outcome(message) == ("failed", code)
    assert {part.error_code for part in await desk.parts(message)} == {code}
    assert desk.phone() == ["2"]


async def test_a_restricted_account_starts_no_chats_but_goes_on_replying(desk: Desk) -> None:
    first, second, reply = asked(is_reply=False), asked(is_reply=False), asked("3")
    desk.waha.before = failing(Verdict.RESTRICTED, "account_restricted", times=1)

    await desk.hear(first, second, reply)
    await desk.settle()

    assert desk.outcome(first) == desk.outcome(second) == ("failed", "account_restricted")
    assert desk.asked_waha("send") == 2
    assert desk.phone() == ["3"]
    await desk.pass_time(3_700, step=3_700)
    later = asked("4", is_reply=False)
    await desk.hear(later)
    await desk.settle()
    assert desk.outcome(later) == ("sent", "")


async def test_nobody_sends_in_anothers_session(desk: Desk) -> None:
    message = asked(session="warung")

    await desk.hear(message)
    await desk.settle()

    assert desk.outcome(message) == ("failed", "session_not_connected")
    assert desk.waha.calls == []


async def test_without_a_connection_it_waits_for_one() -> None:
    desk = Desk()
    message = asked()
    await desk.hear(message)
    await desk.settle()
    assert (await desk.pace()).status == "NOT_CONNECTED"

    await desk.connect()
    await desk.pass_time(2)

    assert desk.outcome(message) == ("sent", "")


async def test_every_tenant_sends_through_its_own_session(desk: Desk) -> None:
    await desk.connect(OTHER, "warung")

    await desk.hear(asked("1"), asked("2", tenant_id=OTHER, session="warung", chat_id=SARI))
    await desk.settle()

    assert (desk.phone(), desk.phone(SARI)) == (["1"], ["2"])


async def test_an_engine_without_ids_is_not_asked_for_one_each_time(desk: Desk) -> None:
    desk.waha.takes_ids = False
    await desk.hear(*(asked(str(n)) for n in range(3)))
    await desk.settle()
    assert desk.asked_waha("new_message_id") == 1

    await desk.pass_time(601, step=601)
    await desk.hear(asked("4"))
    await desk.settle()

    assert desk.asked_waha("new_message_id") == 2


async def test_an_engine_that_stumbles_over_ids_is_used_without(desk: Desk) -> None:
    desk.waha.before = failing(Verdict.AMBIGUOUS, call="new_message_id")

    await desk.hear(asked())
    await desk.settle()

    assert len(desk.phone()) == 1


async def test_a_defect_is_tried_again_and_hides_nothing(desk: Desk) -> None:
    broken = [True]

    async def stumble(call: str, _chat_id: str) -> None:
        if call == "mark_seen" and broken:
            broken.pop()
            raise ZeroDivisionError

    desk.waha.before = stumble
    message = asked()
    await desk.hear(message)
    [claim] = await desk.claim()

    await desk.worker._work_on(claim)

    [part] = await desk.parts(message)
    assert (part.state, part.error_code) == (DeliveryState.WAITING, "unforeseen")
    await desk.pass_time(20)
    assert desk.outcome(message) == ("sent", "")


async def test_two_workers_share_the_work(desk: Desk) -> None:
    colleague = desk.hire(UUID(int=2))
    await desk.hear(asked("1"), asked("2", chat_id=SARI))
    [first, second] = await desk.claim()
    facts: list[Any] = [
        await desk.attempt(first),
        await desk.attempt(second, colleague),
    ]

    assert None not in facts
    assert (desk.phone(), desk.phone(SARI)) == (["1"], ["2"])


async def test_what_became_of_each_message_is_counted_once(desk: Desk) -> None:
    def count(code: str) -> float:
        return REGISTRY.get_sample_value("aip_whatsapp_messages_total", {"code": code}) or 0.0

    before = [count("sent"), count("withdrawn"), count("nothing_to_send")]
    sent, withdrawn, empty = asked("1"), asked("2", chat_id=SARI), asked("")
    await desk.hear(sent, withdrawn, empty)
    await desk.worker.withdraw(TENANT, [withdrawn.message_id])
    await desk.settle()

    await desk.hear(sent, withdrawn, empty)
    await desk.worker.withdraw(TENANT, [withdrawn.message_id, sent.message_id])

    after = [count("sent"), count("withdrawn"), count("nothing_to_send")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1]

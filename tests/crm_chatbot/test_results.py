"""What the sender reports ends a message once, whatever the order, and lets the next one leave."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.results import Report, ResultService
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationId, Mode
from crm_chatbot.domain.conversations.message import Author, Message, MessageState
from crm_chatbot.interface import handlers
from shared.contracts import Message as QueueMessage
from shared.contracts import SendWhatsApp, WhatsAppNotSent, WhatsAppSent
from shared.interface.queues import handler
from shared.messaging import Incoming, Outcome
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.chats import LID, an_answer, another_chat, open_chat
from tests.crm_chatbot.stores import Crm
from tests.gateway.counted import Counted

HANDED, QUEUED, SENT = MessageState.HANDED, MessageState.QUEUED, MessageState.SENT
UNKNOWN, WITHDRAWN = MessageState.UNKNOWN, MessageState.WITHDRAWN

Ending = Literal["failed", "withdrawn", "unknown"]


async def stored(crm: Crm, *facts: Mapping[str, Any], mode: Mode = Mode.BOT) -> list[Message]:
    """Answers in one chat, with these facts."""
    async with crm.open_work(TENANT) as work:
        chat = await open_chat(work, mode=mode)
        messages = [an_answer(chat, **each) for each in facts]
        await work.messages.add(messages)
        await work.conversations.save(chat)
    return messages


async def learn(crm: Crm, *reports: Report) -> None:
    service = ResultService(open_work=crm.open_work, now=lambda: LATER, new_id=uuid7, patience_s=30)
    for report in reports:
        await service.learn(report)


async def now(crm: Crm, message: Message) -> Message:
    async with crm.open_work(TENANT) as work:
        return await work.messages.get(message.id)


async def steps(crm: Crm, conversation_id: ConversationId) -> list[str]:
    return [step.what for step in await crm.timeline(TENANT, conversation_id)]


async def asked_for(crm: Crm) -> list[UUID]:
    return [one.message_id for one in await crm.said() if isinstance(one, SendWhatsApp)]


def sent(message: Message, *wa_ids: str) -> WhatsAppSent:
    return WhatsAppSent(message_id=message.id, tenant_id=TENANT, wa_ids=list(wa_ids or ("3EB0A",)))


def not_sent(message: Message, outcome: Ending = "failed", *wa_ids: str) -> WhatsAppNotSent:
    return WhatsAppNotSent(
        message_id=message.id,
        tenant_id=TENANT,
        outcome=outcome,
        code="not_sent_in_time",
        wa_ids=list(wa_ids),
    )


async def test_what_left_is_sent_and_the_next_one_is_handed_over(crm: Crm) -> None:
    first, second, third = await stored(crm, {"state": HANDED, "ask_at": NOON, "asks": 1}, {}, {})

    await learn(crm, sent(first, "3EB0A", "3EB0B"))

    ended = await now(crm, first)
    assert (ended.state, ended.reason, ended.sent_at, ended.ask_at) == (SENT, None, LATER, None)
    assert ended.wa_ids == ("3EB0A", "3EB0B")
    assert await steps(crm, first.conversation_id) == ["message.sent", "message.handed"]
    assert await asked_for(crm) == [second.id]
    assert [(await now(crm, one)).state for one in (second, third)] == [HANDED, QUEUED]


async def test_the_second_time_nothing_happens(crm: Crm) -> None:
    first, second, _ = await stored(crm, {"state": HANDED}, {}, {})

    await learn(crm, sent(first), sent(first), sent(first, "3EB0OTHER"))

    assert (await now(crm, first)).wa_ids == ("3EB0A",)
    assert await asked_for(crm) == [second.id]
    assert await steps(crm, first.conversation_id) == ["message.sent", "message.handed"]


@pytest.mark.parametrize("outcome", ["failed", "withdrawn", "unknown"])
async def test_what_did_not_leave_says_why_and_holds_nothing_up(crm: Crm, outcome: Ending) -> None:
    first, second = await stored(crm, {"state": HANDED}, {})

    await learn(crm, not_sent(first, outcome, "3EB0A"))

    ended = await now(crm, first)
    assert (ended.state, ended.reason) == (MessageState(outcome), "not_sent_in_time")
    assert (ended.wa_ids, ended.sent_at) == (("3EB0A",), None)
    first_step, *_ = await crm.timeline(TENANT, first.conversation_id)
    assert (first_step.what, first_step.facts["code"]) == ("message.not_sent", "not_sent_in_time")
    assert await asked_for(crm) == [second.id]


async def test_what_was_given_up_may_have_left_all_the_same(crm: Crm) -> None:
    lost, taken_back = await stored(
        crm, {"state": UNKNOWN, "reason": "lost"}, {"state": WITHDRAWN, "reason": "erased"}
    )

    await learn(crm, sent(lost), sent(taken_back))

    assert [(await now(crm, one)).state for one in (lost, taken_back)] == [SENT, SENT]
    assert (await now(crm, lost)).reason is None


async def test_what_left_has_left_and_what_ended_has_ended(crm: Crm) -> None:
    gone, taken_back = await stored(
        crm, {"state": SENT, "wa_ids": ("3EB0A",)}, {"state": WITHDRAWN, "reason": "erased"}
    )

    await learn(crm, not_sent(gone), not_sent(taken_back, "unknown"))

    assert ((await now(crm, gone)).state, (await now(crm, gone)).wa_ids) == (SENT, ("3EB0A",))
    assert ((await now(crm, taken_back)).state, (await now(crm, taken_back)).reason) == (
        WITHDRAWN,
        "erased",
    )
    assert await steps(crm, gone.conversation_id) == []


async def test_the_bots_next_does_not_leave_where_a_person_took_over(crm: Crm) -> None:
    first, bots, persons = await stored(
        crm, {"state": HANDED}, {}, {"author": Author.PERSON}, mode=Mode.HUMAN
    )

    await learn(crm, not_sent(first, "withdrawn"))

    assert (await now(crm, bots)).reason == "suppressed_takeover"
    assert await asked_for(crm) == [persons.id]


async def test_a_report_about_nothing_is_counted_and_done_with(crm: Crm) -> None:
    [ours] = await stored(crm, {"state": HANDED})
    of_nobody = WhatsAppSent(message_id=uuid7(), tenant_id=TENANT, wa_ids=[])
    of_others = WhatsAppSent(message_id=ours.id, tenant_id=OTHER_TENANT, wa_ids=[])
    orphaned = Counted("messages_orphaned", kind="WhatsAppSent")

    await learn(crm, of_nobody, of_others)

    assert orphaned.more == 2
    assert (await now(crm, ours)).state is HANDED


async def test_a_chat_that_became_part_of_another_took_its_messages_along(crm: Crm) -> None:
    first, second = await stored(crm, {"state": HANDED}, {})
    async with crm.open_work(TENANT) as work:
        gone = await work.conversations.lock(first.conversation_id)
        kept: Conversation = await another_chat(work, LID)
        await work.conversations.absorb(kept, gone)

    await learn(crm, sent(first))

    assert await asked_for(crm) == [second.id]
    assert await steps(crm, kept.id) == ["message.sent", "message.handed"]


async def test_reports_are_heard_on_the_queue(crm: Crm) -> None:
    one, other = await stored(crm, {"state": HANDED}, {"state": HANDED})
    service = ResultService(open_work=crm.open_work, now=lambda: LATER, new_id=uuid7, patience_s=30)
    hear = handler(handlers.subscriptions(service))

    outcomes = await hear([incoming(sent(one)), incoming(not_sent(other, "unknown"))])

    assert outcomes == [Outcome.DONE, Outcome.DONE]
    assert [(await now(crm, each)).state for each in (one, other)] == [SENT, UNKNOWN]


def incoming(message: QueueMessage) -> Incoming:
    return Incoming(str(uuid7()), type(message).__name__, message.model_dump_json().encode(), {})

"""Where conversations and their messages are kept, in memory and in PostgreSQL alike."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    ConversationNotFound,
    Conversations,
    Timeline,
)
from crm_chatbot.domain.conversations.message import (
    MOST_REPEATS,
    MOST_TURNS,
    Author,
    Kind,
    Lately,
    Message,
    MessageId,
    MessageNotFound,
    Messages,
    MessageState,
    TurnId,
)
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.whatsapp import Heard, Ignored
from tests.crm_chatbot.builders import LATER, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import (
    LID,
    PHONE,
    SESSION,
    a_conversation,
    a_customer,
    a_full_conversation,
    a_full_customer,
    a_full_message,
    a_message,
    an_answer,
    another_chat,
    open_chat,
)
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = Conversations, Messages, Timeline


async def history(crm: Crm, conversation_id: ConversationId) -> list[Message]:
    async with crm.open_work(TENANT) as work:
        return await work.messages.newest(conversation_id, most=100)


def different(full: object, plain: object) -> set[str]:
    return {name for name, value in vars(full).items() if vars(plain)[name] == value}


def test_what_is_full_differs_from_its_defaults_in_every_field() -> None:
    customer = a_full_customer()
    conversation = a_full_conversation(customer)

    alike = different(conversation, a_conversation(customer))
    same = different(a_full_message(conversation), an_answer(conversation))

    assert alike == {
        *("tenant_id", "customer_id", "session", "chat_id"),
        *("created_at", "last_message_at", "mode_since"),
    }
    assert same == {
        *("conversation_id", "direction", "author", "created_at", "text", "session"),
    }


async def test_a_conversation_comes_back_as_it_went_in(crm: Crm) -> None:
    customer = a_full_customer()
    conversation = a_full_conversation(customer)

    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        assert await work.customers.add(customer)
        await work.conversations.add(conversation)
    async with crm.open_work(TENANT) as work:
        by_id = await work.conversations.lock(conversation.id)
        by_customer = await work.conversations.lock_of(customer.id)

    assert vars(by_id) == vars(conversation)
    assert by_customer is not None
    assert vars(by_customer) == vars(conversation)


async def test_many_chats_are_locked_at_once_and_each_is_then_the_one_that_is_changed(
    crm: Crm,
) -> None:
    async with crm.open_work(TENANT) as work:
        first, second = await open_chat(work), await another_chat(work, LID)

    async with crm.open_work(TENANT) as work:
        whose = [second.customer_id, CustomerId(uuid7()), first.customer_id]
        locked = await work.conversations.lock_all_of(whose)
        assert list(map(vars, locked)) == [vars(first), vars(second)]
        assert await work.conversations.lock_all_of([]) == []

        found = await work.conversations.lock_of(second.customer_id)
        assert found is not None
        found.session = "other"
        await work.conversations.save(found)

    async with crm.open_work(TENANT) as work:
        assert (await work.conversations.lock(second.id)).session == "other"


async def test_a_conversation_comes_back_as_it_was_saved(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        before = await open_chat(work)
    after = a_full_conversation(a_customer())
    after.id, after.customer_id = before.id, before.customer_id

    async with crm.open_work(TENANT) as work:
        await work.conversations.save(after)

    async with crm.open_work(TENANT) as work:
        assert vars(await work.conversations.lock(before.id)) == vars(after)


async def test_a_message_comes_back_as_it_went_in_and_as_it_was_saved(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        full, plain = a_full_message(conversation), a_message(conversation)
        await work.messages.add([full, plain])

    assert list(map(vars, await history(crm, conversation.id))) == [vars(full), vars(plain)]

    changed = a_full_message(conversation)
    changed.id, changed.seq, changed.stanza_id = plain.id, plain.seq, "3EB0OTHER"
    async with crm.open_work(TENANT) as work:
        await work.messages.save(changed)
        found = await work.messages.get(plain.id)

    assert vars(found) == vars(changed)


@pytest.mark.parametrize("is_one_of_many", [False, True])
async def test_who_comes_second_waits_and_sees_what_the_first_did(
    crm: Crm, *, is_one_of_many: bool
) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)

    async def second() -> int:
        async with crm.open_work(TENANT) as work:
            if is_one_of_many:
                [locked] = await work.conversations.lock_all_of([conversation.customer_id])
                return locked.last_seq
            return (await work.conversations.lock(conversation.id)).last_seq

    async with crm.open_work(TENANT) as work:
        locked = await work.conversations.lock(conversation.id)
        waiting = asyncio.create_task(second())
        await asyncio.wait([waiting], timeout=0.1)
        is_waiting = not waiting.done()
        locked.next_seq(LATER)
        await work.conversations.save(locked)

    assert is_waiting
    assert await asyncio.wait_for(waiting, 5) == 1


async def test_what_is_done_in_vain_is_undone(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)

    with pytest.raises(ZeroDivisionError):
        async with crm.open_work(TENANT) as work:
            locked = await work.conversations.lock(conversation.id)
            await work.messages.add([a_message(locked)])
            await work.conversations.save(locked)
            await work.timeline.note(locked.id, "message.received")
            raise ZeroDivisionError

    assert await history(crm, conversation.id) == []
    assert await crm.timeline(TENANT, conversation.id) == []
    async with crm.open_work(TENANT) as work:
        assert (await work.conversations.lock(conversation.id)).last_seq == 0


async def test_what_is_absent_is_not_found(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        with pytest.raises(ConversationNotFound):
            await work.conversations.lock(ConversationId(uuid7()))
        with pytest.raises(MessageNotFound):
            await work.messages.get(MessageId(uuid7()))
        assert await work.conversations.lock_of(CustomerId(uuid7())) is None
        assert await work.messages.by_stanza(SESSION, "3EB0") is None


async def test_another_tenants_are_as_absent_as_what_never_was(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        message = a_message(conversation, session=SESSION, stanza_id="3EB0")
        await work.messages.add([message])

    async with crm.open_work(OTHER_TENANT) as work:
        with pytest.raises(ConversationNotFound):
            await work.conversations.lock(conversation.id)
        with pytest.raises(MessageNotFound):
            await work.messages.get(message.id)
        assert await work.messages.by_stanza(SESSION, "3EB0") is None
        assert await work.messages.newest(conversation.id, most=9) == []


async def test_a_message_is_known_by_the_id_it_came_under_and_by_those_it_left_under(
    crm: Crm,
) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        came = a_message(conversation, session=SESSION, stanza_id="CAME")
        left = an_answer(conversation, wa_ids=("LEFT1", "LEFT2"))
        await work.messages.add([came, left])

    async with crm.open_work(TENANT) as work:
        found = [await work.messages.by_stanza(SESSION, s) for s in ("CAME", "LEFT2", "NONE")]
        elsewhere = await work.messages.by_stanza("another", "LEFT1")

    assert [message and message.id for message in found] == [came.id, left.id, None]
    assert elsewhere is None


async def test_what_waits_is_listed_oldest_first(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        states = [MessageState.NEW, MessageState.COVERED, MessageState.NEW, MessageState.NEW]
        came = [a_message(conversation, state=state) for state in states]
        leaving = [MessageState.SENT, MessageState.HANDED, MessageState.QUEUED]
        left = [an_answer(conversation, state=state) for state in leaving]
        await work.messages.add([*reversed(left), *reversed(came)])

        assert [m.seq for m in await work.messages.unanswered(conversation.id, most=2)] == [1, 3]
        assert [m.seq for m in await work.messages.leaving(conversation.id)] == [6, 7]
        assert [m.seq for m in await work.messages.newest(conversation.id, most=3)] == [5, 6, 7]


async def test_a_turn_covers_what_it_considered_and_nothing_else(crm: Crm) -> None:
    turn = TurnId(uuid7())
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        came = [a_message(conversation) for _ in range(3)]
        await work.messages.add([*came, an_answer(conversation)])

        await work.messages.cover(conversation.id, turn, seqs=[1, 3, 4])

    covered = [(m.seq, m.state, m.turn_id) for m in await history(crm, conversation.id)]
    assert covered == [
        (1, MessageState.COVERED, turn),
        (2, MessageState.NEW, None),
        (3, MessageState.COVERED, turn),
        (4, MessageState.QUEUED, None),
    ]


async def test_what_is_left_to_a_person_is_no_longer_new(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        covered = a_message(conversation, state=MessageState.COVERED)
        await work.messages.add([covered, a_message(conversation), a_message(conversation)])

        assert await work.messages.leave_to_person(conversation.id, reason="phone") == 2

    states = [(m.state, m.reason) for m in await history(crm, conversation.id)]
    left = (MessageState.FOR_PERSON, "phone")
    assert states == [(MessageState.COVERED, None), left, left]


def turn_of(conversation: Conversation, seconds_ago: float, turn: TurnId | None) -> Message:
    ago = LATER - timedelta(seconds=seconds_ago)
    return an_answer(conversation, created_at=ago, turn_id=turn)


async def test_how_lively_a_chat_was_lately_is_counted_in_turns_and_told_in_texts(
    crm: Crm,
) -> None:
    first, second = TurnId(uuid7()), TurnId(uuid7())
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        assert await work.messages.lately(conversation.id, LATER) == Lately()
        old: dict[str, Any] = {"created_at": LATER - timedelta(seconds=601)}
        await work.messages.add(
            [
                a_message(conversation, text="too old", **old),
                turn_of(conversation, 121, TurnId(uuid7())),
                turn_of(conversation, 119, first),
                turn_of(conversation, 60, first),
                turn_of(conversation, 50, second),
                turn_of(conversation, 40, None),
                a_message(conversation, text="one", created_at=LATER - timedelta(seconds=599)),
                a_message(conversation, text="", kind=Kind.STICKER, created_at=LATER),
                an_answer(conversation, text="not mine", author=Author.PERSON, turn_id=first),
                a_message(conversation, text="two", created_at=LATER),
            ]
        )

        assert await work.messages.lately(conversation.id, LATER) == Lately(2, ("one", "two"))


async def test_a_chat_that_was_looked_back_at_is_known_until_something_is_said(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        await work.messages.add([a_message(conversation, text="one", created_at=LATER)])
    async with crm.open_work(TENANT) as work:
        await work.messages.look_back([conversation.id], LATER)
        assert await work.messages.lately(conversation.id, LATER) == Lately(0, ("one",))

        await work.messages.add([a_message(conversation, text="two", created_at=LATER)])

        assert await work.messages.lately(conversation.id, LATER) == Lately(0, ("one", "two"))


async def test_turns_are_counted_however_many_messages_each_of_them_is_about(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        for _ in range(MOST_TURNS + 1):
            flood = [a_message(conversation, text="again", created_at=LATER) for _ in range(20)]
            await work.messages.add([*flood, turn_of(conversation, 1, TurnId(uuid7()))])

        lately = await work.messages.lately(conversation.id, LATER)

    assert lately == Lately(MOST_TURNS + 1, ("again",) * MOST_REPEATS)


async def test_after_erasing_it_is_only_known_that_something_was_said(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        await work.messages.add([a_full_message(conversation), a_message(conversation)])

        await work.messages.erase(conversation.id)

    left = await history(crm, conversation.id)
    assert [(m.text, m.content, m.reaction) for m in left] == [("", {}, None)] * 2
    assert [m.seq for m in left] == [1, 2]


async def test_what_the_sender_was_ever_asked_for_is_known(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        conversation, other = await open_chat(work), await another_chat(work, LID)
        sent = an_answer(conversation, state=MessageState.SENT, asks=2)
        withdrawn = an_answer(conversation, state=MessageState.WITHDRAWN, asks=1)
        never = an_answer(conversation, state=MessageState.WITHDRAWN, asks=0)
        await work.messages.add([sent, withdrawn, never, a_message(conversation)])
        await work.messages.add([an_answer(other, asks=1)])

        assert await work.messages.entrusted(conversation.id) == [sent.id, withdrawn.id]


async def test_in_which_chat_something_was_heard_is_forgotten_when_it_is_told(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        for chat_id in ("a@c.us", "b@c.us"):
            event = Ignored(key=chat_id, name="message", session="toko", reason="no_id")
            await work.inbox.record(Heard(event=event, reason="no_id", chat_id=chat_id))

        await work.inbox.forget_chats({"a@c.us"})

    assert await crm.heard_in(TENANT) == ["b@c.us"]
    async with crm.open_work(TENANT) as work:
        assert set(await work.inbox.unheard(["a@c.us", "c@c.us"])) == {"c@c.us"}


async def test_what_happened_is_kept_in_order_with_its_facts(crm: Crm) -> None:
    turn = uuid7()
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work)
        await work.timeline.note(conversation.id, "message.received", seq=1, kind="text")
        await work.timeline.note(conversation.id, "turn.started", turn_id=turn)
    async with crm.open_work(TENANT) as work:
        await work.timeline.note(conversation.id, "turn.committed")

    steps = await crm.timeline(TENANT, conversation.id)
    assert [step.what for step in steps] == [
        "message.received",
        "turn.started",
        "turn.committed",
    ]
    assert steps[0].facts == {"seq": 1, "kind": "text"}
    assert str(steps[1].facts["turn_id"]) == str(turn)


async def test_an_absorbed_conversation_goes_on_after_the_other(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        kept = await open_chat(work, PHONE)
        gone = await another_chat(work, LID)
        await work.messages.add([a_message(kept, text="a"), a_message(kept, text="b")])
        await work.messages.add([a_message(gone, text="c"), an_answer(gone, text="d")])
        await work.timeline.note(gone.id, "message.received")
    async with crm.open_work(TENANT) as work:
        kept = await work.conversations.lock(kept.id)
        gone = await work.conversations.lock(gone.id)
        kept.last_seq, gone.last_seq = 2, 2
        await work.conversations.absorb(kept, gone)

    told = [(m.seq, m.text) for m in await history(crm, kept.id)]
    assert told == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert [step.what for step in await crm.timeline(TENANT, kept.id)] == ["message.received"]
    async with crm.open_work(TENANT) as work:
        assert (await work.conversations.lock(kept.id)).last_seq == 4
        with pytest.raises(ConversationNotFound):
            await work.conversations.lock(gone.id)

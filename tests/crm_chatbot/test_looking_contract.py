"""What people see of conversations is the same in memory and in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.looking import (
    MOST_UNREAD,
    ConversationReader,
    Deciding,
    Directory,
    LabelSeen,
    LastHeard,
    LastSpoken,
    Looking,
    Place,
    Said,
    Status,
    Wanted,
)
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    ConversationNotFound,
    ConversationState,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Kind,
    Message,
    MessageState,
    TurnId,
)
from crm_chatbot.domain.customers.customer import CustomerId, Identity, IdentityKind
from crm_chatbot.domain.label import LabelId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId, TenantStatus
from crm_chatbot.domain.turns.turn import Outcome, Turn, TurnStatus
from crm_chatbot.domain.whatsapp import Rank
from crm_chatbot.infrastructure.conversations.reader import SqlConversationReader, SqlDirectory
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import (
    LID,
    PHONE,
    SESSION,
    a_customer,
    a_full_conversation,
    a_full_customer,
    a_message,
    an_answer,
    another_chat,
    open_chat,
)
from tests.crm_chatbot.deals import placed
from tests.crm_chatbot.labels import a_label
from tests.crm_chatbot.memory_looking import MemoryDirectory, MemoryReader
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = ConversationReader, Directory

ALL = Wanted()


@pytest.fixture
def look(crm: Crm) -> Looking:
    if isinstance(crm, SqlCrm):
        return Looking(SqlConversationReader(crm.sessions), SqlDirectory(crm.sessions))
    return Looking(MemoryReader(crm), MemoryDirectory(crm))


async def a_chat(crm: Crm, *messages: dict[str, Any], **facts: Any) -> Conversation:
    """A tenant's first conversation; each message is the customer's, unless it says otherwise."""
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work, **facts)
        await work.messages.add([a_message(conversation, **one) for one in messages])
        await work.conversations.save(conversation)
    return conversation


async def crowd(crm: Crm, *facts: dict[str, Any], tenant_id: TenantId = TENANT) -> list[Any]:
    """Conversations, each a second older than the one before; their ids."""
    ids: list[ConversationId] = []
    async with crm.open_work(tenant_id) as work:
        await work.tenants.add(a_tenant(tenant_id))
        for number, fact in enumerate(facts):
            identity = Identity(IdentityKind.PHONE, f"62812{tenant_id.int % 100:02}{number:05}")
            at = LATER - timedelta(seconds=number)
            named = {"tenant_id": tenant_id, "last_message_at": at} | fact
            ids.append((await another_chat(work, identity, **named)).id)
    return ids


async def listed(look: Looking, wanted: Wanted, tenant_id: TenantId | None = TENANT) -> list[Any]:
    return [one.id for one in await look.page(tenant_id, wanted, after=None, limit=50)]


async def texts(look: Looking, chat: Conversation, *, before: int | None, limit: int) -> list[str]:
    seen = await look.reader.messages(TENANT, chat.id, before=before, limit=limit)
    return [one.message.text for one in seen]


# -- conversations


async def test_a_conversation_is_seen_as_it_is(crm: Crm, look: Looking) -> None:
    customer = a_full_customer()
    conversation = a_full_conversation(customer)
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        assert await work.customers.add(customer)
        await work.conversations.add(conversation)

    seen = await look.find(TENANT, conversation.id)

    assert (seen.customer_name, seen.phone) == (customer.name, PHONE.value)
    assert (seen.unread, seen.last, seen.labels) == (0, None, [])
    shown = set(vars(seen)) - {"customer_name", "phone", "unread", "last", "labels"}
    assert {name: vars(seen)[name] for name in shown} == {
        name: vars(conversation)[name] for name in shown
    }


async def test_a_hidden_identity_is_no_phone_number(crm: Crm, look: Looking) -> None:
    async with crm.open_work(TENANT) as work:
        conversation = await open_chat(work, LID)

    assert (await look.find(TENANT, conversation.id)).phone is None


async def test_unread_is_what_the_customer_wrote_since(crm: Crm, look: Looking) -> None:
    conversation = await a_chat(
        crm,
        {"text": "read"},
        {"text": "new"},
        {"direction": Direction.OUT, "author": Author.BOT, "state": MessageState.QUEUED},
        {"text": "newer"},
        read_seq=1,
    )

    assert (await look.find(TENANT, conversation.id)).unread == 2


async def test_nobody_counts_further_than_many(crm: Crm, look: Looking) -> None:
    conversation = await a_chat(crm, *[{"text": "Halo"}] * (MOST_UNREAD + 3))

    assert (await look.find(TENANT, conversation.id)).unread == MOST_UNREAD


async def test_the_last_words_are_neither_notes_nor_markers(crm: Crm, look: Looking) -> None:
    kept = {"state": MessageState.KEPT, "author": Author.SYSTEM}
    conversation = await a_chat(
        crm,
        {"text": "Halo"},
        {"text": "Kopi", "kind": Kind.IMAGE, "created_at": LATER},
        {"direction": Direction.NOTE, "text": "Regular.", **kept},
        {"direction": Direction.MARKER, "text": "A colleague ...", **kept},
    )

    last = (await look.find(TENANT, conversation.id)).last

    assert last == Said(direction=Direction.IN, kind=Kind.IMAGE, text="Kopi", at=LATER)


async def test_the_newest_come_first_page_by_page(crm: Crm, look: Looking) -> None:
    same = {"last_message_at": NOON}
    ids = await crowd(crm, {}, {}, same, same, same)
    first = await look.page(TENANT, ALL, after=None, limit=3)

    after = Place(first[-1].last_message_at, first[-1].id)
    second = await look.page(TENANT, ALL, after=after, limit=3)

    assert [one.id for one in (*first, *second)] == [*ids[:2], *reversed(ids[2:])]


async def test_every_wish_leaves_out_what_does_not_fit(crm: Crm, look: Looking) -> None:
    customer_id = CustomerId(uuid7())
    human = {"mode": Mode.HUMAN, "mode_reason": TakeoverReason.API}
    by_person, ordering, old = await crowd(
        crm, human, {"state": ConversationState.ORDERING}, {"last_message_at": NOON}
    )
    async with crm.open_work(TENANT) as work:
        unread = await work.conversations.lock(ordering)
        await work.messages.add([a_message(unread)])
        await work.conversations.save(unread)
    customer_of_old = (await look.find(TENANT, old)).customer_id

    found = {
        "human": await listed(look, Wanted(mode=Mode.HUMAN)),
        "bot": await listed(look, Wanted(mode=Mode.BOT)),
        "state": await listed(look, Wanted(state=ConversationState.ORDERING)),
        "unread": await listed(look, Wanted(is_unread=True)),
        "read": await listed(look, Wanted(is_unread=False)),
        "since": await listed(look, Wanted(updated_since=LATER)),
        "customer": await listed(look, Wanted(customer_id=customer_of_old)),
        "nobody": await listed(look, Wanted(customer_id=customer_id)),
        "two": await listed(look, Wanted(mode=Mode.BOT, is_unread=False)),
    }

    assert found == {
        "human": [by_person],
        "bot": [ordering, old],
        "state": [ordering],
        "unread": [ordering],
        "read": [by_person, old],
        "since": [by_person],
        "customer": [old],
        "nobody": [],
        "two": [old],
    }


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(mode=Mode.BOT),
        Wanted(state=ConversationState.GREETING),
        Wanted(is_unread=False),
        Wanted(updated_since=NOON),
        Wanted(customer_id=CustomerId(UUID(int=7))),
        Wanted(mode=Mode.HUMAN),
        Wanted(state=ConversationState.PAYMENT),
        Wanted(is_unread=True),
        Wanted(updated_since=LATER + timedelta(seconds=1)),
    ],
    ids=str,
)
async def test_everybodys_are_chosen_as_each_ones_own(
    crm: Crm, look: Looking, wanted: Wanted
) -> None:
    await crowd(crm, {}, {})

    assert await listed(look, wanted, None) == await listed(look, wanted)


async def test_labels_are_shown_by_name_and_chosen_by_also_when_they_were_deleted(
    crm: Crm, look: Looking
) -> None:
    both, one, none = await crowd(crm, {}, {}, {})
    first, second = a_label("Grosir", color="#00ff7f"), a_label("Komplain", is_active=False)
    async with crm.open_work(TENANT) as work:
        for label in (second, first, third := a_label("Antar")):
            await work.labels.add(label)
            await work.labels.apply(both, label.id, by="bot", at=NOON)
        await work.labels.apply(one, second.id, by="bot", at=NOON)

    shown = {chat.id: chat.labels for chat in await look.page(TENANT, ALL, after=None, limit=9)}
    chosen = [
        await listed(look, Wanted(label_id=label_id))
        for label_id in (first.id, second.id, LabelId(UUID(int=7)))
    ]
    read = await listed(look, Wanted(label_id=second.id, mode=Mode.HUMAN))

    expected = [
        LabelSeen(id=label.id, name=label.name, color=label.color) for label in (third, first)
    ]
    assert shown == {both: expected, one: [], none: []}
    assert (await look.find(TENANT, both)).labels == expected
    assert chosen == [[both], [both, one], []]
    assert read == []


async def test_everybodys_are_told_in_one_order(crm: Crm, look: Looking) -> None:
    ours = await crowd(crm, {}, {}, {})
    theirs = await crowd(crm, {"last_message_at": NOON}, {}, tenant_id=OTHER_TENANT)
    first = await look.page(None, ALL, after=None, limit=2)

    after = Place(first[-1].last_message_at, first[-1].id)
    rest = await look.page(None, ALL, after=after, limit=9)

    seen = [one.id for one in (*first, *rest)]
    assert seen[0] == ours[0]
    assert {*seen[1:3]} == {ours[1], theirs[1]}
    assert seen[3:] == [ours[2], theirs[0]]


async def test_it_is_known_whose_something_is(crm: Crm, look: Looking) -> None:
    conversation = await a_chat(crm)

    assert await look.directory.tenant_of_conversation(conversation.id) == TENANT
    assert await look.directory.tenant_of_customer(conversation.customer_id) == TENANT
    assert await look.directory.tenant_of_conversation(ConversationId(uuid7())) is None
    assert await look.directory.tenant_of_customer(CustomerId(uuid7())) is None


async def test_it_is_known_whose_an_order_is(crm: Crm, look: Looking) -> None:
    conversation = await a_chat(crm)
    async with crm.open_work(TENANT) as work:
        order = await placed(work, await work.customers.get(conversation.customer_id))

    assert await look.directory.tenant_of_order(order.id) == TENANT
    assert await look.directory.tenant_of_order(OrderId(uuid7())) is None


async def test_another_tenants_are_not_there(crm: Crm, look: Looking) -> None:
    conversation = await a_chat(crm, {"text": "Halo"})
    async with crm.open_work(TENANT) as work:
        await work.timeline.note(conversation.id, "message.received")
    page: dict[str, Any] = {"before": None, "limit": 9}

    assert await listed(look, ALL, OTHER_TENANT) == []
    assert await look.reader.messages(OTHER_TENANT, conversation.id, **page) == []
    assert await look.reader.steps(OTHER_TENANT, conversation.id, **page) == []
    with pytest.raises(ConversationNotFound):
        await look.find(OTHER_TENANT, conversation.id)
    with pytest.raises(ConversationNotFound):
        await look.reader.situation(OTHER_TENANT, conversation.id)


# -- their messages and timelines


async def test_the_newest_messages_come_first_and_each_page_reads_forward(
    crm: Crm, look: Looking
) -> None:
    chat = await a_chat(crm, *({"text": str(number)} for number in range(1, 6)))

    assert await texts(look, chat, before=None, limit=2) == ["4", "5"]
    assert await texts(look, chat, before=4, limit=2) == ["2", "3"]
    assert await texts(look, chat, before=2, limit=2) == ["1"]


@pytest.mark.parametrize(
    ("state", "told", "status"),
    [
        (MessageState.QUEUED, {}, Status.QUEUED),
        (MessageState.HANDED, {}, Status.HANDED),
        (MessageState.SENT, {}, Status.SENT),
        (MessageState.SENT, {"A": Rank.SERVER, "B": Rank.SERVER}, Status.SENT),
        (MessageState.SENT, {"A": Rank.READ}, Status.SENT),
        (MessageState.SENT, {"A": Rank.READ, "B": Rank.DEVICE}, Status.DELIVERED),
        (MessageState.SENT, {"A": Rank.READ, "B": Rank.PLAYED}, Status.READ),
        (MessageState.SENT, {"A": Rank.ERROR, "B": Rank.READ}, Status.FAILED),
        (MessageState.UNKNOWN, {}, Status.UNKNOWN),
        (MessageState.UNKNOWN, {"A": Rank.SERVER}, Status.UNKNOWN),
        (MessageState.UNKNOWN, {"A": Rank.SERVER, "B": Rank.SERVER}, Status.SENT),
        (MessageState.UNKNOWN, {"A": Rank.DEVICE, "B": Rank.DEVICE}, Status.DELIVERED),
        (MessageState.FAILED, {}, Status.FAILED),
        (MessageState.WITHDRAWN, {}, Status.WITHDRAWN),
    ],
)
async def test_a_message_has_come_as_far_as_the_last_of_its_parts(
    crm: Crm, look: Looking, state: MessageState, told: dict[str, Rank], status: Status
) -> None:
    async with crm.open_work(TENANT) as work:
        chat = await open_chat(work)
        await work.messages.add([an_answer(chat, state=state, wa_ids=("A", "B"))])
        for stanza_id, rank in told.items():
            await work.acks.advance(SESSION, stanza_id, rank)
        await work.acks.advance("another", "B", Rank.READ)

    seen = await look.reader.messages(TENANT, chat.id, before=None, limit=1)

    assert seen[0].status is status


async def test_what_the_owner_typed_has_come_as_far_as_whatsapp_told(
    crm: Crm, look: Looking
) -> None:
    async with crm.open_work(TENANT) as work:
        chat = await open_chat(work)
        typed = an_answer(chat, author=Author.PHONE, state=MessageState.KEPT, stanza_id="T")
        await work.messages.add([typed])
        await work.acks.advance(SESSION, "T", Rank.READ)

    seen = await look.reader.messages(TENANT, chat.id, before=None, limit=1)

    assert seen[0].status is Status.READ
    assert vars(seen[0].message) == vars(typed)


async def test_what_came_in_goes_nowhere(crm: Crm, look: Looking) -> None:
    chat = await a_chat(crm, {"text": "Halo"})

    assert (await look.reader.messages(TENANT, chat.id, before=None, limit=1))[0].status is None


async def test_steps_are_told_in_order_page_by_page(crm: Crm, look: Looking) -> None:
    chat = await a_chat(crm)
    async with crm.open_work(TENANT) as work:
        for number in range(5):
            await work.timeline.note(chat.id, "turn.failed", failures=number)

    newest = await look.reader.steps(TENANT, chat.id, before=None, limit=2)
    before = await look.reader.steps(TENANT, chat.id, before=newest[0].number, limit=9)

    facts = [step.happened.facts for step in (*before, *newest)]
    assert facts == [{"failures": number} for number in range(5)]
    assert {step.happened.what for step in newest} == {"turn.failed"}


# -- how it stands


def a_turn(conversation: Conversation, **facts: Any) -> Turn:
    named: dict[str, Any] = {
        "id": TurnId(uuid7()),
        "conversation_id": conversation.id,
        "epoch": 1,
        "from_seq": 1,
        "to_seq": 1,
        "started_at": NOON,
    }
    return Turn(**named | facts)


async def test_of_a_new_conversation_there_is_nothing_to_tell(crm: Crm, look: Looking) -> None:
    chat = await a_chat(crm)

    seen = await look.reader.situation(TENANT, chat.id)

    assert (seen.mode, seen.mode_since, seen.time_zone) == (Mode.BOT, NOON, "Asia/Jakarta")
    assert not seen.is_suspended
    assert not seen.is_held
    assert (seen.heard, seen.spoken, seen.deciding, seen.leaving) == (None, None, None, 0)
    assert (seen.ready_at, seen.handback_at, seen.session_status) == (None, None, None)


async def test_the_situation_tells_everything_that_explains_it(crm: Crm, look: Looking) -> None:
    customer = a_customer(PHONE)
    chat = a_full_conversation(customer)
    tenant = a_tenant()
    tenant.become(TenantStatus.SUSPENDED, LATER)
    heard = a_message(chat, state=MessageState.IGNORED, reason="stale")
    answer = an_answer(chat, state=MessageState.HANDED, reason="why", author=Author.PERSON)
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(tenant)
        assert await work.customers.add(customer)
        await work.conversations.add(chat)
        await work.messages.add([an_answer(chat, seq=1), heard, answer])
        await work.turns.add(a_turn(chat, failures=2))
        await work.whatsapp_sessions.changed(SESSION, "SCAN_QR_CODE", NOON)

    seen = await look.reader.situation(TENANT, chat.id)

    assert seen.is_suspended
    assert seen.is_held
    assert (seen.mode, seen.mode_reason) == (Mode.HUMAN, TakeoverReason.PHONE)
    assert (seen.ready_at, seen.handback_at) == (chat.ready_at, chat.handback_at)
    assert (seen.session_status, seen.leaving) == ("SCAN_QR_CODE", 2)
    assert seen.heard == LastHeard(state=MessageState.IGNORED, reason="stale", outcome=None)
    assert seen.deciding == Deciding(started_at=NOON, failures=2)
    assert seen.spoken == LastSpoken(
        author=Author.PERSON, status=Status.HANDED, reason="why", is_after_heard=True
    )


async def test_the_situation_tells_how_the_last_turn_ended(crm: Crm, look: Looking) -> None:
    async with crm.open_work(TENANT) as work:
        chat = await open_chat(work)
        turn = a_turn(chat, status=TurnStatus.COMMITTED, outcome=Outcome.LIMITED)
        heard: Sequence[Message] = [
            an_answer(chat, state=MessageState.SENT),
            a_message(chat, state=MessageState.COVERED, turn_id=turn.id),
        ]
        await work.turns.add(turn)
        await work.messages.add(heard)

    seen = await look.reader.situation(TENANT, chat.id)

    assert seen.heard == LastHeard(state=MessageState.COVERED, reason=None, outcome=Outcome.LIMITED)
    assert seen.spoken is not None
    assert not seen.spoken.is_after_heard
    assert seen.deciding is None

"""What becomes of what customers and owners write: answered, left to a person, or ignored."""

from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.whatsapp.hearing import Reception
from crm_chatbot.domain.conversations.conversation import Mode, TakeoverReason
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Kind,
    Message,
    MessageState,
    TurnId,
)
from crm_chatbot.domain.tenants.tenant import Pace
from shared.contracts import SendWhatsApp, TurnDue, WhatsAppSessionChanged, WithdrawWhatsApp
from tests.crm_chatbot.builders import NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import CHAT, LID, PHONE, SESSION, an_answer
from tests.crm_chatbot.shop import Shop
from tests.crm_chatbot.stores import Crm
from tests.crm_chatbot.waha import a_text, an_event

NEW, FOR_PERSON, IGNORED = MessageState.NEW, MessageState.FOR_PERSON, MessageState.IGNORED
TAKEN = Reception("taken")


@pytest.fixture
async def shop(crm: Crm) -> Shop:
    return await Shop(crm).open()


async def queue_answer(shop: Shop, text: str, **facts: Any) -> Message:
    """As if a turn had answered."""
    chat_id = await shop.chat_id()
    async with shop.crm.open_work(TENANT) as work:
        conversation = await work.conversations.lock(chat_id)
        message = an_answer(conversation, text=text, **facts)
        await work.messages.add([message])
        await work.conversations.save(conversation)
    return message


async def test_a_first_message_makes_a_customer_a_chat_and_a_bell(shop: Shop) -> None:
    assert await shop.hear(an_event()) == TAKEN

    customer, chat = await shop.customer(), await shop.chat()
    [message] = await shop.history()
    assert (customer.name, customer.identities, customer.tenant_id) == ("Budi", (PHONE,), TENANT)
    assert (chat.session, chat.chat_id, chat.mode) == (SESSION, CHAT, Mode.BOT)
    assert (chat.last_seq, chat.ready_at) == (1, NOON + timedelta(seconds=2))
    assert message.text == "Halo kak, mau tanya kopi gayo 250gr ready?"
    assert (message.state, message.author, message.seq) == (NEW, Author.CUSTOMER, 1)
    assert (message.session, message.stanza_id) == (SESSION, "3EB0FIXTURE0000000001")
    assert message.provider_at == NOON
    assert await shop.said(TurnDue) == [
        TurnDue(tenant_id=TENANT, conversation_id=chat.id, in_s=2.0)
    ]
    assert await shop.codes() == ["message.received"]


async def test_the_same_message_again_changes_nothing(shop: Shop) -> None:
    first = await shop.hear(an_event())
    ready_at = (await shop.chat()).ready_at
    shop.clock.advance(1)
    again = [await shop.hear({**an_event(), "event": name}) for name in ("message", "message.any")]

    assert [first, *again] == [TAKEN, Reception("duplicate"), Reception("duplicate")]
    assert len(await shop.history()) == 1
    assert (await shop.chat()).ready_at == ready_at
    assert len(await shop.said(TurnDue)) == 1


async def test_the_same_id_with_other_words_is_the_first_message(shop: Shop) -> None:
    await shop.wrote("first", "3EB0")

    assert await shop.wrote("second", "3EB0") == Reception("duplicate")

    assert [text for text, _, _ in await shop.told()] == ["first"]


async def test_the_bot_waits_for_more_but_not_for_ever(crm: Crm) -> None:
    shop = await Shop(crm, a_tenant(pace=Pace(quiet_s=2, longest_s=5))).open()
    begin = shop.clock()

    ready: list[float] = []
    for text in ("a", "b", "c", "d", "e", "f"):
        await shop.wrote(text)
        ready.append(((await shop.chat()).ready_at or begin).timestamp() - begin.timestamp())
        shop.clock.advance(1.5)

    assert ready == [2.0, 3.5, 5.0, 5.0, 5.0, 5.0]


async def test_the_bell_rings_once_for_all_that_waits(shop: Shop) -> None:
    for text in ("a", "b", "c"):
        await shop.wrote(text)
        shop.clock.advance(1)

    assert [bell.in_s for bell in await shop.said(TurnDue)] == [2.0]


async def test_replies_go_to_where_the_customer_wrote_from_last(shop: Shop) -> None:
    await shop.hear(an_event("waha_message_text_noweb"))
    await shop.hear(an_event("waha_message_lid_gows"))

    assert (await shop.chat()).chat_id == "111222333444555@lid"


# -- what is not answered


NOT_FOR_US = {
    "a group": ("waha_message_group_gows", "group"),
    "a status": ("waha_message_status_broadcast", "status"),
    "our own echo": ("waha_message_any_from_me_api_noweb", "own_echo"),
    "somebody typing": ("waha_presence_update", "not_needed"),
    "a reaction to what nobody knows": ("waha_message_reaction", "reaction"),
    "a stranger's call": ("waha_call_received", "call"),
}


@pytest.mark.parametrize(("file", "reason"), NOT_FOR_US.values(), ids=NOT_FOR_US)
async def test_what_is_not_for_a_shop_is_ignored_and_makes_no_customer(
    shop: Shop, file: str, reason: str
) -> None:
    assert await shop.hear(an_event(file)) == Reception("ignored", reason)
    assert await shop.hear(an_event(file)) == Reception("duplicate")

    async with shop.crm.open_work(TENANT) as work:
        assert await work.customers.known_as([PHONE, LID]) == []


async def test_a_message_without_any_content_is_kept_and_not_answered(shop: Shop) -> None:
    assert await shop.hear(an_event(body=None, _data={})) == Reception("ignored", "empty")

    assert await shop.told() == [("", IGNORED, "empty")]
    assert (await shop.chat()).ready_at is None
    assert await shop.codes() == ["message.ignored"]


async def test_of_a_stale_backlog_nothing_is_answered_and_a_person_is_called_once(
    shop: Shop,
) -> None:
    for number in range(5):
        answer = await shop.hear(a_text("old", stanza=f"S{number}"), seconds_ago=901)
        assert answer == Reception("ignored", "stale")
    await shop.wrote("now")

    states = [(state, reason) for _, state, reason in await shop.told()]
    assert states == [(IGNORED, "stale")] * 5 + [(FOR_PERSON, "stale_backlog")]
    assert (await shop.codes()).count("conversation.taken_over") == 1
    assert (await shop.chat()).mode_reason is TakeoverReason.STALE
    assert await shop.said(TurnDue) == []


async def test_what_is_only_a_little_late_is_answered(shop: Shop) -> None:
    assert await shop.hear(a_text("late", stanza="S"), seconds_ago=899) == TAKEN

    assert await shop.told() == [("late", NEW, None)]


async def test_a_time_that_makes_no_sense_makes_nothing_stale(shop: Shop) -> None:
    assert await shop.hear(an_event(timestamp=0), seconds_ago=None) == TAKEN

    [message] = await shop.history()
    assert message.provider_at is None


# -- loops


async def test_the_same_words_three_times_call_a_person(shop: Shop) -> None:
    for text in ("Menu?", "menu?  ", "MENU?"):
        await shop.wrote(text)

    chat = await shop.chat()
    assert (chat.mode, chat.mode_reason) == (Mode.HUMAN, TakeoverReason.LOOP)
    assert chat.ready_at is None
    assert {state for _, state, _ in await shop.told()} == {FOR_PERSON}


async def test_the_same_words_with_others_between_call_nobody(shop: Shop) -> None:
    for text in ("ya", "ya", "kopi", "ya"):
        await shop.wrote(text)

    assert (await shop.chat()).mode is Mode.BOT


async def test_more_than_twelve_turns_in_two_minutes_call_a_person(shop: Shop) -> None:
    await shop.wrote("Halo")
    for number in range(13):
        turn = TurnId(uuid7())
        await queue_answer(shop, f"{number}", state=MessageState.SENT, turn_id=turn)
    await shop.wrote("Baik")

    chat = await shop.chat()
    assert (chat.mode, chat.mode_reason) == (Mode.HUMAN, TakeoverReason.LOOP)


async def test_twelve_turns_in_two_minutes_are_only_lively(shop: Shop) -> None:
    await shop.wrote("Halo")
    for number in range(12):
        turn = TurnId(uuid7())
        await queue_answer(shop, f"{number}", state=MessageState.SENT, turn_id=turn)
    await shop.wrote("Baik")

    assert (await shop.chat()).mode is Mode.BOT


# -- the owner's phone


async def test_who_types_on_the_phone_takes_over(shop: Shop) -> None:
    await shop.wrote("Ada kopi?")
    answer = await queue_answer(shop, "Ada")

    assert await shop.owner_typed("Ini saya, admin") == TAKEN

    chat = await shop.chat()
    assert (chat.mode, chat.mode_reason) == (Mode.HUMAN, TakeoverReason.PHONE)
    assert chat.handback_at == NOON + timedelta(hours=1)
    history = await shop.history()
    assert [(m.direction, m.author, m.state) for m in history] == [
        (Direction.IN, Author.CUSTOMER, FOR_PERSON),
        (Direction.OUT, Author.BOT, MessageState.WITHDRAWN),
        (Direction.MARKER, Author.SYSTEM, MessageState.KEPT),
        (Direction.OUT, Author.PHONE, MessageState.KEPT),
    ]
    assert history[1].id == answer.id
    assert history[1].reason == "suppressed_takeover"
    assert history[3].text == "Ini saya, admin"


async def test_what_the_sender_has_already_is_asked_back(shop: Shop) -> None:
    await shop.wrote("Ada kopi?")
    answer = await queue_answer(shop, "Ada", state=MessageState.HANDED)

    await shop.owner_typed("Ini saya, admin")

    assert await shop.said(WithdrawWhatsApp) == [
        WithdrawWhatsApp(tenant_id=TENANT, message_ids=[answer.id])
    ]


async def test_what_comes_while_a_person_answers_is_left_to_them(shop: Shop) -> None:
    await shop.owner_typed("Halo, ada yang bisa dibantu?")

    assert await shop.wrote("Ada kopi?") == TAKEN

    assert await shop.told() == [("Ada kopi?", FOR_PERSON, "phone")]
    assert await shop.said(TurnDue) == []


async def test_who_goes_on_typing_is_not_handed_back(shop: Shop) -> None:
    await shop.owner_typed("satu")
    later = shop.clock.advance(1_800)
    await shop.owner_typed("dua")

    assert (await shop.chat()).handback_at == later + timedelta(hours=1)
    assert (await shop.codes()).count("conversation.taken_over") == 1


async def test_our_own_echo_is_no_owner_whatever_the_engine_calls_it(shop: Shop) -> None:
    await shop.wrote("Ada kopi?")
    sent = await queue_answer(shop, "Ada", state=MessageState.SENT, wa_ids=("3EB0SENT",))
    being_sent = await queue_answer(shop, "Ada, kak.\n\nMau?", state=MessageState.HANDED)

    echoes = [
        await shop.owner_typed("Ada", "3EB0SENT"),
        await shop.owner_typed("Ada, kak."),
        await shop.owner_typed("Mau? ", source=None),
    ]

    assert echoes == [Reception("ignored", "own_echo")] * 3
    assert (await shop.chat()).mode is Mode.BOT
    assert [m.id for m in (await shop.history())[1:]] == [sent.id, being_sent.id]


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.UNKNOWN])
async def test_an_echo_of_what_left_without_a_name_is_no_owner(
    shop: Shop, state: MessageState
) -> None:
    """Some engines tell no id; and of what is unknown, nobody knows whether it has one."""
    await shop.wrote("Ada kopi?")
    await queue_answer(shop, "Ada", state=state)

    echo, other = await shop.owner_typed("Ada"), await shop.owner_typed("Habis, kak")

    assert (echo, other) == (Reception("ignored", "own_echo"), TAKEN)


async def test_what_was_typed_long_ago_takes_nothing_over_any_more(shop: Shop) -> None:
    typed: dict[str, Any] = {"id": f"true_{CHAT}_X", "body": "kemarin", "_data": {}}
    answer = await shop.hear(
        an_event("waha_message_any_from_me_app_webjs", **typed), seconds_ago=3_601
    )

    assert answer == TAKEN
    assert (await shop.chat()).mode is Mode.BOT
    assert [m.text for m in await shop.history()] == ["kemarin"]


# -- who wants to be left alone


async def test_who_wants_to_hear_no_more_is_told_so_once_and_then_left_alone(shop: Shop) -> None:
    await shop.wrote("Ada kopi?")
    await queue_answer(shop, "Ada", state=MessageState.QUEUED)

    assert await shop.wrote("stop, jangan chat saya lagi") == Reception("ignored", "opted_out")
    assert await shop.wrote("STOP") == Reception("ignored", "opted_out")
    assert await shop.wrote("kenapa?") == TAKEN

    assert (await shop.customer()).opted_out_at == NOON
    assert await shop.told() == [
        ("Ada kopi?", FOR_PERSON, "opted_out"),
        ("stop, jangan chat saya lagi", IGNORED, "opted_out"),
        ("STOP", IGNORED, "opted_out"),
        ("kenapa?", FOR_PERSON, "opted_out"),
    ]
    [goodbye] = await shop.said(SendWhatsApp)
    assert goodbye.content.text.startswith("Baik, kami tidak akan mengirim pesan lagi.")
    assert (await shop.chat()).ready_at is None
    assert (await shop.chat()).epoch == 1
    states = [m.state for m in await shop.history() if m.author is Author.BOT]
    assert states == [MessageState.WITHDRAWN]


async def test_who_wants_to_hear_again_is_answered_again(shop: Shop) -> None:
    await shop.wrote("please stop")
    assert await shop.wrote("start") == Reception("ignored", "opted_in")
    await shop.change((await shop.history())[1], state=MessageState.SENT)

    assert await shop.wrote("Do you have coffee?") == TAKEN

    assert (await shop.customer()).opted_out_at is None
    assert (await shop.told())[-1] == ("Do you have coffee?", NEW, None)
    assert (await shop.history())[3].text.startswith("Selamat datang kembali!")


# -- two names for one person


async def test_two_chats_of_one_person_become_one(shop: Shop) -> None:
    await shop.wrote("by phone", "P1")
    shop.clock.advance(1)
    await shop.wrote("by lid", "L1", chat="111222333444555@lid")
    before = await shop.chat(PHONE)
    assert (await shop.chat(LID)).id != before.id

    shop.clock.advance(1)
    await shop.hear(an_event("waha_message_lid_gows"))

    merged = await shop.chat(PHONE)
    assert merged.id == (await shop.chat(LID)).id == before.id
    assert [(text, state) for text, state, _ in await shop.told()] == [
        ("by phone", NEW),
        ("by lid", NEW),
        ("checkout dong kak", NEW),
    ]
    assert [m.seq for m in await shop.history()] == [1, 2, 3]
    assert set((await shop.customer()).identities) == {PHONE, LID}
    assert "conversation.merged" in await shop.codes()
    assert merged.ready_at is not None
    assert merged.epoch > before.epoch


async def test_a_person_who_answers_one_of_two_chats_answers_both(shop: Shop) -> None:
    await shop.wrote("by phone", "P1")
    await shop.wrote("by lid", "L1", chat="111222333444555@lid")
    await shop.owner_typed("Halo", id="true_111222333444555@lid_X")

    await shop.inbound.link(shop.tenant, [LID, PHONE])

    chat = await shop.chat()
    assert (chat.mode, chat.mode_reason, chat.ready_at) == (
        Mode.HUMAN,
        TakeoverReason.PHONE,
        None,
    )
    assert {state for _, state, _ in await shop.told()} == {FOR_PERSON}


async def test_a_number_that_is_learnt_later_is_added(shop: Shop) -> None:
    await shop.wrote("by lid", chat="111222333444555@lid")

    await shop.inbound.link(shop.tenant, [LID, PHONE])
    await shop.wrote("by phone")

    assert [text for text, _, _ in await shop.told(LID)] == ["by lid", "by phone"]


# -- second thoughts


async def test_an_edit_of_an_unanswered_message_changes_its_words(shop: Shop) -> None:
    await shop.hear(an_event("waha_message_text_noweb"))

    assert await shop.hear(an_event("waha_message_edited")) == TAKEN

    [message] = await shop.history()
    assert (message.text, message.edited_at, message.state) == ("pesan 3 ya kak", NOON, NEW)
    assert await shop.codes() == ["message.received", "message.edited"]


async def test_an_edit_of_an_answered_message_is_noted(shop: Shop) -> None:
    await shop.hear(an_event("waha_message_text_noweb"))
    await shop.change((await shop.history())[0], state=MessageState.COVERED)

    await shop.hear(an_event("waha_message_edited"))

    [message] = await shop.history()
    assert (message.text, message.edited_at) == ("pesan 2 ya kak", NOON)
    assert message.content["edited_to"] == "pesan 3 ya kak"


async def test_an_edit_while_an_answer_is_being_decided_is_news(shop: Shop) -> None:
    await shop.hear(an_event("waha_message_text_noweb"))
    chat_id = await shop.chat_id()
    async with shop.crm.open_work(TENANT) as work:
        chat = await work.conversations.lock(chat_id)
        chat.lease_worker = uuid7()
        await work.conversations.save(chat)

    await shop.hear(an_event("waha_message_edited"))

    assert [(text, state) for text, state, _ in await shop.told()] == [
        ("pesan 2 ya kak", NEW),
        ("pesan 3 ya kak", NEW),
    ]


async def test_an_edit_that_is_faster_than_its_message_is_the_message(shop: Shop) -> None:
    assert await shop.hear(an_event("waha_message_edited")) == TAKEN
    assert await shop.hear(an_event("waha_message_text_noweb")) == Reception("duplicate")

    assert await shop.told() == [("pesan 3 ya kak", NEW, None)]


async def test_a_message_that_is_taken_back_needs_no_answer(shop: Shop) -> None:
    await shop.hear(an_event("waha_message_text_noweb"))

    assert await shop.hear(an_event("waha_message_revoked")) == TAKEN

    [message] = await shop.history()
    assert (message.state, message.reason, message.revoked_at) == (IGNORED, "revoked", NOON)
    assert (await shop.chat()).ready_at is None


async def test_of_two_messages_one_taken_back_leaves_the_other_to_be_answered(shop: Shop) -> None:
    await shop.hear(an_event("waha_message_text_noweb"))
    await shop.wrote("dan satu lagi")

    await shop.hear(an_event("waha_message_revoked"))

    assert (await shop.chat()).ready_at is not None
    assert [state for _, state, _ in await shop.told()] == [IGNORED, NEW]


async def test_a_message_taken_back_before_it_came_is_never_answered(shop: Shop) -> None:
    revoked = await shop.hear(an_event("waha_message_revoked"))
    assert revoked.outcome == "ignored"
    assert await shop.hear(an_event("waha_message_text_noweb")) == Reception("duplicate")

    [message] = await shop.history()
    assert (message.text, message.state, message.reason) == ("", IGNORED, "revoked")
    assert message.revoked_at == NOON


async def test_what_the_owner_edits_or_takes_back_elsewhere_is_nothing_to_us(shop: Shop) -> None:
    edited = an_event("waha_message_edited", fromMe=True)
    after = {**an_event("waha_message_revoked")["payload"]["after"], "fromMe": True}

    answers = [
        await shop.hear(edited),
        await shop.hear(an_event("waha_message_revoked", after=after)),
    ]

    assert answers == [Reception("ignored", "unknown_message")] * 2


async def test_a_reaction_is_seen_and_can_be_taken_away(shop: Shop) -> None:
    await shop.wrote("Halo")
    answer = await queue_answer(
        shop, "Halo!", state=MessageState.SENT, wa_ids=("3EB0FIXTURE0000000013",)
    )

    assert await shop.hear(an_event("waha_message_reaction")) == Reception("ignored", "reaction")
    assert (await shop.history())[1].reaction == "👍"
    await shop.hear(an_event("waha_message_reaction_removed"))

    assert (await shop.history())[1].reaction is None
    assert (await shop.history())[1].id == answer.id


async def test_a_known_customers_call_is_part_of_the_history(shop: Shop) -> None:
    await shop.wrote("Halo")

    assert await shop.hear(an_event("waha_call_received")) == Reception("ignored", "call")
    rejected = {**an_event("waha_call_received"), "event": "call.rejected"}
    assert await shop.hear(rejected) == Reception("ignored", "call")

    call = (await shop.history())[1]
    assert (call.kind, call.state, call.content) == (Kind.CALL, IGNORED, {"is_video": False})
    assert (await shop.codes())[1:] == ["message.ignored", "call.rejected"]


# -- acks and sessions


async def test_how_far_a_message_came_is_noted_once_and_only_forward(shop: Shop) -> None:
    await shop.wrote("Halo")
    await queue_answer(shop, "Ya", state=MessageState.SENT, wa_ids=("3EB0FIXTURE0000000013",))

    for file in ("device", "read", "device", "read"):
        await shop.hear(an_event(f"waha_message_ack_{file}"))

    assert (await shop.codes())[1:] == ["message.delivered", "message.read"]


async def test_that_whatsapp_does_not_deliver_is_noted_with_its_code(shop: Shop) -> None:
    await shop.wrote("Halo")
    await queue_answer(shop, "Ya", state=MessageState.SENT, wa_ids=("3EB0FIXTURE0000000018",))

    assert await shop.hear(an_event("waha_message_ack_error_463")) == TAKEN

    step = (await shop.steps())[-1]
    assert (step.what, step.facts["code"]) == ("message.not_delivered", "whatsapp_463")


async def test_the_sender_hears_of_a_sessions_status_once(shop: Shop) -> None:
    for file in ("working", "scan_qr", "working", "failed"):
        await shop.hear(an_event(f"waha_session_status_{file}"), seconds_ago=None)

    assert await shop.said(WhatsAppSessionChanged) == [
        WhatsAppSessionChanged(tenant_id=TENANT, session=SESSION, status=status)
        for status in ("WORKING", "FAILED")
    ]

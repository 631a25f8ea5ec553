"""Turns on PostgreSQL: what was heard is answered once, in order, and only by whoever may."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.takeover import take_over
from crm_chatbot.application.turns.answering import Books
from crm_chatbot.application.turns.service import Remembered
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationState,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import Author, Kind, MessageState
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.tenants.tenant import ReplyLimits, TenantStatus
from crm_chatbot.domain.turns.turn import MOST_FAILURES, TurnLimits
from shared.contracts import TurnDue
from shared.infrastructure.database import DatabaseClock, Sessions
from shared.llm.chat import ChatMessage, ModelFailed, Reply, ToolSpec
from tests.crm_chatbot.builders import NOON, a_tenant
from tests.crm_chatbot.turning import Shop, SlowModels
from tests.shared.llm.builders import a_call
from tests.shared.llm.fakes import FakeModels, MemoryBudgets, calls, says
from tests.waiting import until

RENAME = calls("update_customer_profile", name="Siti")


def echo(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> str:
    return f"Kakak bilang: {messages[-1].text}"


@pytest.fixture
async def clock(sessions: Sessions) -> DatabaseClock:
    clock = DatabaseClock(sessions)
    await clock.refresh()
    return clock


@pytest.fixture
async def shop(sessions: Sessions, clock: DatabaseClock) -> Shop:
    shop = Shop(sessions, clock, FakeModels(echo))
    await shop.open()
    return shop


async def tick(shop: Shop, chat: Conversation) -> None:
    """One claim, worked on until it is over."""
    await shop.service().answer(await shop.claim(chat), {})


async def announced(shop: Shop) -> list[UUID]:
    """Which conversations the bell was rung for."""
    rows = await shop.rows("SELECT body FROM crm.outbox WHERE kind = 'TurnDue' ORDER BY id")
    return [TurnDue.model_validate_json(row.body).conversation_id for row in rows]


async def statuses(shop: Shop) -> list[tuple[str, str | None]]:
    rows = await shop.rows("SELECT status, outcome FROM crm.turns ORDER BY started_at, id")
    return [(row.status, row.outcome) for row in rows]


async def test_what_a_customer_says_is_answered_once(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Ada kopi?")

    async with shop.working():
        replies = await shop.answered(chat)

    assert replies == ["Kakak bilang: Ada kopi?"]
    assert await statuses(shop) == [("committed", "answered")]
    assert [one.text for one in await shop.sent()] == replies
    assert await shop.timeline(chat) == [
        "turn.started",
        "turn.model_called",
        "turn.committed",
        "message.queued",
        "conversation.state_changed",
        "message.handed",
    ]


async def test_several_messages_are_answered_together_in_their_order(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Halo", "ada kopi?", "yang arabika")

    await tick(shop, chat)

    [reply] = await shop.replies(chat)
    lines = reply.removeprefix("Kakak bilang: ").splitlines()
    assert [line.partition("] ")[2] for line in lines] == ["Halo", "ada kopi?", "yang arabika"]


async def test_more_than_twenty_make_a_second_turn(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, *(f"pesan {n}" for n in range(25)))

    async with shop.working():
        await shop.answered(chat)

    covered = await shop.rows(
        "SELECT turn_id, count(*) FROM crm.messages WHERE direction = 'in' GROUP BY 1"
    )
    assert sorted(row.count for row in covered) == [5, 20]


async def test_the_model_knows_what_was_said_before(shop: Shop) -> None:
    models = FakeModels(echo)
    shop.models = models
    chat = await shop.chat()

    for text in ("satu", "dua", "tiga"):
        await shop.hears(chat, text)
        await tick(shop, chat)

    said_before = [one.text for one in models.asked[-1].messages[1:]]
    assert said_before == [
        "satu",
        "Kakak bilang: satu",
        "dua",
        "Kakak bilang: dua",
        "tiga",
    ]


async def test_an_answer_to_half_of_what_was_said_is_known_to_the_next_turn(shop: Shop) -> None:
    models = FakeModels(echo)
    shop.models = models
    chat = await shop.chat()
    await shop.hears(chat, *(f"pesan {n}" for n in range(21)))

    async with shop.working():
        await shop.answered(chat)

    roles = [message.role for message in models.asked[-1].messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert models.asked[-1].messages[-1].text == "pesan 20"


async def test_a_history_that_fits_is_not_read_again(shop: Shop) -> None:
    models = FakeModels(echo)
    shop.models = models
    chat = await shop.chat()
    await shop.hears(chat, "satu")
    await tick(shop, chat)
    kept = await shop.histories.get(shop.tenant.id, chat.id)
    assert kept is not None
    told = Remembered(kept.seq, (ChatMessage("assistant", "From the cache"),))
    await shop.histories.put(shop.tenant.id, chat.id, told)

    await shop.hears(chat, "dua")
    await tick(shop, chat)

    assert [one.text for one in models.asked[-1].messages[1:]] == ["From the cache", "dua"]


async def test_a_cache_that_lies_is_not_believed(shop: Shop) -> None:

    models = FakeModels(echo)
    shop.models = models
    chat = await shop.chat()
    await shop.hears(chat, "satu")
    await tick(shop, chat)
    stale = Remembered(1, (ChatMessage("assistant", "Something else"),))
    await shop.histories.put(shop.tenant.id, chat.id, stale)

    await shop.hears(chat, "dua")
    await tick(shop, chat)

    assert "Something else" not in [one.text for one in models.asked[-1].messages]


async def test_a_mere_hello_moves_nothing_and_a_question_does(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Halo kak")
    await tick(shop, chat)
    greeted = await shop.conversation(chat)

    await shop.hears(chat, "Ada kopi?")
    await tick(shop, chat)

    assert greeted.state is ConversationState.GREETING
    assert (await shop.conversation(chat)).state is ConversationState.BROWSING


async def test_what_is_answered_waits_for_nobody(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Halo")

    await tick(shop, chat)

    after = await shop.conversation(chat)
    assert (after.ready_at, after.first_unanswered_at, after.lease_worker) == (None, None, None)
    assert await shop.rows("SELECT 1 FROM crm.checkpoints") == []


async def test_what_it_cost_is_on_record(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Halo")

    await tick(shop, chat)

    [usage] = await shop.rows("SELECT * FROM platform.llm_usage")
    [turn] = await shop.rows("SELECT * FROM crm.turns")
    assert (usage.subject_kind, usage.subject_id, usage.tenant_id) == (
        "turn",
        turn.id,
        shop.tenant.id,
    )
    assert turn.model_calls == 1


# -- newer words


async def test_newer_words_begin_the_turn_anew_where_nothing_was_done(shop: Shop) -> None:
    chat = await shop.chat()

    async def meanwhile(_: Sequence[ChatMessage]) -> None:
        if len(models.models.asked) == 0 and not more:
            more.extend(await shop.hears(chat, "eh, teh saja"))

    more: list[object] = []
    shop.models = models = SlowModels(FakeModels(echo), meanwhile)
    await shop.hears(chat, "ada kopi?")

    await tick(shop, chat)

    [reply] = await shop.replies(chat)
    assert "ada kopi?" in reply
    assert "eh, teh saja" in reply
    assert await statuses(shop) == [("superseded", None), ("committed", "answered")]
    usage = await shop.rows("SELECT DISTINCT subject_id FROM platform.llm_usage")
    assert len(usage) == 2


async def test_whoever_never_stops_writing_is_answered_after_two_restarts(shop: Shop) -> None:
    chat = await shop.chat()

    async def meanwhile(_: Sequence[ChatMessage]) -> None:
        await shop.hears(chat, "lagi")

    shop.models = SlowModels(FakeModels(echo), meanwhile)
    await shop.hears(chat, "halo")

    await tick(shop, chat)

    assert [status for status, _ in await statuses(shop)] == [
        "superseded",
        "superseded",
        "committed",
    ]
    rest = await shop.conversation(chat)
    assert rest.ready_at is not None
    assert rest.lease_worker is None
    assert await announced(shop) == [chat.id]


async def test_newer_words_wait_where_something_was_done(shop: Shop) -> None:
    chat = await shop.chat()
    asked: list[int] = []

    async def meanwhile(messages: Sequence[ChatMessage]) -> None:
        asked.append(len(messages))
        if len(asked) == 2:
            await shop.hears(chat, "eh, jangan")

    def rename_once(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> Reply | str:
        if messages[-1].role == "tool" or len(asked) > 2:
            return "Baik kak."
        return says("", RENAME)

    shop.models = SlowModels(FakeModels(rename_once), meanwhile)
    await shop.hears(chat, "nama saya Siti")

    await tick(shop, chat)

    assert await statuses(shop) == [("committed", "answered")]
    [waiting] = [one for one in await shop.messages(chat) if one.state is MessageState.NEW]
    assert waiting.text == "eh, jangan"
    assert (await shop.conversation(chat)).ready_at is not None


async def test_newer_words_come_before_an_effect(shop: Shop) -> None:
    """What was decided on half of what was said must not be done."""
    chat = await shop.chat()
    asked: list[int] = []

    async def meanwhile(messages: Sequence[ChatMessage]) -> None:
        asked.append(len(messages))
        if len(asked) == 1:
            await shop.hears(chat, "eh, jangan")

    def rename_unless_told(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> Reply | str:
        words = messages[-1].text
        return "Baik, tidak jadi." if "jangan" in words else says("", RENAME)

    shop.models = SlowModels(FakeModels(rename_unless_told), meanwhile)
    await shop.hears(chat, "nama saya Siti")

    await tick(shop, chat)

    assert await shop.replies(chat) == ["Baik, tidak jadi."]
    assert await shop.rows("SELECT 1 FROM crm.customers WHERE name = 'Siti'") == []
    assert await shop.rows("SELECT 1 FROM crm.tool_executions") == []


# -- a person takes over


async def take_it_over(shop: Shop, chat: Conversation) -> None:
    async with shop.open_work(shop.tenant.id) as work:
        conversation = await work.conversations.lock(chat.id)
        reason = TakeoverReason.PHONE
        await take_over(
            work, conversation, reason, now=shop.clock(), new_id=uuid7, handback_after_s=60
        )
        await work.conversations.save(conversation)


async def test_nothing_is_said_once_a_person_has_taken_over(shop: Shop) -> None:
    chat = await shop.chat()

    async def meanwhile(_: Sequence[ChatMessage]) -> None:
        await take_it_over(shop, chat)

    shop.models = SlowModels(FakeModels(echo), meanwhile)
    await shop.hears(chat, "Halo")

    await tick(shop, chat)

    assert await shop.replies(chat) == []
    assert await statuses(shop) == [("suppressed", None)]
    assert (await shop.timeline(chat))[-1] == "turn.suppressed"
    assert len(await shop.rows("SELECT 1 FROM platform.llm_usage")) == 1


async def test_a_worker_stops_waiting_for_a_model_when_a_person_takes_over(shop: Shop) -> None:
    chat = await shop.chat()
    is_hanging = asyncio.Event()

    async def hang(_: Sequence[ChatMessage]) -> None:
        is_hanging.set()
        await asyncio.Event().wait()

    shop.models = SlowModels(FakeModels(echo), hang)
    await shop.hears(chat, "Halo")

    async with shop.working() as worker:
        await is_hanging.wait()
        await take_it_over(shop, chat)
        await worker.beat()
        await worker.beat()

        async def is_told() -> bool:
            return "turn.suppressed" in await shop.timeline(chat)

        await until(is_told, "the turn is suppressed", within=5)

    assert await shop.replies(chat) == []
    assert await statuses(shop) == [("suppressed", None)]


async def test_who_asks_for_a_person_gets_a_goodbye_and_then_silence(shop: Shop) -> None:
    def call_a_person(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> Reply | str:
        if messages[-1].role == "tool":
            return "Sebentar ya kak."
        return says("", calls("handoff_to_human", reason="Minta orang"))

    shop.models = FakeModels(call_a_person)
    chat = await shop.chat()
    await shop.hears(chat, "mau bicara sama orang")

    await tick(shop, chat)
    await shop.hears(chat, "halo?", state=MessageState.FOR_PERSON)

    after = await shop.conversation(chat)
    assert (after.mode, after.mode_reason) == (Mode.HUMAN, TakeoverReason.CUSTOMER)
    [goodbye] = [one for one in await shop.messages(chat) if one.direction == "out"]
    assert (goodbye.text, goodbye.author, goodbye.state) == (
        "Sebentar ya kak.",
        Author.SYSTEM,
        MessageState.HANDED,
    )


# -- somebody else, or nobody, goes on


async def test_a_turn_whose_worker_died_is_taken_up_where_it_was(shop: Shop) -> None:
    chat = await shop.chat()

    def rename_once(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> Reply | str:
        return "Baik kak." if messages[-1].role == "tool" else says("", RENAME)

    class Died(BaseException):
        pass

    async def die_in_the_second(messages: Sequence[ChatMessage]) -> None:
        if messages[-1].role == "tool" and not died:
            died.append(1)
            raise Died

    died: list[int] = []
    shop.models = SlowModels(FakeModels(rename_once), die_in_the_second)
    await shop.hears(chat, "nama saya Siti")
    with pytest.raises(Died):
        await tick(shop, chat)

    async with shop.working(dead_after_s=1):
        await shop.bury_workers()
        await shop.answered(chat)

    assert await shop.replies(chat) == ["Baik kak."]
    [turn] = await shop.rows("SELECT * FROM crm.turns")
    assert (turn.attempts, turn.status, turn.has_effects) == (2, "committed", True)
    assert len(await shop.rows("SELECT 1 FROM crm.tool_executions")) == 1
    attempts = await shop.rows("SELECT attempt FROM platform.llm_usage ORDER BY 1")
    assert [row.attempt for row in attempts] == [1, 2]


async def test_whoever_lost_the_claim_records_nothing(shop: Shop) -> None:
    chat = await shop.chat()
    zombie = asyncio.Event()

    async def wait_if_first(_: Sequence[ChatMessage]) -> None:
        if not waited:
            waited.append(1)
            await zombie.wait()

    waited: list[int] = []
    shop.models = SlowModels(FakeModels(echo), wait_if_first)
    await shop.hears(chat, "Halo")
    slow = asyncio.create_task(tick(shop, chat))
    await until(lambda: waited, "the first one asks its model", within=5)

    async with shop.working(dead_after_s=1):
        await shop.bury_workers()
        await shop.answered(chat)
    zombie.set()
    await slow

    assert await shop.replies(chat) == ["Kakak bilang: Halo"]
    assert await statuses(shop) == [("committed", "answered")]


async def test_a_turn_that_fails_is_tried_again_later(shop: Shop) -> None:
    failures = [ModelFailed("llm_unavailable", "away", calls=[a_call(error="llm_unavailable")])]

    def fail_once(messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> str:
        if failures:
            raise failures.pop()
        return echo(messages, tools)

    shop.models, shop.jitter = FakeModels(fail_once), 1.0
    chat = await shop.chat()
    await shop.hears(chat, "Halo")

    await tick(shop, chat)
    put_off = await shop.conversation(chat)
    async with shop.working():
        replies = await shop.answered(chat)

    assert put_off.lease_worker is None
    assert put_off.ready_at is not None
    assert await announced(shop) == [chat.id]
    assert replies == ["Kakak bilang: Halo"]
    [turn] = await shop.rows("SELECT * FROM crm.turns")
    assert (turn.failures, turn.attempts) == (1, 2)
    assert "turn.failed" in await shop.timeline(chat)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ModelFailed("llm_unavailable", "away"), MOST_FAILURES),
        (ZeroDivisionError(), MOST_FAILURES),
        (ModelFailed("llm_auth", "bad key"), 1),
    ],
    ids=["outage", "fault", "bad key"],
)
async def test_what_fails_again_and_again_is_a_persons_business(
    shop: Shop, error: Exception, tries: int
) -> None:
    def fail(_: Sequence[ChatMessage], _tools: Sequence[ToolSpec]) -> str:
        raise error

    shop.models = FakeModels(fail)
    chat = await shop.chat()
    await shop.hears(chat, "Halo")

    async with shop.working():
        replies = await shop.answered(chat)

    assert replies == [said(Phrase.HANDED_OVER, Language.INDONESIAN)]
    after = await shop.conversation(chat)
    assert (after.mode, after.mode_reason) == (Mode.HUMAN, TakeoverReason.FAILURE)
    [turn] = await shop.rows("SELECT * FROM crm.turns")
    assert (turn.outcome, turn.failures) == ("given_up", tries)


async def test_a_model_that_hangs_costs_one_deadline(shop: Shop) -> None:
    async def hang(_: Sequence[ChatMessage]) -> None:
        await asyncio.Event().wait()

    shop.models, shop.limits = SlowModels(FakeModels(echo), hang), TurnLimits(seconds=0.2)
    chat = await shop.chat()
    await shop.hears(chat, "Halo")

    await tick(shop, chat)

    assert await shop.replies(chat) == [said(Phrase.FAILED, Language.INDONESIAN)]
    assert await statuses(shop) == [("committed", "fallback")]


# -- limits and media


async def test_a_chat_that_has_had_its_share_is_told_once(
    sessions: Sessions, clock: DatabaseClock
) -> None:
    tenant = a_tenant(limits=ReplyLimits(turns_per_hour=2, turns_per_day=9))
    shop = Shop(sessions, clock, FakeModels(echo), tenant=tenant)
    await shop.open()
    chat = await shop.chat()

    for text in ("satu", "dua", "tiga"):
        await shop.hears(chat, text)
        await tick(shop, chat)
    await hand_it_back(shop, chat)
    await shop.hears(chat, "empat")
    await tick(shop, chat)

    limit = said(Phrase.TOO_MANY_TURNS, Language.INDONESIAN)
    assert await shop.replies(chat) == ["Kakak bilang: satu", "Kakak bilang: dua", limit]
    after = await shop.conversation(chat)
    assert (after.mode, after.mode_reason) == (Mode.HUMAN, TakeoverReason.BUDGET)
    assert (await shop.timeline(chat)).count("limit.reached") == 2


async def test_a_flood_costs_no_more_than_its_chat_may_have(
    sessions: Sessions, clock: DatabaseClock
) -> None:
    tenant = a_tenant(limits=ReplyLimits(turns_per_hour=5, turns_per_day=9))
    models = FakeModels(echo)
    shop = Shop(sessions, clock, models, tenant=tenant)
    await shop.open()
    chat, other = await shop.chat(1), await shop.chat(2)

    await shop.hears(chat, *(f"pesan {n}" for n in range(200)))
    await shop.hears(other, "Halo")
    async with shop.working():
        await shop.answered(chat, within=30)
        replies = await shop.answered(other)

    assert len(models.asked) == 5 + 1
    assert replies == ["Kakak bilang: Halo"]
    assert (await shop.conversation(chat)).mode is Mode.HUMAN
    states = [one.state for one in await shop.messages(chat) if one.direction == "in"]
    assert states.count(MessageState.COVERED) == 6 * 20
    assert states.count(MessageState.FOR_PERSON) == 200 - 6 * 20


async def test_of_a_backlog_that_nobody_could_answer_a_person_is_told_and_no_model(
    sessions: Sessions, clock: DatabaseClock
) -> None:
    models = FakeModels(echo)
    shop = Shop(sessions, clock, models)
    await shop.open()
    chat = await shop.chat()

    await shop.hears(chat, *(f"pesan {n}" for n in range(201)))
    await tick(shop, chat)
    await hand_it_back(shop, chat)
    await shop.hears(chat, *(f"pesan {n}" for n in range(201)))
    await tick(shop, chat)

    assert models.asked == []
    assert await shop.replies(chat) == [said(Phrase.SWAMPED, Language.INDONESIAN)]
    assert await statuses(shop) == [("committed", "swamped")] * 2
    states = Counter(one.state for one in await shop.messages(chat) if one.direction == "in")
    assert states == {MessageState.COVERED: 2 * 20, MessageState.FOR_PERSON: 2 * 181}
    after = await shop.conversation(chat)
    assert (after.mode, after.mode_reason) == (Mode.HUMAN, TakeoverReason.FLOOD)


async def hand_it_back(shop: Shop, chat: Conversation) -> None:
    async with shop.open_work(shop.tenant.id) as work:
        conversation = await work.conversations.lock(chat.id)
        conversation.hand_back(TakeoverReason.API, shop.clock())
        await work.conversations.save(conversation)


async def test_a_shop_whose_budget_is_spent_calls_its_people(shop: Shop) -> None:
    shop.budgets = MemoryBudgets(caps={str(shop.tenant.id): 0})
    chat = await shop.chat()
    await shop.hears(chat, "Halo")

    await tick(shop, chat)

    assert await shop.replies(chat) == [said(Phrase.BUDGET_SPENT, Language.INDONESIAN)]
    assert (await shop.conversation(chat)).mode_reason is TakeoverReason.BUDGET


@pytest.mark.parametrize(
    ("kind", "phrase"),
    [
        (Kind.VOICE, Phrase.CANNOT_HEAR),
        (Kind.IMAGE, Phrase.CANNOT_SEE),
        (Kind.STICKER, Phrase.TEXT_ONLY),
    ],
)
async def test_what_nobody_here_can_take_in_is_told_once_an_hour(
    shop: Shop, kind: Kind, phrase: Phrase
) -> None:
    models = FakeModels(echo)
    shop.models = models
    chat = await shop.chat()

    for _ in range(2):
        await shop.hears(chat, "", kind=kind)
        await tick(shop, chat)

    assert await shop.replies(chat) == [said(phrase, Language.INDONESIAN)]
    assert [outcome for _, outcome in await statuses(shop)] == ["unheard", "silent"]
    assert models.asked == []


async def test_a_picture_with_words_is_answered_by_its_words(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "ada yang seperti ini?", kind=Kind.IMAGE)

    await tick(shop, chat)

    assert await shop.replies(chat) == ["Kakak bilang: [picture] ada yang seperti ini?"]


@pytest.mark.parametrize(
    ("text", "language"),
    [("what is the price of this?", Language.ENGLISH), ("berapa harganya?", Language.INDONESIAN)],
)
async def test_code_speaks_the_language_that_the_customer_writes(
    shop: Shop, text: str, language: Language
) -> None:
    shop.budgets = MemoryBudgets(caps={"platform": 0})
    chat = await shop.chat()
    await shop.hears(chat, text)

    await tick(shop, chat)

    assert await shop.replies(chat) == [said(Phrase.BUDGET_SPENT, language)]


# -- nothing to do


async def test_a_claim_without_words_is_let_go(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Halo", state=MessageState.IGNORED)

    await tick(shop, chat)

    after = await shop.conversation(chat)
    assert (after.ready_at, after.lease_worker) == (None, None)
    assert await statuses(shop) == []


async def test_a_suspended_shop_answers_nobody(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Halo")
    async with shop.open_work(shop.tenant.id) as work:
        tenant = await work.tenants.get(shop.tenant.id)
        tenant.become(TenantStatus.SUSPENDED, NOON)
        await work.tenants.save(tenant)

    await tick(shop, chat)

    assert await shop.replies(chat) == []
    [message] = await shop.messages(chat)
    assert (message.state, message.reason) == (MessageState.FOR_PERSON, "tenant_suspended")


async def test_a_turn_that_a_person_has_answered_meanwhile_is_nobodys(shop: Shop) -> None:
    """Begun, then its worker died, then a person took over and handed back."""
    chat = await shop.chat()
    await shop.hears(chat, "Halo")
    claim = await shop.claim(chat)
    books: Books = {}
    await shop.service()._open(claim, books, restarts=0)
    await take_it_over(shop, chat)
    await hand_it_back(shop, chat)
    await shop.hears(chat, "Masih ada?")

    async with shop.working():
        replies = await shop.answered(chat)

    assert replies == ["Kakak bilang: Masih ada?"]
    assert [status for status, _ in await statuses(shop)] == ["suppressed", "committed"]


async def test_the_rest_is_waited_for_as_if_it_were_new(shop: Shop) -> None:
    came = [NOON, NOON + timedelta(seconds=1)]
    conversation = await shop.chat()

    conversation.answered(came, shop.tenant.pace)

    assert conversation.ready_at == NOON + timedelta(seconds=3)
    assert conversation.first_unanswered_at == NOON


async def test_what_was_taken_back_meanwhile_stays_taken_back(shop: Shop) -> None:
    chat = await shop.chat()
    heard = await shop.hears(chat, "Halo", "lupakan ini")

    async def revoke(_: Sequence[ChatMessage]) -> None:
        async with shop.open_work(shop.tenant.id) as work:
            message = await work.messages.get(heard[1].id)
            message.end(MessageState.IGNORED, "revoked")
            await work.messages.save(message)

    shop.models = SlowModels(FakeModels(echo), revoke)

    await tick(shop, chat)

    states = [one.state for one in await shop.messages(chat) if one.direction == "in"]
    assert states == [MessageState.COVERED, MessageState.IGNORED]

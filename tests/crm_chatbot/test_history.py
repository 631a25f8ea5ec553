"""What WAHA's history holds and we do not is taken once, in order, outside of any transaction."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_chatbot.application.whatsapp import history
from crm_chatbot.application.whatsapp.hearing import Reception
from crm_chatbot.application.whatsapp.history import NEVER, ChatSeen
from crm_chatbot.domain.conversations.conversation import Mode, TakeoverReason
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.infrastructure.whatsapp.waha_history import chat_in, events_in
from shared.contracts import TurnDue
from shared.whatsapp.waha import Verdict, WahaFailed
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.chats import CHAT, PHONE
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_of_waha import RememberingShop
from tests.crm_chatbot.shop import STALE_AFTER_S
from tests.crm_chatbot.stores import Crm
from tests.crm_chatbot.waha import a_text
from tests.gateway.counted import Counted

NEW, FOR_PERSON, IGNORED = MessageState.NEW, MessageState.FOR_PERSON, MessageState.IGNORED
ANI, GROUP = "6281200000009@c.us", "120363041234567890@g.us"


@pytest.fixture
async def shop(crm: Crm) -> RememberingShop:
    return await RememberingShop(crm).open()


@pytest.fixture
async def in_memory(memory: MemoryCrm) -> RememberingShop:
    return await RememberingShop(memory).open()


async def test_what_no_webhook_told_is_taken_and_answered(shop: RememberingShop) -> None:
    caught = Counted("whatsapp_caught_up", outcome="taken")
    shop.remembers("Ada kopi gayo?", "3EB0LOST")

    assert await shop.catches_up(after_s=301)

    assert await shop.told() == [("Ada kopi gayo?", NEW, None)]
    [bell] = await shop.said(TurnDue)
    assert bell.conversation_id == await shop.chat_id()
    assert caught.more == 1


async def test_a_webhook_that_comes_later_is_a_duplicate(shop: RememberingShop) -> None:
    shop.remembers("Halo", "3EB0LATE")
    await shop.catches_up()

    late = [
        await shop.hear({**a_text("Halo", stanza="3EB0LATE"), "event": name}, seconds_ago=None)
        for name in ("message", "message.any")
    ]

    assert late == [Reception("duplicate")] * 2
    assert len(await shop.told()) == 1


async def test_what_a_webhook_told_is_not_taken_again(shop: RememberingShop) -> None:
    caught = Counted("whatsapp_caught_up", outcome="duplicate")
    shop.remembers("Halo", "3EB0KNOWN")
    await shop.wrote("Halo", "3EB0KNOWN")

    assert await shop.catches_up()
    assert await shop.catches_up()

    assert len(await shop.told()) == 1
    assert caught.more == 0


async def test_it_is_taken_in_the_order_in_which_it_was_said(shop: RememberingShop) -> None:
    shop.remembers("kedua", "3EB0B", seconds_ago=5)
    shop.remembers("pertama", "3EB0A", seconds_ago=10)
    shop.remembers("ketiga", "3EB0C")
    shop.remembers("dan dalam detik yang sama", "3EB0D")

    await shop.catches_up()

    assert [text for text, _, _ in await shop.told()] == [
        *("pertama", "kedua", "ketiga", "dan dalam detik yang sama"),
    ]


async def test_what_is_too_old_is_kept_and_left_to_a_person(shop: RememberingShop) -> None:
    shop.remembers("Halo?", "3EB0OLD")

    await shop.catches_up(after_s=STALE_AFTER_S + 1)

    assert await shop.told() == [("Halo?", IGNORED, "stale")]
    chat = await shop.chat()
    assert (chat.mode, chat.mode_reason) == (Mode.HUMAN, TakeoverReason.STALE)
    assert await shop.said(TurnDue) == []


async def test_an_owner_who_answered_meanwhile_has_the_chat(shop: RememberingShop) -> None:
    shop.remembers("Ada kopi?", "3EB0ASKED", seconds_ago=60)
    shop.remembers_ours("Ada, kak. Saya kirim ya", "3EB0OWNER")

    await shop.catches_up(after_s=301)

    chat = await shop.chat()
    assert (chat.mode, chat.mode_reason) == (Mode.HUMAN, TakeoverReason.PHONE)
    assert await shop.told() == [("Ada kopi?", FOR_PERSON, "phone")]
    assert (await shop.history())[-1].text == "Ada, kak. Saya kirim ya"


async def test_what_we_sent_ourselves_is_nobodys_taking_over(shop: RememberingShop) -> None:
    await shop.wrote("Ada kopi?")
    shop.remembers_ours("Ada, kak.", "3EB0OURS", source="api")

    await shop.catches_up()

    assert (await shop.chat()).mode is Mode.BOT
    assert len(await shop.history()) == 1


async def test_only_chats_with_one_person_are_read(shop: RememberingShop) -> None:
    for chat in (GROUP, "status@broadcast", "123@newsletter", CHAT):
        shop.remembers("Halo", f"3EB0{chat[:5]}", chat=chat)

    assert await shop.catches_up()

    assert {chat for call, chat in shop.waha.calls if call == "history"} == {CHAT}


async def test_a_chat_where_nothing_was_said_since_is_not_read(shop: RememberingShop) -> None:
    shop.remembers("kemarin", "3EB0OLD", seconds_ago=86_400)
    shop.remembers("Halo", "3EB0NEW", chat=ANI)

    await shop.catches_up()

    assert [chat for call, chat in shop.waha.calls if call == "history"] == [ANI]


async def test_what_was_said_before_the_shop_was_connected_is_not_ours(crm: Crm) -> None:
    shop = RememberingShop(crm)
    shop.remembers("sebelumnya", "3EB0BEFORE", seconds_ago=STALE_AFTER_S + 1)
    await shop.open()

    assert await shop.catches_up()

    async with crm.open_work(TENANT) as work:
        assert await work.customers.known_as([PHONE]) == []


async def test_an_engine_that_tells_more_than_it_was_asked_for_changes_nothing(
    shop: RememberingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.remembers("bulan lalu", "3EB0OLD", seconds_ago=30 * 86_400)
    shop.remembers("Halo", "3EB0NEW")
    ask = shop.waha.history

    async def tell_all(*chat: Any, since: datetime, **more: Any) -> Any:  # noqa: ANN401 - as it is asked
        return await ask(*chat, **more, since=since - timedelta(days=365))

    monkeypatch.setattr(shop.waha, "history", tell_all)
    await shop.catches_up()

    assert [text for text, _, _ in await shop.told()] == ["Halo"]


# -- how much, and how


async def test_all_pages_are_read(
    in_memory: RememberingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 3)
    chats = [f"62812000000{n:02}@c.us" for n in range(10, 18)]
    for n, chat in enumerate(chats):
        for m in range(n):
            in_memory.remembers(f"{n}-{m}", f"3EB0{n}X{m}", chat=chat)

    assert await in_memory.catches_up()

    texts = [m.text for m in in_memory_messages(in_memory)]
    assert sorted(texts) == sorted(f"{n}-{m}" for n in range(8) for m in range(n))


async def test_of_more_than_can_be_read_the_newest_is_and_the_rest_is_not_forgotten(
    in_memory: RememberingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    monkeypatch.setattr(history, "MOST_MESSAGES", 4)
    caught_up_at = (await in_memory.seen()).caught_up_at
    for n in range(6):
        in_memory.remembers(f"{n}", f"3EB0{n}", seconds_ago=6 - n)

    is_all = await in_memory.catches_up()

    assert not is_all
    assert [m.text for m in in_memory_messages(in_memory)] == ["2", "3", "4", "5"]
    assert (await in_memory.seen()).caught_up_at == caught_up_at


async def test_of_more_chats_than_can_be_read_the_liveliest_are(
    in_memory: RememberingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    monkeypatch.setattr(history, "MOST_CHATS", 2)
    for n in range(3):
        in_memory.remembers("Halo", f"3EB0{n}", chat=f"6281200000{n}00@c.us", seconds_ago=3 - n)

    is_all = await in_memory.catches_up()

    read = [chat for call, chat in in_memory.waha.calls if call == "history"]
    assert (is_all, read) == (False, ["6281200000200@c.us", "6281200000100@c.us"])


async def test_a_chat_that_comes_to_life_meanwhile_is_not_missed(
    in_memory: RememberingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It moves to the beginning of the list, past the page that was just read."""
    monkeypatch.setattr(history, "PAGE", 1)
    in_memory.remembers("lama", "3EB0OLD", chat=ANI, seconds_ago=30)
    in_memory.remembers("Halo", "3EB0A")
    has_moved = False

    async def move(call: str, _chat: str) -> None:
        nonlocal has_moved
        if call == "chats" and not has_moved:
            has_moved = True
        elif call == "chats" and len(in_memory.waha.messages[ANI]) == 1:
            in_memory.remembers("baru", "3EB0NEWER", chat=ANI, seconds_ago=-1)

    in_memory.waha.before = move

    assert await in_memory.catches_up()
    assert sorted(m.text for m in in_memory_messages(in_memory)) == ["Halo", "baru", "lama"]


async def test_a_chat_that_waha_never_tells_of_holds_up_no_other(
    shop: RememberingShop,
) -> None:
    shop.remembers("Halo", "3EB0A")
    shop.remembers("Halo", "3EB0B", chat=ANI)

    async def refuse(call: str, chat: str) -> None:
        if (call, chat) == ("history", ANI):
            raise WahaFailed("waha_refused", Verdict.NEVER)

    shop.waha.before = refuse

    assert await shop.catches_up()
    assert len(await shop.told()) == 1


async def test_no_transaction_is_open_while_waha_is_asked(in_memory: RememberingShop) -> None:
    """In memory there is one at a time: a second one would wait for ever."""
    in_memory.remembers("Halo", "3EB0A")
    asked: list[str] = []

    async def open_another(call: str, _chat: str) -> None:
        async with asyncio.timeout(1), in_memory.crm.open_work(TENANT):
            asked.append(call)

    in_memory.waha.before = open_another
    await in_memory.catches_up()

    assert set(asked) == {"session", "chats", "history"}


def in_memory_messages(shop: RememberingShop) -> list[Any]:
    """What came in, in all chats, as it came."""
    assert isinstance(shop.crm, MemoryCrm)
    return list(shop.crm.stored.chats[TENANT].messages.values())


# -- WAHA's list of chats, as engines tell it


LISTED = {
    "a number": ({"id": CHAT, "lastMessage": {"timestamp": 1_767_225_600}}, CHAT, True),
    "a text": ({"id": CHAT, "lastMessage": {"timestamp": "1767225600"}}, CHAT, True),
    "an object's id": (
        {"id": {"_serialized": CHAT}, "lastMessage": {"timestamp": 1_767_225_600}},
        CHAT,
        True,
    ),
    "a group": ({"id": GROUP, "lastMessage": {"timestamp": 1_767_225_600}}, GROUP, False),
}


@pytest.mark.parametrize(("entry", "chat_id", "is_direct"), LISTED.values(), ids=LISTED)
def test_a_chat_is_read_however_it_is_told(
    entry: dict[str, Any], chat_id: str, is_direct: bool
) -> None:
    assert chat_in(entry) == ChatSeen(chat_id, is_direct, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("last", [None, {}, "Halo", 7])
def test_where_nothing_was_said_there_is_nothing_to_read(last: object) -> None:
    assert chat_in({"id": CHAT, "lastMessage": last}) == ChatSeen(CHAT, True, NEVER)


@pytest.mark.parametrize("stamp", [None, True, "soon", 10**40, "nan", [1]])
def test_what_was_said_at_no_time_is_looked_at(stamp: object) -> None:
    chat = chat_in({"id": CHAT, "lastMessage": {"id": "x", "timestamp": stamp}})

    assert chat is not None
    assert chat.last_at > datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("chat_id", [None, "", 7, {}, {"_serialized": None}, {"user": "62"}])
def test_a_chat_without_an_id_is_none(chat_id: object) -> None:
    assert chat_in({"id": chat_id}) is None


def test_a_message_of_the_history_is_the_message_of_its_webhook() -> None:
    envelope = a_text("Halo", stanza="3EB0SAME")

    [event] = events_in(envelope["payload"], envelope["session"], envelope["me"])

    assert event.key == "toko-contoh:message:3EB0SAME"


# -- what became of messages that were heard


def edited(at: int = 1_769_501_120) -> dict[str, Any]:
    """As WEBJS marks it."""
    return {"_data": {"type": "chat", "latestEditSenderTimestampMs": at * 1_000}}


REVOKED: dict[str, Any] = {"_data": {"type": "revoked"}}


async def test_an_edit_that_no_webhook_told_is_found_once(shop: RememberingShop) -> None:
    await shop.wrote("Ada kopi gayo?", "3EB0EDIT")
    shop.remembers("Ada kopi toraja?", "3EB0EDIT", **edited())

    first = await shop.catches_up(after_s=301)
    second = await shop.catches_up(after_s=301)

    assert first
    assert second
    assert await shop.told() == [("Ada kopi toraja?", NEW, None)]


async def test_an_edit_whose_webhook_comes_later_changes_nothing_more(
    shop: RememberingShop,
) -> None:
    await shop.wrote("Ada kopi gayo?", "3EB0EDIT")
    shop.remembers("Ada kopi toraja?", "3EB0EDIT", **edited())
    await shop.catches_up(after_s=301)
    envelope = a_text("Ada kopi toraja?", stanza="3EB0OTHER", editedMessageId="3EB0EDIT")

    late = await shop.hear({**envelope, "event": "message.edited"}, seconds_ago=None)

    assert late == Reception("ignored", "unchanged")
    assert await shop.told() == [("Ada kopi toraja?", NEW, None)]


async def test_a_message_that_is_found_after_its_edit_says_the_new_words_only(
    shop: RememberingShop,
) -> None:
    shop.remembers("Ada kopi toraja?", "3EB0EDIT", **edited())

    await shop.catches_up(after_s=301)
    await shop.catches_up(after_s=301)

    assert await shop.told() == [("Ada kopi toraja?", NEW, None)]


async def test_a_revocation_that_no_webhook_told_is_found_and_its_webhook_a_duplicate(
    shop: RememberingShop,
) -> None:
    await shop.wrote("Salah kirim", "3EB0GONE")
    shop.remembers("", "3EB0GONE", **REVOKED)

    await shop.catches_up(after_s=301)
    after = a_text("", stanza="3EB0GONE")["payload"]
    revocation = {"after": after, "revokedMessageId": "3EB0GONE"}
    envelope = {**a_text("", stanza="3EB0GONE"), "event": "message.revoked", "payload": revocation}
    late = await shop.hear(envelope, seconds_ago=None)

    assert await shop.told() == [("Salah kirim", IGNORED, "revoked")]
    assert late == Reception("duplicate")


async def test_what_was_revoked_before_anybody_heard_of_it_is_nothing(
    shop: RememberingShop,
) -> None:
    await shop.wrote("Halo", "3EB0HEARD")
    shop.remembers("", "3EB0GONE", **REVOKED)

    assert await shop.catches_up(after_s=301)

    assert await shop.told() == [("Halo", NEW, None)]


async def test_what_changed_before_our_time_is_let_be(shop: RememberingShop) -> None:
    """Older than what is looked for, and never heard: its edit does not make it a message."""
    await shop.wrote("Halo", "3EB0HEARD")
    shop.remembers("Dulu sekali", "3EB0BEFORE", seconds_ago=400, **edited())

    await shop.catches_up(after_s=301)

    assert await shop.told() == [("Halo", NEW, None)]


async def test_an_edit_of_what_was_heard_before_the_last_look_is_found(
    shop: RememberingShop,
) -> None:
    await shop.wrote("Ada kopi gayo?", "3EB0EDIT")
    await shop.catches_up(after_s=600)
    shop.remembers("Ada kopi toraja?", "3EB0EDIT", seconds_ago=600, **edited())

    await shop.catches_up(after_s=301)

    assert await shop.told() == [("Ada kopi toraja?", NEW, None)]


@pytest.mark.parametrize(("ack", "found"), [(-1, []), (0, []), (1, []), (2, ["ack"]), (3, ["ack"])])
def test_how_far_a_message_of_ours_has_come_is_told_once_a_device_has_it(
    ack: int, found: list[str]
) -> None:
    envelope = a_text("Siap", stanza="3EB0OURS", fromMe=True, source="api", ack=ack)

    events = events_in(envelope["payload"], envelope["session"], envelope["me"])

    assert [one.key.split(":")[1] for one in events] == ["message", *found]


def test_how_far_customers_messages_have_come_is_no_news() -> None:
    envelope = a_text("Halo", stanza="3EB0THEIRS", ack=3)

    assert len(events_in(envelope["payload"], envelope["session"], envelope["me"])) == 1

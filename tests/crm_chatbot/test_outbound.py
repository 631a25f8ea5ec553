"""Messages leave one at a time, in order; a bot's does not leave while a person answers."""

from datetime import timedelta

from crm_chatbot.application.conversations.outbound import hand_next
from crm_chatbot.domain.conversations.conversation import Conversation, Mode
from crm_chatbot.domain.conversations.message import Author, Kind, Message, MessageState
from shared.contracts import SendWhatsApp, WhatsAppFile, WhatsAppPlace, WhatsAppText
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.chats import CHAT, SESSION, an_answer, open_chat
from tests.crm_chatbot.fakes import MemoryCrm

QUEUED, HANDED = MessageState.QUEUED, MessageState.HANDED


async def handed(memory: MemoryCrm, conversation: Conversation, *messages: Message) -> list[str]:
    """The texts that the sender was asked for once these were queued."""
    async with memory.open_work(TENANT) as work:
        await work.messages.add(messages)
        await hand_next(work, conversation, now=NOON, patience_s=30)
    said = [one for one in await memory.said() if isinstance(one, SendWhatsApp)]
    return [one.content.text for one in said if isinstance(one.content, WhatsAppText)]


async def a_chat(memory: MemoryCrm, mode: Mode = Mode.BOT) -> Conversation:
    async with memory.open_work(TENANT) as work:
        return await open_chat(work, mode=mode, last_inbound_at=NOON)


def stored(memory: MemoryCrm, message: Message) -> Message:
    return memory.stored.chats[TENANT].messages[message.id]


async def test_the_oldest_leaves_first_and_alone(memory: MemoryCrm) -> None:
    chat = await a_chat(memory)
    first, second = an_answer(chat, text="first"), an_answer(chat, text="second")

    assert await handed(memory, chat, second, first) == ["first"]

    assert (stored(memory, first).state, stored(memory, second).state) == (HANDED, QUEUED)
    assert stored(memory, first).asks == 1
    assert stored(memory, first).ask_at == NOON + timedelta(seconds=30)
    assert stored(memory, second).ask_at is None


async def test_nothing_leaves_while_the_sender_has_one(memory: MemoryCrm) -> None:
    chat = await a_chat(memory)
    on_its_way = an_answer(chat, text="on its way", state=HANDED)

    assert await handed(memory, chat, on_its_way, an_answer(chat, text="next")) == []


async def test_a_bots_message_is_withdrawn_while_a_person_answers_and_a_persons_leaves(
    memory: MemoryCrm,
) -> None:
    chat = await a_chat(memory, Mode.HUMAN)
    bots, persons = an_answer(chat, text="bot"), an_answer(chat, text="me", author=Author.PERSON)

    assert await handed(memory, chat, bots, persons) == ["me"]

    assert stored(memory, bots).state is MessageState.WITHDRAWN
    assert stored(memory, bots).reason == "suppressed_takeover"
    [first, _] = await memory.timeline(TENANT, chat.id)
    assert (first.what, first.facts["code"]) == ("message.not_sent", "suppressed_takeover")


async def test_the_sender_hears_all_that_it_needs(memory: MemoryCrm) -> None:
    chat = await a_chat(memory)
    message = an_answer(chat, text="Halo", author=Author.PERSON)

    await handed(memory, chat, message)

    assert await memory.said() == [
        SendWhatsApp(
            message_id=message.id,
            tenant_id=TENANT,
            session=SESSION,
            chat_id=CHAT,
            content=WhatsAppText(text="Halo"),
            is_reply=True,
            by_person=True,
        )
    ]


async def test_pictures_files_and_places_leave_as_what_they_are(memory: MemoryCrm) -> None:
    chat = await a_chat(memory)
    file = WhatsAppFile(
        kind="image", url="https://x.example/a.jpg", mimetype="image/jpeg", filename="a.jpg"
    )
    place = WhatsAppPlace(latitude=-6.2, longitude=106.8, title="Toko")
    picture = an_answer(chat, kind=Kind.IMAGE, text="", content=file.model_dump(mode="json"))
    map_point = an_answer(chat, kind=Kind.LOCATION, text="", content=place.model_dump(mode="json"))

    await handed(memory, chat, picture)
    async with memory.open_work(TENANT) as work:
        picture.end(MessageState.SENT)
        await work.messages.save(picture)
        await work.messages.add([map_point])
        await hand_next(work, chat, now=NOON, patience_s=30)

    said = [one.content for one in await memory.said() if isinstance(one, SendWhatsApp)]
    assert said == [file, place]

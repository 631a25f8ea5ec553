"""Every named place beside the turns where a process may die: done again, it is done once."""

import ast
from collections.abc import Callable
from importlib import import_module

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.backlog import Backlog
from crm_chatbot.application.conversations.results import ResultService
from crm_chatbot.application.sweeping import Sweeper
from crm_chatbot.application.whatsapp.resolving import Resolver
from crm_chatbot.domain.conversations.message import Message, MessageState
from crm_chatbot.infrastructure.backlog_store import SqlBacklog
from shared.contracts import SendWhatsApp, WhatsAppSent
from tests.chaos.crashpoints import names_in
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.chats import LID, PHONE, an_answer
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.memory_of_waha import EVERY_S, RememberingShop
from tests.crm_chatbot.stores import Crm, SqlCrm
from tests.databases import ROOT

RESULTS = ("crm.before_result", "crm.result_noted")
SWEEPING = ("crm.swept",)
RESOLVING = ("crm.before_linking",)
CATCH_UP = ("crm.before_caught_up",)

MODULES = {
    "conversations.results": RESULTS,
    "sweeping": SWEEPING,
    "whatsapp.resolving": RESOLVING,
    "whatsapp.catch_up": CATCH_UP,
}

#: Arms a crash point of a module; what it gives back are the deaths.
Die = Callable[[str, str], list[str]]


class Died(BaseException):
    """As if the process had ended here."""


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Die:
    def arm(module: str, name: str) -> list[str]:
        deaths: list[str] = []

        def crash_point(reached: str) -> None:
            if reached == name and not deaths:
                deaths.append(name)
                raise Died

        whole = f"crm_chatbot.application.{module}"
        monkeypatch.setattr(import_module(whole), "crash_point", crash_point)
        return deaths

    return arm


@pytest.fixture
async def shop(crm: Crm) -> RememberingShop:
    return await RememberingShop(crm).open()


async def two_answers(shop: RememberingShop) -> tuple[Message, Message]:
    """One that the sender has had for too long, and one that waits for it."""
    await shop.wrote("Halo")
    chat_id = await shop.chat_id()
    async with shop.crm.open_work(TENANT) as work:
        chat = await work.conversations.lock(chat_id)
        first = an_answer(chat, state=MessageState.HANDED, asks=1, ask_at=NOON)
        second = an_answer(chat)
        await work.messages.add([first, second])
        await work.conversations.save(chat)
    shop.clock.advance(1)
    return first, second


async def asked_for(shop: RememberingShop) -> list[object]:
    return [one.message_id for one in await shop.said(SendWhatsApp)]


@pytest.mark.parametrize("name", RESULTS)
async def test_a_report_is_learnt_once(shop: RememberingShop, die_at: Die, name: str) -> None:
    first, second = await two_answers(shop)
    results = ResultService(
        open_work=shop.crm.open_work, now=shop.clock, new_id=uuid7, patience_s=30
    )
    report = WhatsAppSent(message_id=first.id, tenant_id=TENANT, wa_ids=["3EB0A"])
    deaths = die_at("conversations.results", name)

    with pytest.raises(Died):
        await results.learn(report)
    await results.learn(report)

    assert deaths == [name]
    assert await asked_for(shop) == [second.id]
    assert (await shop.codes())[1:] == ["message.sent", "message.handed"]


@pytest.mark.parametrize("name", SWEEPING)
async def test_the_sender_is_asked_again_once(
    shop: RememberingShop, die_at: Die, name: str
) -> None:
    first, _ = await two_answers(shop)
    sweeper = Sweeper(
        backlog=backlog(shop),
        open_work=shop.crm.open_work,
        now=shop.clock,
        new_id=uuid7,
        patience_s=30,
    )
    deaths = die_at("sweeping", name)

    with pytest.raises(Died):
        await sweeper.ask_again()
    await sweeper.ask_again()

    assert deaths == [name]
    assert await asked_for(shop) == [first.id]


@pytest.mark.parametrize("name", RESOLVING)
async def test_who_was_about_to_become_one_becomes_one_when_it_is_asked_again(
    shop: RememberingShop, die_at: Die, name: str
) -> None:
    await shop.wrote("dari nomor")
    await shop.wrote("dari lid", chat=f"{LID.value}@lid")
    shop.waha.lids[LID.value] = PHONE.value
    resolver = Resolver(
        backlog=backlog(shop),
        connections=shop.connections,
        waha=shop.waha,
        inbound=shop.inbound,
        ask_again_after_s=-1,
    )
    deaths = die_at("whatsapp.resolving", name)

    with pytest.raises(Died):
        await resolver.resolve()
    await resolver.resolve()

    assert deaths == [name]
    assert (await shop.customer(LID)).id == (await shop.customer(PHONE)).id


@pytest.mark.parametrize("name", CATCH_UP)
async def test_what_was_caught_up_is_there_once(
    shop: RememberingShop, die_at: Die, name: str
) -> None:
    shop.remembers("Halo", "3EB0A")
    deaths = die_at("whatsapp.catch_up", name)

    with pytest.raises(Died):
        await shop.catches_up()
    known_until = (await shop.seen()).caught_up_at

    assert await shop.catches_up(after_s=EVERY_S + 1)
    assert (deaths, known_until) == ([name], NOON)
    assert len(await shop.told()) == 1


@pytest.mark.parametrize("module", MODULES)
def test_every_place_is_tried(module: str) -> None:
    folder = ROOT / "services/crm_chatbot/src/crm_chatbot/application"
    path = folder / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert sorted(names_in(tree, path)) == sorted(MODULES[module])


def backlog(shop: RememberingShop) -> Backlog:
    if isinstance(shop.crm, SqlCrm):
        return SqlBacklog(shop.crm.sessions)
    shop.crm.time = shop.clock()
    return MemoryBacklog(shop.crm, shop.connections)

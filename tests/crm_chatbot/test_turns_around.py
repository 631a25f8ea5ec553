"""What is around turns: the bell, a library that loads late, words that are there at first."""

import asyncio
import time

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.application.turns.answering import Brief, Progress
from crm_chatbot.application.turns.mailbox import Worker
from crm_chatbot.domain.turns.turn import Outcome
from crm_chatbot.infrastructure.turns.seeds import SEED_TEMPLATES, seed_templates
from crm_chatbot.infrastructure.turns.warming import WarmedUp
from crm_chatbot.interface.bell import bell
from shared.contracts import TurnDue
from shared.infrastructure.database import Sessions, transaction
from shared.interface.queues import handler
from shared.messaging import Incoming
from shared.messaging import Outcome as Fate
from shared.pulse import Pulse
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.deciding import a_scene
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_mailboxes import MemoryMailboxes, MemoryTables
from tests.crm_chatbot.test_mailbox import Answering


class Simple:
    """Fits crm_chatbot.application.turns.answering.Agent."""

    async def __call__(self, brief: Brief, /) -> Progress:
        return Progress().decided(Outcome.ANSWERED, "Halo")


async def test_a_library_is_loaded_once_and_in_a_thread(memory: MemoryCrm) -> None:
    made: list[str] = []

    def make() -> Simple:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        time.sleep(0.05)
        made.append("agent")
        return Simple()

    agent = WarmedUp(make)
    brief = (await a_scene(memory)).brief()

    progress = await asyncio.gather(agent(brief), agent(brief), agent.warm_up())

    assert made == ["agent"]
    assert progress[0] == await Simple()(brief)


async def test_the_bell_tells_when_and_what_is_unreadable_is_set_aside() -> None:
    mailboxes = MemoryMailboxes(MemoryTables())
    worker = Worker(mailboxes, Answering(mailboxes), Pulse(60), 10)
    due = [TurnDue(tenant_id=TENANT, conversation_id=uuid7(), in_s=in_s) for in_s in (3, 0, -5)]
    rung = [
        Incoming(str(n), "TurnDue", one.model_dump_json().encode()) for n, one in enumerate(due)
    ]

    fates = await handler([bell(worker)])([*rung, Incoming("x", "TurnDue", b"{")])

    now = asyncio.get_running_loop().time()
    assert fates == [Fate.DONE, Fate.DONE, Fate.DONE, Fate.DEAD]
    assert [round(at - now) for at in sorted(worker._due)] == [0, 0, 3]


async def test_words_are_seeded_once_and_stay_as_somebody_changed_them(
    sessions: Sessions,
) -> None:
    change = text("UPDATE platform.prompt_templates SET content = 'Be kind.' WHERE name = :name")
    count = text("SELECT name, content FROM platform.prompt_templates WHERE name = ANY(:names)")
    names = [template.name for template in SEED_TEMPLATES]
    async with transaction(sessions) as session:
        await seed_templates(session)
        await session.execute(change, {"name": names[0]})

    async with transaction(sessions) as session:
        await seed_templates(session)
        found = {row.name: row.content for row in await session.execute(count, {"names": names})}

    assert found == {names[0]: "Be kind.", names[1]: SEED_TEMPLATES[1].content}


def test_only_moderations_words_name_it() -> None:
    """The offline model knows its part by that word, and by the form of the answer."""
    assistant, moderation = (template.content.lower() for template in SEED_TEMPLATES)

    assert "moderation" not in assistant
    assert "moderation" in moderation
    assert "json" in moderation
    assert [template.variables for template in SEED_TEMPLATES] == [frozenset(), frozenset()]

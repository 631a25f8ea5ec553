"""What a new catalogue holds, and that sowing never overrides an operator."""

import asyncio

import pytest
from sqlalchemy import delete, func, select

from shared.infrastructure.database import Sessions, transaction
from shared.llm.catalogue import Provider
from shared.llm.changes import SqlEntries, changing
from shared.llm.seeds import SEED_TEMPLATES, seed
from shared.llm.store import (
    CONFIGS,
    TEMPLATES,
    SqlCatalogue,
    catalogue_changes,
    llm_configs,
    prompt_templates,
)
from tests.shared.llm.builders import a_template


async def sown(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await seed(session)


@pytest.fixture(autouse=True)
async def nothing_yet(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        for table in (llm_configs, prompt_templates, catalogue_changes):
            await session.execute(delete(table))


async def test_the_names_that_requests_default_to_are_there(sessions: Sessions) -> None:
    await sown(sessions)

    catalogue = await SqlCatalogue(sessions)()

    assert catalogue.config("default-smart").provider is Provider.OPENAI
    assert catalogue.config("default-claude").provider is Provider.ANTHROPIC
    assert catalogue.template("default-assistant").variables == frozenset()


async def test_without_any_key_the_default_is_the_offline_model(sessions: Sessions) -> None:
    await sown(sessions)
    catalogue = await SqlCatalogue(sessions)()

    for keys, expected in (
        (frozenset[str](), ["offline"]),
        (frozenset({"OPENAI_API_KEY"}), ["default-smart"]),
        (frozenset({"ANTHROPIC_API_KEY"}), ["default-claude"]),
        (frozenset({"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}), ["default-smart", "default-claude"]),
    ):
        found = catalogue.candidates("default-smart", keys)
        assert [config.name for config in found] == expected


def test_only_moderations_words_speak_of_moderation() -> None:
    """The offline model recognises its part by that word."""
    speaking = [one.name for one in SEED_TEMPLATES if "moderation" in one.content.lower()]

    assert speaking == ["moderation-agent"]
    words = next(one.content for one in SEED_TEMPLATES if one.name == "moderation-agent")
    assert '{"allowed": true|false, "reason": "..."}' in words


async def test_sowing_twice_or_at_once_is_sowing_once(sessions: Sessions) -> None:
    await asyncio.gather(*(sown(sessions) for _ in range(4)))
    await sown(sessions)

    async with transaction(sessions) as session:
        changes = await session.scalar(select(func.count()).select_from(catalogue_changes))
    catalogue = await SqlCatalogue(sessions)()

    assert changes == len(catalogue.configs) + len(catalogue.templates)


async def test_what_an_operator_changed_or_removed_stays_so(sessions: Sessions) -> None:
    await sown(sessions)
    async with changing(sessions) as session:
        await SqlEntries(session, CONFIGS).remove("default-claude")
        await SqlEntries(session, TEMPLATES).replace(a_template("main-agent", "Be brief."))

    await sown(sessions)

    catalogue = await SqlCatalogue(sessions)()
    assert "default-claude" not in catalogue.configs
    assert catalogue.template("main-agent").content == "Be brief."

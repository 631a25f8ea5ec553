"""Reading the catalogue: whole, soon after a change, and also while PostgreSQL is away."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.availability import DatabaseUnavailable
from shared.infrastructure.database import Sessions, connect, sessions_of, transaction
from shared.llm.catalogue import (
    Catalogue,
    LLMConfig,
    PromptTemplate,
    Provider,
    ReadCatalogue,
    Temperature,
)
from shared.llm.changes import SqlEntries, changing
from shared.llm.store import CONFIGS, TEMPLATES, CachedCatalogue, SqlCatalogue
from tests.background import BackgroundLoop
from tests.chaos.proxy import Proxy
from tests.shared.llm.builders import a_config, a_template
from tests.shared.llm.fakes import MemoryCatalogue
from tests.shared.llm.statements import Statements
from tests.waiting import until

CONTRACT_OF = ReadCatalogue

EVERY_FIELD = a_config(
    "every-field",
    provider=Provider.ANTHROPIC,
    api_key_env="ANTHROPIC_API_KEY",
    temperature=Temperature(0.3),
    max_tokens=123,
    is_active=False,
    base_url="http://localhost:1234/v1",
    timeout_s=12.5,
    retries=7,
    fallbacks=("b", "a"),
    vision=True,
    input_price=0.15,
    output_price=0.6,
)
WORDS = a_template("words", "Dear {{name}} 👋", description="A greeting")


async def store(
    sessions: Sessions,
    configs: Sequence[LLMConfig] = (),
    templates: Sequence[PromptTemplate] = (),
) -> None:
    async with changing(sessions) as session:
        for config in configs:
            await SqlEntries(session, CONFIGS, actor="tests").add(config)
        for template in templates:
            await SqlEntries(session, TEMPLATES, actor="tests").add(template)


Stock = Callable[[], Awaitable[ReadCatalogue]]


@pytest.fixture(params=["memory", "sql", "cached"])
def stock(request: pytest.FixtureRequest) -> Stock:
    """Makes a catalogue that holds EVERY_FIELD and WORDS."""
    kind: str = request.param
    sessions: Sessions | None = None
    if kind != "memory":
        sessions = request.getfixturevalue("sessions")

    async def stocked() -> ReadCatalogue:
        if sessions is None:
            return MemoryCatalogue([EVERY_FIELD], [WORDS])
        await store(sessions, [EVERY_FIELD], [WORDS])
        return SqlCatalogue(sessions) if kind == "sql" else CachedCatalogue(sessions)

    return stocked


async def test_entries_come_back_exactly_as_they_were_stored(stock: Stock) -> None:
    read = await stock()

    catalogue = await read(at_least=["every-field", "words"])

    assert catalogue.configs["every-field"] == EVERY_FIELD
    assert catalogue.templates["words"] == WORDS


async def test_a_name_that_nobody_knows_is_no_error_of_reading(stock: Stock) -> None:
    read = await stock()

    catalogue = await read(at_least=["'; drop table jobs;--"])

    assert "'; drop table jobs;--" not in catalogue.configs


async def test_a_temperature_does_not_change_its_digits(sessions: Sessions) -> None:
    await store(sessions, [a_config(temperature=Temperature(0.7))])

    async with transaction(sessions) as session:
        stored = await session.scalar(text("SELECT temperature FROM platform.llm_configs"))

    assert stored == 0.7


async def test_the_specifications_columns_have_its_defaults(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await session.execute(
            text(
                "INSERT INTO platform.llm_configs (name, provider, model_name, api_key_env) "
                "VALUES ('plain', 'openai', 'gpt-4-turbo', 'OPENAI_API_KEY')"
            )
        )
        await session.execute(
            text("INSERT INTO platform.prompt_templates (name, content) VALUES ('plain', 'Hi.')")
        )

    catalogue = await SqlCatalogue(sessions)()

    assert catalogue.config("plain") == a_config("plain")
    assert catalogue.template("plain") == a_template("plain", "Hi.")


async def test_a_row_that_makes_no_sense_does_not_hide_the_others(sessions: Sessions) -> None:
    await store(sessions, [a_config("good"), a_config("newer"), a_config("hot")])
    async with transaction(sessions) as session:
        await session.execute(
            text("UPDATE platform.llm_configs SET provider = 'not-yet' WHERE name = 'newer'")
        )
        await session.execute(
            text("UPDATE platform.llm_configs SET temperature = 99 WHERE name = 'hot'")
        )

    assert "good" in (await SqlCatalogue(sessions)()).configs
    assert not {"newer", "hot"} & (await SqlCatalogue(sessions)()).configs.keys()


async def seen(
    read: ReadCatalogue, condition: Callable[[Catalogue], bool], *, within: float
) -> None:
    async def is_so() -> bool:
        return condition(await read())

    await until(is_so, "the catalogue is as wished", within=within, every=0.02)


async def test_a_change_is_seen_within_two_seconds(sessions: Sessions) -> None:
    await store(sessions, [a_config("smart")])
    read = CachedCatalogue(sessions)
    await read()
    async with changing(sessions) as session:
        await SqlEntries(session, CONFIGS).replace(a_config("smart", max_tokens=99))

    await seen(read, lambda now: now.config("smart").max_tokens == 99, within=2)


async def test_a_removal_is_seen_within_two_seconds(sessions: Sessions) -> None:
    await store(sessions, [a_config("smart")])
    read = CachedCatalogue(sessions)
    await read()
    async with changing(sessions) as session:
        await SqlEntries(session, CONFIGS).remove("smart")

    await seen(read, lambda now: "smart" not in now.configs, within=2)


async def test_a_new_name_that_is_asked_for_is_seen_at_once(sessions: Sessions) -> None:
    read = CachedCatalogue(sessions, max_age_s=60)
    await read()

    await store(sessions, [a_config("brand-new")], [a_template("fresh")])

    assert "brand-new" not in (await read()).configs
    assert "brand-new" in (await read(at_least=["brand-new", "fresh"])).configs


async def test_a_catalogue_that_does_not_change_is_not_read_again(
    sessions: Sessions, engine: AsyncEngine
) -> None:
    await store(sessions, [a_config("smart")])
    read = CachedCatalogue(sessions, max_age_s=0)
    await read()
    statements = Statements(engine)

    for _ in range(5):
        await read(at_least=["smart"])

    assert statements.about("llm_configs") == 0
    assert statements.about("catalogue_changes") == 5


async def test_a_young_copy_costs_no_round_trip(sessions: Sessions, engine: AsyncEngine) -> None:
    await store(sessions, [a_config("smart")])
    read = CachedCatalogue(sessions, max_age_s=60)
    await read()
    statements = Statements(engine)

    await asyncio.gather(*(read(at_least=["smart"]) for _ in range(100)))

    assert statements.seen == []


async def test_a_flood_of_unknown_names_shares_its_questions(
    sessions: Sessions, engine: AsyncEngine
) -> None:
    read = CachedCatalogue(sessions, max_age_s=60)
    await read()
    statements = Statements(engine)

    await asyncio.gather(*(read(at_least=[f"unknown-{n}"]) for n in range(100)))

    # The first asks, the others must be answered by a question that began after theirs.
    assert statements.about("catalogue_changes") == 2
    assert statements.about("llm_configs") == 0


@pytest.fixture
def way_to_postgres(database_url: str) -> Generator[Proxy]:
    loop = BackgroundLoop("proxy")
    proxy = Proxy(urlsplit(database_url).port or 5432, loop)
    yield proxy
    proxy.down()
    loop.close()


async def test_the_last_known_catalogue_is_served_while_postgresql_is_away(
    sessions: Sessions, database_url: str, way_to_postgres: Proxy
) -> None:
    await store(sessions, [a_config("smart")])
    port = urlsplit(database_url).port or 5432
    engine = connect(database_url.replace(f":{port}/", f":{way_to_postgres.port}/"))
    read = CachedCatalogue(sessions_of(engine), max_age_s=0)
    await read()

    way_to_postgres.down()

    assert "smart" in (await read()).configs
    assert "smart" in (await read(at_least=["unknown"])).configs
    with pytest.raises(DatabaseUnavailable):
        await CachedCatalogue(sessions_of(engine))()
    way_to_postgres.up()
    await store(sessions, [a_config("later")])
    await seen(read, lambda now: "later" in now.configs, within=5)
    await engine.dispose()

"""The catalogue in PostgreSQL: its tables, and the copy of it that every process keeps."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from shared import logs
from shared.domain import DomainError, NotFound
from shared.infrastructure.database import Row, Sessions, metadata, transaction
from shared.llm.catalogue import (
    Catalogue,
    LLMConfig,
    ModelName,
    NoSuchLLMConfig,
    NoSuchPromptTemplate,
    PromptTemplate,
    Provider,
    Temperature,
)
from shared.llm.entries import EntryT
from shared.llm.recent import Recent

log = logs.get()

SCHEMA = "platform"
NOW = text("clock_timestamp()")

llm_configs = Table(
    "llm_configs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("provider", String(100), nullable=False),
    Column("model_name", String(255), nullable=False),
    Column("api_key_env", String(255), nullable=False),
    # Not REAL: 0.7 would come back as 0.699999988.
    Column("temperature", Double, nullable=False, server_default=text("0.7")),
    Column("max_tokens", Integer, nullable=False, server_default=text("4096")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("base_url", Text),
    Column("timeout_s", Double, nullable=False, server_default=text("180")),
    Column("retries", Integer, nullable=False, server_default=text("2")),
    Column("fallbacks", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("vision", Boolean, nullable=False, server_default=text("false")),
    Column("transcription_model", String(255)),
    Column("input_price", Double, nullable=False, server_default=text("0")),
    Column("output_price", Double, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    schema=SCHEMA,
)

prompt_templates = Table(
    "prompt_templates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("content", Text, nullable=False),
    Column("description", Text),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    schema=SCHEMA,
)

#: Every change of every kind of entry, for ever. Its newest id tells readers that there is news.
catalogue_changes = Table(
    "catalogue_changes",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Index("ix_catalogue_changes_kind_name_id", "kind", "name", "id"),
    schema=SCHEMA,
)


def plain(row: RowMapping) -> dict[str, Any]:
    """A row by its columns' names."""
    return {str(name): value for name, value in row.items()}


@dataclass(frozen=True)
class Kind(Generic[EntryT]):
    """How the entries of one kind lie in their table."""

    name: str
    table: Table
    #: the column that holds an entry's name
    key: Column[Any]
    absent: type[NotFound]
    to_row: Callable[[EntryT], dict[str, Any]]
    from_row: Callable[[Row], EntryT]
    #: what else is to be done in the transaction that changes the entry so named
    on_change: Callable[[AsyncSession, str], Awaitable[None]] | None = None

    async def read_all(self, session: AsyncSession) -> Sequence[EntryT]:
        """By name. A row that this version cannot read is passed over: others must not suffer."""
        found: list[EntryT] = []
        rows = await session.execute(select(self.table).order_by(self.key))
        for row in rows.mappings():
            stored = plain(row)
            try:
                found.append(self.from_row(stored))
            except (DomainError, ValueError) as unreadable:
                name = stored[self.key.name]
                log.warning("entry.unreadable", kind=self.name, entry=name, reason=str(unreadable))
        return found


def _config_row(config: LLMConfig) -> dict[str, Any]:
    return {
        "name": config.name,
        "provider": config.provider.value,
        "model_name": config.model_name.text,
        "api_key_env": config.api_key_env,
        "temperature": config.temperature.value,
        "max_tokens": config.max_tokens,
        "is_active": config.is_active,
        "base_url": config.base_url,
        "timeout_s": config.timeout_s,
        "retries": config.retries,
        "fallbacks": list(config.fallbacks),
        "vision": config.vision,
        "transcription_model": config.transcription_model,
        "input_price": config.input_price,
        "output_price": config.output_price,
    }


def _config(row: Row) -> LLMConfig:
    return LLMConfig(
        name=row["name"],
        provider=Provider(row["provider"]),
        model_name=ModelName(row["model_name"]),
        api_key_env=row["api_key_env"],
        temperature=Temperature(row["temperature"]),
        max_tokens=row["max_tokens"],
        is_active=row["is_active"],
        base_url=row["base_url"],
        timeout_s=row["timeout_s"],
        retries=row["retries"],
        fallbacks=tuple(row["fallbacks"]),
        vision=row["vision"],
        transcription_model=row["transcription_model"],
        input_price=row["input_price"],
        output_price=row["output_price"],
        version=row["version"],
    )


def _template_row(template: PromptTemplate) -> dict[str, Any]:
    return {
        "name": template.name,
        "content": template.content,
        "description": template.description,
    }


def _template(row: Row) -> PromptTemplate:
    return PromptTemplate(
        name=row["name"],
        content=row["content"],
        description=row["description"] or "",
        version=row["version"],
    )


CONFIGS = Kind("llm_config", llm_configs, llm_configs.c.name, NoSuchLLMConfig, _config_row, _config)
TEMPLATES = Kind(
    "prompt_template",
    prompt_templates,
    prompt_templates.c.name,
    NoSuchPromptTemplate,
    _template_row,
    _template,
)

Content = TypeVar("Content")


@dataclass(frozen=True)
class _Copy(Generic[Content]):
    content: Content
    #: the newest change that is surely in it
    change: int
    read_at: float


#: A row that somebody changed by hand, past our API, is seen after so many seconds.
UNSEEN_FOR_S = 30.0


def copy_of(
    sessions: Sessions, read: Callable[[AsyncSession], Awaitable[Content]], *, max_age_s: float
) -> "Recent[_Copy[Content]]":
    """A copy of what `read` finds, re-read only when the catalogue has changed."""

    async def renew(last: _Copy[Content] | None) -> _Copy[Content]:
        async with transaction(sessions) as session:
            # First the number, then the rows: a change in between is read again, never missed.
            change: int = await session.scalar(select(func.max(catalogue_changes.c.id))) or 0
            now = time.monotonic()
            if last and last.change == change and now - last.read_at < UNSEEN_FOR_S:
                return last
            return _Copy(await read(session), change, now)

    return Recent(renew, max_age_s=max_age_s)


async def _read_catalogue(session: AsyncSession) -> Catalogue:
    configs = await CONFIGS.read_all(session)
    templates = await TEMPLATES.read_all(session)
    return Catalogue(
        configs={config.name: config for config in configs},
        templates={template.name: template for template in templates},
    )


class SqlCatalogue:
    """Reads the whole catalogue each time."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def __call__(self, *, at_least: Sequence[str] = ()) -> Catalogue:  # noqa: ARG002 - always the newest
        """Raises DatabaseUnavailable."""
        async with transaction(self._sessions) as session:
            return await _read_catalogue(session)


class CachedCatalogue:
    """Keeps a copy; hands out the last known one while PostgreSQL is away."""

    def __init__(self, sessions: Sessions, *, max_age_s: float = 1.0) -> None:
        self._copy = copy_of(sessions, _read_catalogue, max_age_s=max_age_s)

    async def __call__(self, *, at_least: Sequence[str] = ()) -> Catalogue:
        """Raises DatabaseUnavailable only where the catalogue was never read."""
        known = (await self._copy()).content
        if all(name in known.configs or name in known.templates for name in at_least):
            return known
        return (await self._copy(afresh=True)).content

"""Imports in PostgreSQL."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping, insert, select, update

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.catalog.imports import (
    CatalogImport,
    ImportId,
    ImportNotFound,
    ImportStatus,
    OnError,
    RowMistake,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.catalog.tables import imports
from shared.infrastructure.late import LateSession

_c = imports.c


class SqlImports:
    """Honours crm_chatbot.domain.catalog.imports.Imports."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def add(self, started: CatalogImport, /) -> None:
        await self._session.execute(insert(imports).values(self._row(started)))
        self._session.touched(Thing.IMPORT, started.id)

    async def get(self, import_id: ImportId, /) -> CatalogImport:
        named = select(imports).where(_c.tenant_id == self._tenant_id, _c.id == import_id)
        row = (await self._session.execute(named)).mappings().one_or_none()
        if row is None:
            raise ImportNotFound(import_id=import_id)
        return _import_of(row)

    async def save(self, ended: CatalogImport, /) -> None:
        named = update(imports).where(_c.tenant_id == self._tenant_id, _c.id == ended.id)
        await self._session.execute(named.values(self._row(ended)))
        self._session.touched(Thing.IMPORT, ended.id)

    def _row(self, one: CatalogImport) -> dict[str, Any]:
        mistakes = [asdict(mistake) for mistake in one.mistakes]
        return {**vars(one), "tenant_id": self._tenant_id, "mistakes": mistakes}


def _import_of(row: RowMapping) -> CatalogImport:
    facts: dict[str, Any] = {name: value for name, value in row.items() if name != "tenant_id"}
    facts["status"] = ImportStatus(row["status"])
    facts["on_error"] = OnError(row["on_error"])
    facts["mistakes"] = tuple(RowMistake(**one) for one in row["mistakes"])
    return CatalogImport(**facts)

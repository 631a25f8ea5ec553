"""`/v1/crm/tenants/{tenant_id}/products/import` and `.../export`: a catalog as a file."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from crm_chatbot.domain.catalog.imports import (
    CatalogImport,
    ImportId,
    ImportStatus,
    OnError,
    RowMistake,
)
from crm_chatbot.interface.administration import SHOP, Admin, actor_of, known_to
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.problems import Mistake, Problem, pointer_of
from shared.interface.routes import StrictRequest, api_router

router = api_router(SHOP, tag="products")

CSV = "text/csv"
#: of a file of 5,000 rows with long descriptions
BODY_LIMIT = 8_000_000
#: told at once; the import's own page tells all
_MOST_TOLD = 100
#: Without it spreadsheets take the file for one of another alphabet.
_BOM = "\ufeff"

_EXAMPLE = "sku,name,variant,price,stock,category\nGAYO-250,Kopi Gayo,250 gr,85000,10,Kopi\n"
_BODY: dict[str, Any] = {
    "required": True,
    "content": {CSV: {"schema": {"type": "string"}, "example": _EXAMPLE}},
}


class RowMistakeView(BaseModel):
    """What is wrong with a row."""

    line: int = Field(description="Of the file, counted from 1, the header's.")
    column: str | None = Field(description="null: the row as a whole.")
    code: str
    message: str


class ImportView(BaseModel):
    """What became of a file."""

    id: UUID
    status: ImportStatus = Field(description="Only of a `done` import anything was applied.")
    on_error: OnError
    rows: int
    rows_done: int
    created: int = Field(description="Products, as in the next two.")
    updated: int
    unchanged: int = Field(description="Their stock may have been counted all the same.")
    mistakes: list[RowMistakeView] = Field(description="The first 1,000 of them.")
    started_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, one: CatalogImport) -> "ImportView":
        mistakes = [vars(mistake) for mistake in one.mistakes]
        return cls.model_validate({**vars(one), "mistakes": mistakes})


@router.post(
    "/products/import",
    status_code=201,
    summary="Import products from CSV",
    openapi_extra={"requestBody": _BODY},
)
async def import_products(
    tenant_id: Id,
    request: Request,
    app: Admin,
    caller: WritingCaller,
    response: Response,
    on_error: Annotated[
        OnError, Query(description="What becomes of the good rows where others are bad.")
    ] = OnError.REFUSE,
) -> ImportView:
    """At most 5,000 rows, applied all at once: what has the same SKU is changed, the rest is new.

    Where rows are bad, nothing is applied (422 `import_refused`), unless `on_error` is `skip`.
    What a column leaves out stays as it is; a `stock` is what was counted.
    """
    shop = known_to(caller, tenant_id)
    await app.tenants.get(shop)
    raw = await cast("StrictRequest", request).body_of(CSV, limit=BODY_LIMIT)
    done = await app.imports.run(shop, raw, on_error=on_error, actor=actor_of(caller))
    where = f"/v1/crm/tenants/{shop}/imports/{done.id}"
    if done.status is ImportStatus.REFUSED:
        raise _refused(done, where)
    response.headers["Location"] = where
    return ImportView.of(done)


@router.get("/imports/{import_id}", summary="Look at an import")
async def get_import(tenant_id: Id, import_id: Id, app: Admin, caller: AnyCaller) -> ImportView:
    """How far it has come, and what is wrong with its rows."""
    found = await app.imports.get(known_to(caller, tenant_id), ImportId(import_id))
    return ImportView.of(found)


@router.get(
    "/products/export",
    summary="Export the products as CSV",
    response_class=Response,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}, "example": _EXAMPLE}}}},
)
async def export_products(
    tenant_id: Id,
    app: Admin,
    caller: AnyCaller,
    *,
    with_stock: Annotated[
        bool, Query(description="Also what there is. Imported, it is what was counted.")
    ] = False,
) -> Response:
    """All of them, one row for each variant. Imported, they are the same again.

    Their stock is left out, unless `with_stock` is true: a file that comes back later would
    bring back what was sold meanwhile.
    """
    told = await app.imports.export(known_to(caller, tenant_id), with_stock=with_stock)
    named = {"Content-Disposition": 'attachment; filename="products.csv"'}
    return Response(_BOM + told, media_type=CSV, headers=named)


def _refused(done: CatalogImport, where: str) -> Problem:
    bad = len({one.line for one in done.mistakes})
    detail = f"{bad} of {done.rows} rows are bad, and nothing was imported. All of it: {where}"
    errors = _told(done.mistakes[:_MOST_TOLD])
    return Problem(422, "import_refused", detail, errors=errors, headers={"Location": where})


def _told(mistakes: Sequence[RowMistake]) -> list[Mistake]:
    """Places in a file: the line, and the column."""
    return [
        Mistake(
            pointer_of([one.line] if one.column is None else [one.line, one.column]),
            one.code,
            f"Line {one.line}: {one.message}",
        )
        for one in mistakes
    ]

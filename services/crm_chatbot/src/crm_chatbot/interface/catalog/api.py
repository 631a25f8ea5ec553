"""`/v1/crm/tenants/{tenant_id}/products`: what a shop sells, how many, and how it is found."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from crm_chatbot.domain.catalog.product import ProductId, ProductStatus, VariantId
from crm_chatbot.domain.catalog.stock import MovementId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import SHOP, Admin, actor_of, known_to
from crm_chatbot.interface.catalog.views import (
    Categories,
    CategoryView,
    LedgerPage,
    LedgerQuery,
    MovementView,
    NewProduct,
    ProductChange,
    ProductListQuery,
    ProductPage,
    ProductView,
    StockBody,
    StockMoved,
    Synonyms,
    VariantView,
)
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.problems import invalid
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router: APIRouter = api_router(SHOP, tag="products")

Named = tuple[TenantId, ProductId]


async def named(tenant_id: Id, product_id: Id, caller: AnyCaller) -> Named:
    """The product that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), ProductId(product_id)


@router.post("/products", status_code=201, summary="Add a product")
async def add_product(
    tenant_id: Id, body: NewProduct, app: Admin, caller: WritingCaller, response: Response
) -> ProductView:
    """With a price, if it has one variant, or with variants. Who has no SKU is given one."""
    shop = known_to(caller, tenant_id)
    with body.pointed_at():
        product = await app.catalog.add(
            shop,
            body.wishes(),
            actor=actor_of(caller),
            allow_free=body.allow_free,
            **body.described(),
        )
    response.headers["Location"] = f"/v1/crm/tenants/{shop}/products/{product.id}"
    tag(response, product.version)
    return ProductView.of(product)


@router.get("/products", summary="List or search the products")
async def list_products(
    tenant_id: Id, app: Admin, caller: AnyCaller, wanted: Annotated[ProductListQuery, Query()]
) -> ProductPage:
    """The newest first. With `q`, what customers would find, the best first, in one page."""
    shop = known_to(caller, tenant_id)
    if wanted.q is not None:
        if wanted.status is ProductStatus.ARCHIVED or wanted.cursor is not None:
            where = "status" if wanted.cursor is None else "cursor"
            raise invalid(f"/query/{where}", "invalid", "Only what is sold is searched, at once.")
        best = await app.catalog.search(
            shop, wanted.q, category=wanted.category, limit=wanted.limit
        )
        return ProductPage(products=list(map(ProductView.of, best)), next_cursor=None)
    context = f"products:{shop}:{wanted.status}:{wanted.category}"
    before = None
    if wanted.cursor is not None:
        before = ProductId(UUID(str(app.cursors.decode(wanted.cursor, context=context)[0])))
    found = await app.catalog.page(
        shop,
        before=before,
        limit=wanted.limit + 1,
        status=wanted.status,
        category=wanted.category,
    )
    shown = found[: wanted.limit]
    last = str(shown[-1].id) if len(found) > wanted.limit else None
    return ProductPage(
        products=list(map(ProductView.of, shown)),
        next_cursor=last and app.cursors.encode([last], context=context),
    )


@router.get("/categories", summary="List the categories")
async def list_categories(tenant_id: Id, app: Admin, caller: AnyCaller) -> Categories:
    """Each with the number of its products that are sold."""
    found = await app.catalog.categories(known_to(caller, tenant_id))
    shown = [CategoryView(name=name, products=products) for name, products in found]
    return Categories(categories=shown)


@router.get("/products/{product_id}", summary="Look at a product")
async def get_product(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> ProductView:
    """Its `ETag` is its version; stock moves without it."""
    product = await app.catalog.get(*its)
    tag(response, product.version)
    return ProductView.of(product)


@router.patch("/products/{product_id}", summary="Change a product")
async def change_product(
    its: Annotated[Named, Depends(named)],
    body: ProductChange,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> ProductView:
    """Only what is named; `variants` are all that it has. With `If-Match`, only that version."""
    product = await app.catalog.change(
        *its,
        expected=expected,
        actor=actor_of(caller),
        wishes=body.wishes(),
        allow_free=body.allow_free,
        **body.described(),
    )
    tag(response, product.version)
    return ProductView.of(product)


@router.delete("/products/{product_id}", summary="Archive a product")
async def archive_product(
    its: Annotated[Named, Depends(named)],
    app: Admin,
    _caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> ProductView:
    """It is neither found nor sold any more, and stays for its history. Twice is no mistake."""
    product = await app.catalog.become(*its, ProductStatus.ARCHIVED, expected=expected)
    tag(response, product.version)
    return ProductView.of(product)


@router.post("/products/{product_id}/restore", summary="Sell an archived product again")
async def restore_product(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: WritingCaller, response: Response
) -> ProductView:
    """A second time is no mistake."""
    product = await app.catalog.become(*its, ProductStatus.ACTIVE)
    tag(response, product.version)
    return ProductView.of(product)


@router.post(
    "/products/{product_id}/variants/{variant_id}/stock",
    status_code=201,
    summary="Count or adjust stock",
)
async def move_stock(
    its: Annotated[Named, Depends(named)],
    variant_id: Id,
    body: StockBody,
    app: Admin,
    caller: WritingCaller,
) -> StockMoved:
    """409 `insufficient_stock` or `reserved_exceeds` where there would be too few."""
    movement, variant = await app.catalog.move(
        its[0],
        (its[1], VariantId(variant_id)),
        body.what(),
        reason=body.reason,
        actor=actor_of(caller),
    )
    return StockMoved(movement=MovementView.of(movement), variant=VariantView.of(variant))


@router.get("/products/{product_id}/variants/{variant_id}/stock", summary="Read a variant's ledger")
async def read_ledger(
    its: Annotated[Named, Depends(named)],
    variant_id: Id,
    app: Admin,
    _caller: AnyCaller,
    wanted: Annotated[LedgerQuery, Query()],
) -> LedgerPage:
    """What happened to its stock, the latest first; all of it adds up to what there is."""
    context = f"ledger:{its[0]}:{variant_id}"
    before = None
    if wanted.cursor is not None:
        before = MovementId(int(app.cursors.decode(wanted.cursor, context=context)[0]))
    found = await app.catalog.ledger(
        its[0],
        (its[1], VariantId(variant_id)),
        before=before,
        limit=wanted.limit + 1,
    )
    shown = found[: wanted.limit]
    is_last = len(found) <= wanted.limit
    return LedgerPage(
        movements=list(map(MovementView.of, shown)),
        next_cursor=None if is_last else app.cursors.encode([shown[-1].id], context=context),
    )


@router.get("/synonyms", summary="See which words mean the same")
async def get_synonyms(tenant_id: Id, app: Admin, caller: AnyCaller) -> Synonyms:
    """In this shop; common words of both languages are known besides."""
    groups = await app.catalog.synonyms(known_to(caller, tenant_id))
    return Synonyms(groups=[list(group) for group in groups])


@router.put("/synonyms", summary="Say which words mean the same")
async def put_synonyms(
    tenant_id: Id, body: Synonyms, app: Admin, caller: WritingCaller
) -> Synonyms:
    """These groups, and no others; in force from the next search on."""
    wanted = [tuple(group) for group in body.groups]
    groups = await app.catalog.agree_on(known_to(caller, tenant_id), wanted)
    return Synonyms(groups=[list(group) for group in groups])

"""`/v1/crm/tenants/{tenant_id}/ticket-boards`: the columns that a shop sees its tickets in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.board import BoardId
from crm_chatbot.interface.administration import SHOP, Admin, known_to
from crm_chatbot.interface.tickets.board_views import BoardChange, BoardList, BoardView, NewBoard
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router: APIRouter = api_router(f"{SHOP}/ticket-boards", tag="tickets")

Named = tuple[TenantId, BoardId]


async def named(tenant_id: Id, board_id: Id, caller: AnyCaller) -> Named:
    """The board that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), BoardId(board_id)


@router.get("", summary="List the boards")
async def list_boards(tenant_id: Id, app: Admin, caller: AnyCaller) -> BoardList:
    """The oldest first; one is the default. Who has none is given one, in the shop's language."""
    found = await app.boards.all(known_to(caller, tenant_id))
    return BoardList(boards=list(map(BoardView.of, found)))


@router.post("", status_code=201, summary="Add a board")
async def add_board(
    tenant_id: Id, body: NewBoard, app: Admin, caller: WritingCaller, response: Response
) -> BoardView:
    """With a column for each status, unless it is said which."""
    shop = known_to(caller, tenant_id)
    board = await app.boards.add(shop, is_default=bool(body.is_default), **body.terms())
    response.headers["Location"] = f"/v1/crm/tenants/{shop}/ticket-boards/{board.id}"
    tag(response, board.version)
    return BoardView.of(board)


@router.get("/{board_id}", summary="Look at a board")
async def get_board(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> BoardView:
    """Its `ETag` is its version. Its tickets: `GET .../tickets?board_id=`."""
    board = await app.boards.get(*its)
    tag(response, board.version)
    return BoardView.of(board)


@router.patch("/{board_id}", summary="Change a board")
async def change_board(
    its: Annotated[Named, Depends(named)],
    body: BoardChange,
    app: Admin,
    _caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> BoardView:
    """Only what is named. With `If-Match`, only that version (412 `conflict` otherwise).

    `is_default: true` takes it from another; `false` of the default is 409 `board_is_default`.
    """
    board = await app.boards.change(
        *its, expected=expected, is_default=body.is_default, **body.terms()
    )
    tag(response, board.version)
    return BoardView.of(board)


@router.delete("/{board_id}", status_code=204, summary="Remove a board")
async def remove_board(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: WritingCaller
) -> None:
    """409 `board_is_default` of the default; 409 `board_in_use` while tickets are on it."""
    await app.boards.remove(*its)

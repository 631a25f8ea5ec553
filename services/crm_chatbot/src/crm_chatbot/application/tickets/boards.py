"""Boards of a shop: one is always the default, and made when it is first needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack
from uuid import UUID

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.tickets.board import (
    Board,
    BoardId,
    BoardIsDefault,
    BoardNameTaken,
    BoardTerms,
    default_columns,
    default_name,
)
from shared.domain import ChangedSince, Clock


async def default_board(
    work: Work, tenant: Tenant, *, now: datetime, new_id: Callable[[], UUID]
) -> Board:
    """The shop's, made if it has none; it stays until the transaction ends."""
    found = await work.ticket_boards.default()
    if found is not None:
        return found
    board = Board(
        id=BoardId(new_id()),
        tenant_id=tenant.id,
        name=default_name(tenant.language),
        columns=default_columns(tenant.language),
        created_at=now,
        updated_at=now,
        is_default=True,
    )
    try:
        await work.ticket_boards.add(board)
    except BoardNameTaken:
        # Somebody else needed it at the same moment.
        found = await work.ticket_boards.default()
        if found is None:
            raise
        return found
    return board


@dataclass(frozen=True, kw_only=True)
class BoardService:
    """What people of the shop do about boards."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def all(self, tenant_id: TenantId) -> Sequence[Board]:
        """The oldest first, which is never none. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await self._default(work, tenant_id)
            return await work.ticket_boards.all()

    async def get(self, tenant_id: TenantId, board_id: BoardId) -> Board:
        """Raises BoardNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.ticket_boards.get(board_id)

    async def add(
        self, tenant_id: TenantId, *, is_default: bool = False, **terms: Unpack[BoardTerms]
    ) -> Board:
        """With a column for each status, unless it is said which.

        Raises TenantNotFound, BoardRejected, BoardNameTaken.
        """
        async with self.open_work(tenant_id) as work:
            tenant = await self._default(work, tenant_id)
            now = self.now()
            board = Board(
                id=BoardId(self.new_id()),
                tenant_id=tenant_id,
                name="",
                columns=default_columns(tenant.language),
                created_at=now,
                updated_at=now,
            )
            board.change(now, **terms)
            await work.ticket_boards.add(board)
            return await self._preferred(work, board, is_default=is_default)

    async def change(
        self,
        tenant_id: TenantId,
        board_id: BoardId,
        *,
        expected: int | None = None,
        is_default: bool | None = None,
        **terms: Unpack[BoardTerms],
    ) -> Board:
        """Only what is named; with `expected`, only that version.

        Raises BoardNotFound, BoardRejected, BoardNameTaken, BoardIsDefault, ChangedSince,
        ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            board = await work.ticket_boards.get(board_id)
            if expected not in {None, board.version}:
                raise ChangedSince(name=board.name, version=board.version)
            if board.is_default and is_default is False:
                raise BoardIsDefault
            if terms:
                board.change(self.now(), **terms)
                await work.ticket_boards.save(board)
            return await self._preferred(work, board, is_default=bool(is_default))

    async def remove(self, tenant_id: TenantId, board_id: BoardId) -> None:
        """Raises BoardNotFound, BoardIsDefault, BoardInUse."""
        async with self.open_work(tenant_id) as work:
            await work.ticket_boards.remove(board_id)

    async def _default(self, work: Work, tenant_id: TenantId) -> Tenant:
        tenant = await work.tenants.get(tenant_id)
        await default_board(work, tenant, now=self.now(), new_id=self.new_id)
        return tenant

    async def _preferred(self, work: Work, board: Board, *, is_default: bool) -> Board:
        """As it is after it was made the default, if it is to be."""
        if not is_default:
            return board
        await work.ticket_boards.make_default(board.id)
        return await work.ticket_boards.get(board.id)

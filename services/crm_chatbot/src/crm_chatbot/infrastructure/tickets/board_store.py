"""Boards and templates of tickets in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, delete, exists, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.board import (
    Board,
    BoardId,
    BoardInUse,
    BoardIsDefault,
    BoardNameTaken,
    BoardNotFound,
    Column,
)
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.template import (
    TemplateId,
    TemplateNameTaken,
    TemplateNotFound,
    TicketTemplate,
)
from crm_chatbot.domain.tickets.ticket import Priority
from crm_chatbot.infrastructure.service_desk_tables import (
    ticket_boards,
    ticket_templates,
    tickets,
)
from shared.domain import ChangedMeanwhile
from shared.infrastructure.late import LateSession

_b, _m = ticket_boards.c, ticket_templates.c


class SqlBoards:
    """Honours crm_chatbot.domain.tickets.board.Boards."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, board_id: BoardId, /) -> Board:
        return await self._named(board_id, select(ticket_boards))

    async def hold(self, board_id: BoardId, /) -> Board:
        # As much as a reference to it needs: two who open tickets do not wait for each other.
        held = select(ticket_boards).with_for_update(read=True, key_share=True)
        return await self._named(board_id, held)

    async def default(self) -> Board | None:
        query = select(ticket_boards).where(_b.is_default)
        held = query.with_for_update(read=True, key_share=True)
        return next(iter(await self._found(held)), None)

    async def all(self) -> Sequence[Board]:
        return await self._found(select(ticket_boards).order_by(_b.created_at, _b.id))

    async def add(self, board: Board, /) -> None:
        new = postgresql.insert(ticket_boards).values(board_row(board)).on_conflict_do_nothing()
        if await self._session.scalar(new.returning(_b.id)) is None:
            raise BoardNameTaken(name=board.name)
        self._session.touched(Thing.BOARD, board.id)

    async def save(self, board: Board, /) -> None:
        others = (_b.tenant_id == self._tenant_id, _b.name == board.name, _b.id != board.id)
        if await self._session.scalar(select(_b.id).where(*others)) is not None:
            raise BoardNameTaken(name=board.name)
        row = {**board_row(board), "version": board.version + 1}
        del row["is_default"]  # see make_default
        seen = update(ticket_boards).where(
            _b.tenant_id == self._tenant_id,
            _b.id == row.pop("id"),
            _b.version == board.version,
        )
        try:
            version = await self._session.scalar(seen.values(row).returning(_b.version))
        except IntegrityError as taken:  # between our look and our change
            raise BoardNameTaken(name=board.name) from taken
        if version is None:
            raise ChangedMeanwhile
        board.version = version
        self._session.touched(Thing.BOARD, board.id)

    async def make_default(self, board_id: BoardId, /) -> None:
        ours = _b.tenant_id == self._tenant_id
        # All of them: of two who do this at once, the second sees what the first has done.
        every = select(_b.id).where(ours).order_by(_b.id).with_for_update(key_share=True)
        if board_id not in set((await self._session.execute(every)).scalars()):
            raise BoardNotFound(board_id=board_id)
        for is_default, which in ((False, _b.id != board_id), (True, _b.id == board_id)):
            changed = (ours, which, _b.is_default != is_default)
            new = {"is_default": is_default, "version": _b.version + 1}
            moved = update(ticket_boards).where(*changed).values(new).returning(_b.id)
            self._session.touched(Thing.BOARD, *await self._session.scalars(moved))

    async def remove(self, board_id: BoardId, /) -> None:
        board = await self._named(board_id, select(ticket_boards).with_for_update())
        if board.is_default:
            raise BoardIsDefault
        on_it = (tickets.c.tenant_id == self._tenant_id, tickets.c.board_id == board_id)
        if await self._session.scalar(select(exists().where(*on_it))):
            raise BoardInUse
        is_it = (_b.tenant_id == self._tenant_id, _b.id == board_id)
        await self._session.execute(delete(ticket_boards).where(*is_it))
        self._session.touched(Thing.BOARD, board_id)

    async def _named(self, board_id: BoardId, query: Select[tuple[Any, ...]]) -> Board:
        for board in await self._found(query.where(_b.id == board_id)):
            return board
        raise BoardNotFound(board_id=board_id)

    async def _found(self, query: Select[tuple[Any, ...]]) -> list[Board]:
        rows = await self._session.execute(query.where(_b.tenant_id == self._tenant_id))
        return [board_of(row) for row in rows.mappings()]


class SqlTicketTemplates:
    """Honours crm_chatbot.domain.tickets.template.TicketTemplates."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, template_id: TemplateId, /) -> TicketTemplate:
        is_it = (_m.tenant_id == self._tenant_id, _m.id == template_id)
        found = await self._session.execute(select(ticket_templates).where(*is_it))
        for row in found.mappings():
            return template_of(row)
        raise TemplateNotFound(template_id=template_id)

    async def all(self) -> Sequence[TicketTemplate]:
        ours = select(ticket_templates).where(_m.tenant_id == self._tenant_id)
        found = await self._session.execute(ours.order_by(_m.name.collate("C")))
        return [template_of(row) for row in found.mappings()]

    async def add(self, template: TicketTemplate, /) -> None:
        new = postgresql.insert(ticket_templates).values(vars(template)).on_conflict_do_nothing()
        if await self._session.scalar(new.returning(_m.id)) is None:
            raise TemplateNameTaken(name=template.name)
        self._session.touched(Thing.TICKET_TEMPLATE, template.id)

    async def save(self, template: TicketTemplate, /) -> None:
        others = (_m.tenant_id == self._tenant_id, _m.name == template.name, _m.id != template.id)
        if await self._session.scalar(select(_m.id).where(*others)) is not None:
            raise TemplateNameTaken(name=template.name)
        seen = update(ticket_templates).where(
            _m.tenant_id == self._tenant_id,
            _m.id == template.id,
            _m.version == template.version,
        )
        changed = {**vars(template), "version": template.version + 1}
        try:
            version = await self._session.scalar(seen.values(changed).returning(_m.version))
        except IntegrityError as taken:  # between our look and our change
            raise TemplateNameTaken(name=template.name) from taken
        if version is None:
            raise ChangedMeanwhile
        template.version = version
        self._session.touched(Thing.TICKET_TEMPLATE, template.id)

    async def remove(self, template_id: TemplateId, /) -> None:
        is_it = (_m.tenant_id == self._tenant_id, _m.id == template_id)
        gone = delete(ticket_templates).where(*is_it).returning(_m.id)
        if await self._session.scalar(gone) is None:
            raise TemplateNotFound(template_id=template_id)
        self._session.touched(Thing.TICKET_TEMPLATE, template_id)


def board_row(board: Board) -> dict[str, Any]:
    """A board as its row; `board_of` is the way back, and a test holds both."""
    return {**vars(board), "columns": [vars(column) for column in board.columns]}


def board_of(row: RowMapping) -> Board:
    """A row as the board that it was."""
    columns = tuple(Column(Status(one["status"]), one["name"]) for one in row["columns"])
    named: dict[str, Any] = {**row, "columns": columns}
    return Board(**named)


def template_of(row: RowMapping) -> TicketTemplate:
    """A row as the template that it was."""
    named: dict[str, Any] = {**row, "default_priority": Priority(row["default_priority"])}
    return TicketTemplate(**named)

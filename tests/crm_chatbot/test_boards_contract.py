"""Boards are kept whole, one of them is the default, and none goes while tickets are on it."""

import asyncio

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.tickets.board import (
    Board,
    BoardId,
    BoardInUse,
    BoardIsDefault,
    BoardNameTaken,
    BoardNotFound,
    Boards,
    Column,
)
from crm_chatbot.domain.tickets.status import Status
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, OTHER_TENANT, TENANT
from tests.crm_chatbot.desk import a_board, a_ticket
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = Boards

COLUMNS = (Column(Status.CLOSED, "Beres"), Column(Status.OPEN, "Baru"))


async def add(crm: Crm, *boards: Board) -> None:
    async with crm.open_work(TENANT) as work:
        for board in boards:
            await work.ticket_boards.add(board)


async def get(crm: Crm, board: Board) -> Board:
    async with crm.open_work(TENANT) as work:
        return await work.ticket_boards.get(board.id)


async def test_a_board_comes_back_as_it_went_in(crm: Crm) -> None:
    board = a_board(
        "Uang",
        description="Money.",
        columns=COLUMNS,
        is_default=True,
        updated_at=LATER,
        version=4,
    )

    await add(crm, board)

    async with crm.open_work(TENANT) as work:
        held, default = await work.ticket_boards.hold(board.id), await work.ticket_boards.default()
    assert vars(await get(crm, board)) == vars(board) == vars(held)
    assert default
    assert vars(default) == vars(board)


async def test_a_change_is_kept(crm: Crm) -> None:
    board = a_board()
    await add(crm, board)

    async with crm.open_work(TENANT) as work:
        seen = await work.ticket_boards.get(board.id)
        seen.change(LATER, name="Uang", description="Money.", columns=COLUMNS)
        await work.ticket_boards.save(seen)

    assert vars(await get(crm, board)) == vars(seen)
    assert seen.version == 2


async def test_the_second_of_two_who_change_it_is_told(crm: Crm) -> None:
    board = a_board()
    await add(crm, board)
    stale = await get(crm, board)
    async with crm.open_work(TENANT) as work:
        await work.ticket_boards.save(await work.ticket_boards.get(board.id))

    with pytest.raises(ChangedMeanwhile):
        async with crm.open_work(TENANT) as work:
            await work.ticket_boards.save(stale)


async def test_names_are_unique_within_a_tenant(crm: Crm) -> None:
    board, other = a_board("General"), a_board("Money")
    await add(crm, board, other)

    with pytest.raises(BoardNameTaken):
        await add(crm, a_board("General"))
    other.name = "General"
    with pytest.raises(BoardNameTaken):
        async with crm.open_work(TENANT) as work:
            await work.ticket_boards.save(other)
    async with crm.open_work(OTHER_TENANT) as work:
        await work.ticket_boards.add(a_board("General", tenant_id=OTHER_TENANT))


async def test_one_board_is_the_default(crm: Crm) -> None:
    first, second = a_board("1", is_default=True), a_board("2")
    await add(crm, first, second)

    with pytest.raises(BoardNameTaken):
        await add(crm, a_board("3", is_default=True))
    async with crm.open_work(TENANT) as work:
        await work.ticket_boards.make_default(second.id)
        await work.ticket_boards.make_default(second.id)
        every = await work.ticket_boards.all()
        default = await work.ticket_boards.default()

    assert [(one.name, one.is_default, one.version) for one in every] == [
        ("1", False, 2),
        ("2", True, 2),
    ]
    assert default
    assert default.id == second.id


async def test_of_boards_that_want_to_be_the_default_at_once_one_is(crm: Crm) -> None:
    boards = [a_board(str(number), is_default=not number) for number in range(4)]
    await add(crm, *boards)

    async def prefer(board: Board) -> None:
        async with crm.open_work(TENANT) as work:
            await work.ticket_boards.make_default(board.id)

    await asyncio.gather(*map(prefer, boards))

    async with crm.open_work(TENANT) as work:
        every = await work.ticket_boards.all()
    assert sum(board.is_default for board in every) == 1


async def test_saving_a_board_does_not_make_it_the_default(crm: Crm) -> None:
    board = a_board()
    await add(crm, board)

    async with crm.open_work(TENANT) as work:
        board.is_default = True
        await work.ticket_boards.save(board)
        assert await work.ticket_boards.default() is None


async def test_an_empty_board_is_removed(crm: Crm) -> None:
    board = a_board()
    await add(crm, board)

    async with crm.open_work(TENANT) as work:
        await work.ticket_boards.remove(board.id)
        assert await work.ticket_boards.all() == []


async def test_a_board_with_tickets_and_the_default_stay(crm: Crm) -> None:
    default, used = a_board("1", is_default=True), a_board("2")
    await add(crm, default, used)
    async with crm.open_work(TENANT) as work:
        await work.tickets.add(a_ticket(used))

    for board, refusal in ((default, BoardIsDefault), (used, BoardInUse)):
        with pytest.raises(refusal):
            async with crm.open_work(TENANT) as work:
                await work.ticket_boards.remove(board.id)


async def test_a_board_stays_while_a_ticket_is_put_on_it(crm: Crm) -> None:
    board = a_board()
    await add(crm, board)

    async def remove() -> None:
        async with crm.open_work(TENANT) as work:
            await work.ticket_boards.remove(board.id)

    async with crm.open_work(TENANT) as work:
        await work.ticket_boards.hold(board.id)
        removing = asyncio.create_task(remove())
        await asyncio.wait([removing], timeout=0.1)
        await work.tickets.add(a_ticket(board))

    with pytest.raises(BoardInUse):
        await asyncio.wait_for(removing, 5)


async def test_what_is_not_there_is_not_found(crm: Crm) -> None:
    board, nobodys = a_board(), BoardId(uuid7())
    await add(crm, board)

    for tenant, board_id in ((TENANT, nobodys), (OTHER_TENANT, board.id)):
        async with crm.open_work(tenant) as work:
            boards = work.ticket_boards
            for act in (boards.get, boards.hold, boards.make_default, boards.remove):
                with pytest.raises(BoardNotFound):
                    await act(board_id)

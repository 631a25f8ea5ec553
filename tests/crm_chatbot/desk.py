"""What people of a shop see to: tickets and their boards, read aloud."""

from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tickets.board import Board, BoardId, default_columns
from crm_chatbot.domain.tickets.template import TemplateId, TicketTemplate
from crm_chatbot.domain.tickets.ticket import Comment, CommentId, Ticket, TicketId
from tests.crm_chatbot.builders import NOON, TENANT


def a_board(name: str = "General", **facts: Any) -> Board:
    """With a column for each status."""
    named: dict[str, Any] = {
        "id": BoardId(uuid7()),
        "tenant_id": TENANT,
        "name": name,
        "columns": default_columns(Language.ENGLISH),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Board(**named | facts)


def a_ticket(board: Board, subject: str = "A parcel is missing", **facts: Any) -> Ticket:
    """Open, and nobody's."""
    named: dict[str, Any] = {
        "id": TicketId(uuid7()),
        "tenant_id": TENANT,
        "number": 1,
        "board_id": board.id,
        "subject": subject,
        "opened_by": "key 1",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Ticket(**named | facts)


def a_comment(ticket: Ticket, text: str = "I have called the courier.", **facts: Any) -> Comment:
    """By a colleague."""
    named: dict[str, Any] = {
        "id": CommentId(uuid7()),
        "ticket_id": ticket.id,
        "author": "key 2",
        "text": text,
        "created_at": NOON,
    }
    return Comment(**named | facts)


def a_template(name: str = "Missing parcel", **facts: Any) -> TicketTemplate:
    """Without variables."""
    named: dict[str, Any] = {
        "id": TemplateId(uuid7()),
        "tenant_id": TENANT,
        "name": name,
        "subject_template": "A parcel is missing",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return TicketTemplate(**named | facts)

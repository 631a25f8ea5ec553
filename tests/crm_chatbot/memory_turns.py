"""Turns, and what tools did in them, in memory."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crm_chatbot.application.ports import Spent
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.conversations.message import TurnId
from crm_chatbot.domain.turns.turn import Execution, Tally, Turn, TurnStatus
from shared.llm.budgets import Reservation
from tests.crm_chatbot.memory_chats import Chats


@dataclass
class MemoryTurns:
    """Honours crm_chatbot.domain.turns.turn.Turns."""

    chats: Chats
    now: datetime

    async def running(self, conversation_id: ConversationId, /) -> Turn | None:
        running = (turn for turn in self._of(conversation_id) if turn.status is TurnStatus.RUNNING)
        return copy.deepcopy(next(running, None))

    async def add(self, turn: Turn, /) -> None:
        self.chats.turns[turn.id] = copy.deepcopy(turn)

    async def save(self, turn: Turn, /) -> None:
        self.chats.turns[turn.id] = copy.deepcopy(turn)

    async def tally(self, conversation_id: ConversationId, /) -> Tally:
        ended = [
            turn for turn in self._of(conversation_id) if turn.status is not TurnStatus.RUNNING
        ]
        hour = [turn for turn in ended if turn.started_at > self.now - timedelta(hours=1)]
        return Tally(
            turns_last_hour=len(hour),
            turns_last_day=sum(turn.started_at > self.now - timedelta(days=1) for turn in ended),
            outcomes=frozenset(turn.outcome for turn in hour if turn.outcome),
        )

    async def forget_progress(self, turn_id: TurnId, /) -> None: ...

    def _of(self, conversation_id: ConversationId) -> list[Turn]:
        found = self.chats.turns.values()
        return [turn for turn in found if turn.conversation_id == conversation_id]


@dataclass
class MemoryExecutions:
    """Honours crm_chatbot.domain.turns.turn.Executions."""

    chats: Chats

    async def result_of(
        self, turn_id: TurnId, /, *, key: str, tool: str, arguments_hash: str, occurrence: int
    ) -> Mapping[str, Any] | None:
        for one in self.chats.executions:
            is_call = (one.turn_id, one.tool, one.arguments_hash) == (turn_id, tool, arguments_hash)
            if is_call and (one.key == key or one.occurrence == occurrence):
                return one.result
        return None

    async def add(self, execution: Execution, /) -> None:
        self.chats.executions.append(execution)


@dataclass
class MemoryLedger:
    """Honours crm_chatbot.application.ports.Ledger."""

    recorded: dict[TurnId, list[Spent]] = field(default_factory=dict[TurnId, list[Spent]])

    async def record(
        self, turn_id: TurnId, spent: Sequence[Spent], reservations: Sequence[Reservation], /
    ) -> None:
        known = self.recorded.setdefault(turn_id, [])
        known += [one for one in spent if one not in known]

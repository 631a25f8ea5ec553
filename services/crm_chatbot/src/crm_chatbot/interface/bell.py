"""What crm_chatbot's workers hear on `crm_tasks`: that a conversation will be ready."""

from collections.abc import Sequence

from crm_chatbot.application.turns.mailbox import Worker
from shared.contracts import TurnDue
from shared.interface.queues import Received, Subscription


def bell(worker: Worker) -> Subscription:
    async def due(heard: Sequence[Received[TurnDue]]) -> None:
        for one in heard:
            worker.ring(one.message.in_s)

    return Subscription(TurnDue, due)

"""What the sender reports of a message: it left, or it did not; then the next one may leave."""

from dataclasses import dataclass

from crm_chatbot.application.conversations.outbound import end, hand_next
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.tickets.occasions import unsent
from crm_chatbot.application.tickets.opening import NewId
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationNotFound
from crm_chatbot.domain.conversations.message import (
    Message,
    MessageId,
    MessageNotFound,
    MessageState,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from shared import logs, metrics
from shared.contracts import WhatsAppNotSent, WhatsAppSent
from shared.crash_points import crash_point
from shared.domain import Clock

log = logs.get()

Report = WhatsAppSent | WhatsAppNotSent

_LEAVING = frozenset({MessageState.QUEUED, MessageState.HANDED})
#: A chat that becomes part of another takes its messages along: they are looked for again.
_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class ResultService:
    """Harmless the second time, and in any order."""

    open_work: OpenWork
    now: Clock
    new_id: NewId
    #: how long the sender may be silent before it is asked again
    patience_s: float

    async def learn(self, report: Report) -> None:
        """End the message that a report is about, and let the next one leave.

        Raises DatabaseUnavailable.
        """
        try:
            crash_point("crm.before_result")
            async with self.open_work(TenantId(report.tenant_id)) as work:
                await self._learn(work, report)
            crash_point("crm.result_noted")
        except MessageNotFound:
            kind = type(report).__name__
            log.warning("result.orphaned", kind=kind, message_id=str(report.message_id))
            metrics.messages_orphaned.labels(kind).inc()

    async def _learn(self, work: Work, report: Report) -> None:
        message, conversation = await _locked(work, MessageId(report.message_id))
        if not _is_news(message, report):
            return
        message.wa_ids = tuple(report.wa_ids)
        if isinstance(report, WhatsAppSent):
            message.sent_at = self.now()
            await end(work, message, MessageState.SENT)
        else:
            await end(work, message, MessageState(report.outcome), report.code)
            if report.outcome == "failed":
                await unsent(work, conversation, now=self.now(), new_id=self.new_id)
        await hand_next(work, conversation, now=self.now(), patience_s=self.patience_s)


def _is_news(message: Message, report: Report) -> bool:
    """What was given up, or taken back, may have left all the same; what left stays so."""
    if message.state in _LEAVING:
        return True
    return isinstance(report, WhatsAppSent) and message.state is not MessageState.SENT


async def _locked(work: Work, message_id: MessageId) -> tuple[Message, Conversation]:
    """A message as it is while its conversation is locked. Raises MessageNotFound."""
    for _ in range(_TRIES):
        whose = (await work.messages.get(message_id)).conversation_id
        try:
            conversation = await work.conversations.lock(whose)
        except ConversationNotFound:
            continue
        return await work.messages.get(message_id), conversation
    raise MessageNotFound(message_id=message_id)

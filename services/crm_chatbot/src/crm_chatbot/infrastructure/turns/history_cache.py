"""What was said in a conversation, kept in Redis for a while: a hint, with the place it ends at."""

from collections.abc import Sequence
from typing import Any, cast

from crm_chatbot.application.turns.service import Remembered
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.infrastructure.redis import Hints
from shared.llm.chat import ChatMessage


class RedisHistories:
    """Honours crm_chatbot.application.turns.service.Histories."""

    def __init__(self, hints: Hints, *, ttl_s: float) -> None:
        self._hints = hints
        self._ttl_s = ttl_s

    async def get(
        self, tenant_id: TenantId, conversation_id: ConversationId, /
    ) -> Remembered | None:
        try:
            kept = await self._hints.get(_key(tenant_id, conversation_id))
            return None if kept is None else _remembered(kept)
        except (KeyError, TypeError, ValueError):
            return None  # Redis holds hints; this one is none of ours

    async def put(
        self, tenant_id: TenantId, conversation_id: ConversationId, remembered: Remembered, /
    ) -> None:
        said = [[message.role, message.text] for message in remembered.said]
        kept = {"seq": remembered.seq, "said": said}
        await self._hints.put({_key(tenant_id, conversation_id): kept}, ttl_s=self._ttl_s)


def _key(tenant_id: TenantId, conversation_id: ConversationId) -> str:
    return f"history:{tenant_id}:{conversation_id}"


def _remembered(kept: Any) -> Remembered:  # noqa: ANN401 - whatever lay there
    seq, said = kept["seq"], cast("Sequence[tuple[str, str]]", kept["said"])
    if not isinstance(seq, int):
        raise TypeError
    return Remembered(seq, tuple(_message(role, text) for role, text in said))


def _message(role: str, text: str) -> ChatMessage:
    # Nothing that lies in Redis may speak as the system, nor as a tool.
    if role == "user":
        return ChatMessage("user", str(text))
    if role == "assistant":
        return ChatMessage("assistant", str(text))
    raise ValueError(role)

"""How far a conversation has come: moved by what happened, and noted where that moved anything."""

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.conversation import Conversation, Happening


async def move_on(work: Work, conversation: Conversation, happening: Happening) -> None:
    """The conversation is locked; the caller need not save it for this."""
    before = conversation.state
    if conversation.happened(happening) is before:
        return
    await work.conversations.save(conversation)
    facts = {"before": before, "after": conversation.state}
    await work.timeline.note(conversation.id, "conversation.state_changed", **facts)

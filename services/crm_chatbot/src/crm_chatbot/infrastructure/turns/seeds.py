"""What the catalogue holds for crm_chatbot from the start: words that operators may change."""

from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.turns.desk import ASSISTANT, MODERATION
from crm_chatbot.application.turns.moderation import WORDS
from crm_chatbot.application.turns.prompting import RULES
from shared.llm.catalogue import PromptTemplate
from shared.llm.seeds import sow
from shared.llm.store import TEMPLATES

SEED_TEMPLATES = (
    PromptTemplate(
        name=ASSISTANT,
        content=RULES,
        description="What every shop's assistant on WhatsApp must keep to; has no variables",
    ),
    PromptTemplate(
        name=MODERATION,
        content=WORDS,
        description="How messages and replies on WhatsApp are moderated; has no variables",
    ),
)


async def seed_templates(session: AsyncSession) -> None:
    """Harmless the second time; never touches what is there."""
    await sow(session, TEMPLATES, SEED_TEMPLATES)

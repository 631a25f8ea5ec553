"""What crm_chatbot hears on `wa_results`: what became of the messages that it had sent."""

from collections.abc import Sequence

from crm_chatbot.application.conversations.results import ResultService
from shared.contracts import WhatsAppNotSent, WhatsAppSent
from shared.interface.queues import Received, Subscription


def subscriptions(results: ResultService) -> list[Subscription]:
    async def sent(heard: Sequence[Received[WhatsAppSent]]) -> None:
        for one in heard:
            await results.learn(one.message)

    async def not_sent(heard: Sequence[Received[WhatsAppNotSent]]) -> None:
        for one in heard:
            await results.learn(one.message)

    return [Subscription(WhatsAppSent, sent), Subscription(WhatsAppNotSent, not_sent)]

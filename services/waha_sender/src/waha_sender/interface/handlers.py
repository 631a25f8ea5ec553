"""What waha_sender hears on `wa_messages`."""

from collections.abc import Sequence

from shared.contracts import (
    ForgetWhatsApp,
    SendWhatsApp,
    WhatsAppSessionChanged,
    WithdrawWhatsApp,
)
from shared.interface.queues import Received, Subscription
from waha_sender.application.worker import Worker


def subscriptions(worker: Worker) -> list[Subscription]:
    async def send(heard: Sequence[Received[SendWhatsApp]]) -> None:
        for one in heard:
            await worker.take(one.message, one.headers)

    async def withdraw(heard: Sequence[Received[WithdrawWhatsApp]]) -> None:
        for one in heard:
            await worker.withdraw(one.message.tenant_id, one.message.message_ids)

    async def forget(heard: Sequence[Received[ForgetWhatsApp]]) -> None:
        for one in heard:
            await worker.forget(one.message.tenant_id, one.message.message_ids)

    async def session_changed(heard: Sequence[Received[WhatsAppSessionChanged]]) -> None:
        for one in heard:
            told = one.message
            await worker.session_changed(told.tenant_id, told.session, told.status)

    return [
        Subscription(SendWhatsApp, send),
        Subscription(WithdrawWhatsApp, withdraw),
        Subscription(ForgetWhatsApp, forget),
        Subscription(WhatsAppSessionChanged, session_changed),
    ]

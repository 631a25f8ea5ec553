"""What waha_sender hears on `wa_messages`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from shared.contracts import (
    ForgetWhatsApp,
    Message,
    SendWhatsApp,
    WhatsAppSessionChanged,
    WithdrawWhatsApp,
)
from shared.interface.queues import Received, Subscription
from waha_sender.application.worker import Worker

Heard = TypeVar("Heard", bound=Message)


def subscriptions(worker: Worker) -> list[Subscription]:
    async def send(one: Received[SendWhatsApp]) -> None:
        await worker.take(one.message, one.headers)

    async def withdraw(one: Received[WithdrawWhatsApp]) -> None:
        await worker.withdraw(one.message.tenant_id, one.message.message_ids)

    async def forget(one: Received[ForgetWhatsApp]) -> None:
        await worker.forget(one.message.tenant_id, one.message.message_ids)

    async def session_changed(one: Received[WhatsAppSessionChanged]) -> None:
        told = one.message
        await worker.session_changed(told.tenant_id, told.session, told.status)

    return [
        Subscription(SendWhatsApp, _one_by_one(send)),
        Subscription(WithdrawWhatsApp, _one_by_one(withdraw)),
        Subscription(ForgetWhatsApp, _one_by_one(forget)),
        Subscription(WhatsAppSessionChanged, _one_by_one(session_changed)),
    ]


def _one_by_one(
    hear: Callable[[Received[Heard]], Awaitable[None]],
) -> Callable[[Sequence[Received[Heard]]], Awaitable[None]]:
    async def hear_all(heard: Sequence[Received[Heard]]) -> None:
        for one in heard:
            await hear(one)

    return hear_all

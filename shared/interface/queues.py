"""From a carrier's bytes to a use case: parse, hand over in batches, say what became of each."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from pydantic import ValidationError

from shared import logs, metrics
from shared.availability import DatabaseUnavailable
from shared.contracts import Message
from shared.crash_points import crash_point
from shared.domain import DomainError
from shared.messaging import Handle, Incoming, Outcome

log = logs.get()

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True)
class Received(Generic[MessageT]):
    """A message that could be read, and the headers it came with (a trace's, for one)."""

    message: MessageT
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Subscription:
    """Who hears one kind of message. `handle` must be harmless the second time."""

    def __init__(
        self,
        kind: type[MessageT],
        handle: Callable[[Sequence[Received[MessageT]]], Awaitable[None]],
    ) -> None:
        self.kind: type[Message] = kind
        # A list of subscriptions holds many kinds; which messages go where is decided by `kind`.
        self.handle = cast("Callable[[Sequence[Received[Message]]], Awaitable[None]]", handle)


def handler(subscriptions: Sequence[Subscription]) -> Handle:
    """What a carrier's `listen` calls for one queue.

    A batch that fails is handed over again one by one, so that a single bad message cannot take
    others with it. DatabaseUnavailable rises: then the carrier keeps the whole batch and tries
    later. A message that nobody here can read is set aside; one that a newer version wrote is
    dropped, because the row behind it is asked about again until a newer reader answers.
    """
    by_kind = {subscription.kind.__name__: subscription for subscription in subscriptions}

    async def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        outcomes = [Outcome.DONE] * len(batch)
        readable: dict[str, list[tuple[int, Received[Message]]]] = {}
        for place, incoming in enumerate(batch):
            try:
                subscription = by_kind[incoming.kind]
                message = subscription.kind.model_validate_json(incoming.body)
            except (KeyError, ValidationError) as unreadable:
                outcomes[place] = _unreadable(incoming, unreadable)
                continue
            if message.v > subscription.kind.VERSION:
                log.warning("message.too_new", kind=incoming.kind, v=message.v)
                metrics.messages_too_new.labels(incoming.kind).inc()
                continue
            received = Received(message, dict(incoming.headers))
            readable.setdefault(incoming.kind, []).append((place, received))
        for kind, messages in readable.items():
            for place, outcome in await _hand_over(by_kind[kind], messages):
                outcomes[place] = outcome
        crash_point("messages.handled")
        return outcomes

    return handle


async def _hand_over(
    subscription: Subscription, messages: list[tuple[int, Received[Message]]]
) -> list[tuple[int, Outcome]]:
    try:
        await subscription.handle([received for _, received in messages])
    except DatabaseUnavailable:
        raise
    except DomainError as refusal:
        if len(messages) == 1:
            log.info("message.refused", kind=subscription.kind.__name__, code=refusal.code)
            return [(messages[0][0], Outcome.DONE)]
    except Exception:
        if len(messages) == 1:
            log.exception("message.failed", kind=subscription.kind.__name__)
            metrics.messages_dead.labels(subscription.kind.__name__).inc()
            return [(messages[0][0], Outcome.DEAD)]
    else:
        return [(place, Outcome.DONE) for place, _ in messages]
    return [one for message in messages for one in await _hand_over(subscription, [message])]


def _unreadable(incoming: Incoming, reason: KeyError | ValidationError) -> Outcome:
    log.warning("message.unreadable", kind=incoming.kind[:80], reason=type(reason).__name__)
    metrics.messages_dead.labels("unreadable").inc()
    return Outcome.DEAD

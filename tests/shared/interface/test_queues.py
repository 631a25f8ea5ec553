"""What becomes of a message: done, or set aside; a batch never suffers for one of its own."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from shared.availability import DatabaseUnavailable
from shared.contracts import CancelPrompt, PromptsStarted
from shared.domain import Conflict
from shared.interface.queues import Received, Subscription, handler
from shared.messaging import Incoming, Outcome

DONE, DEAD = Outcome.DONE, Outcome.DEAD


class NotNow(Conflict):
    message = "Not now."


class Desk:
    """Hears cancellations; fails for the ids that it is told to fail for."""

    def __init__(self) -> None:
        self.heard: list[UUID] = []
        self.batches: list[int] = []
        self.fails: dict[UUID, Exception] = {}
        self.handle = handler([Subscription(CancelPrompt, self._hear)])

    async def _hear(self, batch: Sequence[Received[CancelPrompt]]) -> None:
        self.batches.append(len(batch))
        for received in batch:
            if error := self.fails.get(received.message.job_id):
                raise error
        self.heard += [received.message.job_id for received in batch]


def a_message(job_id: UUID | None = None, **changes: object) -> Incoming:
    body = CancelPrompt(job_id=job_id or uuid4()).model_copy(update=changes)
    return Incoming("1", "CancelPrompt", body.model_dump_json().encode())


async def test_a_batch_is_handed_over_as_one() -> None:
    desk = Desk()

    assert await desk.handle([a_message() for _ in range(3)]) == [DONE, DONE, DONE]
    assert desk.batches == [3]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("CancelPrompt", b""),
        ("CancelPrompt", b"{"),
        ("CancelPrompt", b"\x1f\x8b\x08\x00"),
        ("CancelPrompt", b"[]"),
        ("CancelPrompt", b"{}"),
        ("CancelPrompt", b'{"job_id": "7"}'),
        ("CancelPrompt", b"x" * 10_000_000),
        ("PromptsStarted", PromptsStarted(job_ids=[]).model_dump_json().encode()),
        ("", b'{"job_id": "00000000-0000-4000-8000-000000000000"}'),
    ],
)
async def test_what_nobody_can_read_is_set_aside_and_its_neighbours_are_heard(
    kind: str, body: bytes
) -> None:
    desk = Desk()

    outcomes = await desk.handle([a_message(), Incoming("2", kind, body), a_message()])

    assert outcomes == [DONE, DEAD, DONE]
    assert len(desk.heard) == 2


async def test_a_newer_message_is_left_to_a_newer_reader() -> None:
    desk = Desk()

    assert await desk.handle([a_message(v=99)]) == [DONE]
    assert desk.heard == []


async def test_a_refusal_is_an_answer() -> None:
    desk, refused = Desk(), uuid4()
    desk.fails[refused] = NotNow()

    assert await desk.handle([a_message(), a_message(refused)]) == [DONE, DONE]
    assert len(desk.heard) == 1


async def test_a_bug_sets_aside_only_the_message_that_meets_it() -> None:
    desk, unlucky = Desk(), uuid4()
    desk.fails[unlucky] = KeyError("bug")

    outcomes = await desk.handle([a_message(), a_message(unlucky), a_message()])

    assert outcomes == [DONE, DEAD, DONE]
    assert desk.batches == [3, 1, 1, 1]


async def test_an_outage_is_nobodys_fault_and_keeps_the_whole_batch() -> None:
    desk, one = Desk(), uuid4()
    desk.fails[one] = DatabaseUnavailable("away")

    with pytest.raises(DatabaseUnavailable):
        await desk.handle([a_message(), a_message(one)])


async def test_headers_come_along() -> None:
    traces: list[dict[str, str]] = []

    async def hear(batch: Sequence[Received[CancelPrompt]]) -> None:
        traces.extend(received.headers for received in batch)

    message = a_message()
    await handler([Subscription(CancelPrompt, hear)])(
        [Incoming(message.id, message.kind, message.body, {"traceparent": "00-1"})]
    )

    assert traces == [{"traceparent": "00-1"}]

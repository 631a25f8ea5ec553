"""The worst that happened to a part is what happened to the message."""

from uuid import UUID

import pytest

from shared.contracts import Message, WhatsAppNotSent, WhatsAppSent
from tests.waha_sender.builders import TENANT, a_delivery
from waha_sender.application.deliveries import DeliveryState
from waha_sender.application.outcomes import outcome_of

S = DeliveryState
MESSAGE = UUID(int=7)


def outcome(*states: DeliveryState) -> Message | None:
    return outcome_of(
        [
            a_delivery(
                message_id=MESSAGE,
                part=n,
                state=state,
                wa_id=f"id-{n}",
                error_code=None if state is S.SENT else f"code-{n}",
                error_detail="why",
            )
            for n, state in enumerate(states)
        ]
    )


@pytest.mark.parametrize(
    "states", [(), (S.WAITING,), (S.SENT, S.SENDING), (S.FAILED, S.WAITING), (S.SENDING, S.UNKNOWN)]
)
def test_nothing_is_said_while_any_part_may_leave(states: tuple[DeliveryState, ...]) -> None:
    assert outcome(*states) is None


def test_it_is_sent_when_every_part_is() -> None:
    sent = WhatsAppSent(message_id=MESSAGE, tenant_id=TENANT, wa_ids=["id-0", "id-1"])

    assert outcome(S.SENT, S.SENT) == sent


def test_a_part_may_have_left_without_an_id() -> None:
    part = a_delivery(message_id=MESSAGE, state=S.SENT)

    assert outcome_of([part]) == WhatsAppSent(message_id=MESSAGE, tenant_id=TENANT, wa_ids=[])


@pytest.mark.parametrize(
    ("states", "word", "code", "wa_ids"),
    [
        ((S.SENT, S.FAILED, S.FAILED), "failed", "code-1", ["id-0"]),
        ((S.UNKNOWN, S.FAILED), "failed", "code-1", []),
        ((S.UNKNOWN, S.SENT), "unknown", "code-0", ["id-1"]),
        ((S.SENT, S.WITHDRAWN), "withdrawn", "code-1", ["id-0"]),
        ((S.WITHDRAWN, S.UNKNOWN), "unknown", "code-1", []),
    ],
)
def test_it_is_not_sent_when_one_part_is_not(
    states: tuple[DeliveryState, ...], word: str, code: str, wa_ids: list[str]
) -> None:
    told = outcome(*states)

    assert isinstance(told, WhatsAppNotSent)
    assert (told.outcome, told.code, told.detail, told.wa_ids) == (word, code, "why", wa_ids)

"""The vendor's own published client, which knows nothing of simulators, gets along with ours."""

# The client has no types, and nobody wrote any for it.
# mypy: disable-error-code="import-untyped"
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, cast

import midtransclient
import pytest
from midtransclient.config import ApiConfig
from midtransclient.error_midtrans import MidtransAPIError

from simulators.midtrans.payloads import sign
from tests.simulators.midtrans.house import KEY, ORDER, House, asked

Answer = TypeVar("Answer")
Snap = Any  # the vendor's, which has no types


async def waited(ask: Callable[..., Answer], *arguments: object) -> Answer:
    """The client blocks; the simulator runs in this loop."""
    return await asyncio.to_thread(ask, *arguments)


@pytest.fixture
def snap(house: House) -> Snap:
    config: Any = ApiConfig(is_production=False, server_key=KEY)
    config.SNAP_SANDBOX_BASE_URL = f"{house.url}/midtrans/snap/v1"
    config.CORE_SANDBOX_BASE_URL = f"{house.url}/midtrans"
    client = cast("Any", midtransclient).Snap(server_key=KEY)
    client.api_config = config
    return client


async def test_it_creates_and_reads_a_payment(house: House, snap: Snap) -> None:
    made = await waited(snap.create_transaction, asked())
    await house.does("choose", method="bca_va")
    pending = await waited(snap.transactions.status, ORDER)
    await house.does("pay")
    paid = await waited(snap.transactions.status, pending["transaction_id"])

    assert (await house.page(made["redirect_url"])).status == 200
    assert pending["transaction_status"] == "pending"
    assert (paid["transaction_status"], paid["gross_amount"]) == ("settlement", "170000.00")


async def test_it_confirms_a_notification_by_asking_for_the_status(
    house: House, snap: Snap
) -> None:
    await house.paid()
    (_, told) = await house.told(2)

    stands = await waited(snap.transactions.notification, told)

    assert stands["transaction_status"] == "settlement"
    assert stands["signature_key"] == sign(ORDER, "200", "170000.00", KEY)


async def test_it_cancels_expires_and_refunds(house: House, snap: Snap) -> None:
    for order in ("A", "B", "C"):
        details = {"order_id": order, "gross_amount": 170_000}
        await waited(snap.create_transaction, asked(transaction_details=details))
        await house.does("choose", order, method="gopay")
    await house.does("pay", "C")

    cancelled = await waited(snap.transactions.cancel, "A")
    expired = await waited(snap.transactions.expire, "B")
    part = await waited(snap.transactions.refund, "C", {"refund_key": "R-1", "amount": 50_000})
    rest = await waited(snap.transactions.refundDirect, "C", {"refund_key": "R-2"})

    assert cancelled["transaction_status"] == "cancel"
    assert (expired["status_code"], expired["transaction_status"]) == ("407", "expire")
    assert part["transaction_status"] == "partial_refund"
    assert rest["transaction_status"] == "refund"


async def test_it_understands_refusals(house: House, snap: Snap) -> None:
    await waited(snap.create_transaction, asked())

    with pytest.raises(MidtransAPIError) as unknown:
        await waited(snap.transactions.status, ORDER)
    with pytest.raises(MidtransAPIError) as wrong_sum:
        details = {"order_id": "X", "gross_amount": 1}
        await waited(snap.create_transaction, asked(transaction_details=details))
    snap.api_config.server_key = "wrong"
    with pytest.raises(MidtransAPIError) as stranger:
        await waited(snap.create_transaction, asked())

    assert cast("Any", unknown.value).api_response_dict["status_code"] == "404"
    assert wrong_sum.value.http_status_code == 400
    assert stranger.value.http_status_code == 401

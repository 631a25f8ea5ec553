"""The vendor's own published client, which knows nothing of simulators, gets along with ours."""

# The client's types say little of what it gives.
# mypy: disable-error-code="import-untyped"
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest
import xendit
from xendit.apis import InvoiceApi, RefundApi
from xendit.invoice.model import CreateInvoiceRequest
from xendit.refund.model import CreateRefund

from tests.simulators.xendit.house import KEY, ORDER, House

Client = Any  # the vendor's


async def waited(ask: Callable[..., Any], *arguments: object, **named: object) -> Client:
    """The client blocks; the simulator runs in this loop."""
    return await asyncio.to_thread(ask, *arguments, **named)


@pytest.fixture
def client(house: House) -> Generator[Client]:
    configuration: Any = xendit.Configuration(host=f"{house.url}/xendit", api_key=KEY)
    with xendit.ApiClient(configuration) as client:
        yield client
        client.rest_client.pool_manager.clear()


def request(**more: Any) -> Client:
    return CreateInvoiceRequest(external_id=ORDER, amount=170_000.0, currency="IDR", **more)


async def test_it_creates_reads_and_finds_an_invoice(house: House, client: Client) -> None:
    invoices = InvoiceApi(client)

    made = await waited(invoices.create_invoice, request(payment_methods=["QRIS"]))
    await house.does("pay")
    paid = await waited(invoices.get_invoice_by_id, made.id)
    (found,) = await waited(invoices.get_invoices, external_id=ORDER)

    assert (made.status.value, made.amount) == ("PENDING", 170_000.0)
    assert (paid.status.value, paid.payment_method.value) == ("PAID", "QR_CODE")
    assert found.id == made.id
    assert (await house.page(made.invoice_url)).status == 200


async def test_it_expires_an_invoice(client: Client) -> None:
    invoices = InvoiceApi(client)
    made = await waited(invoices.create_invoice, request())

    expired = await waited(invoices.expire_invoice, made.id)

    assert expired.status.value == "EXPIRED"


async def test_it_refunds_and_reads_the_refund(house: House, client: Client) -> None:
    refunds = RefundApi(client)
    made = await waited(InvoiceApi(client).create_invoice, request())
    await house.does("pay", channel="DANA")
    body = CreateRefund(invoice_id=made.id, amount=50_000.0, reason="REQUESTED_BY_CUSTOMER")

    asked = await waited(refunds.create_refund, idempotency_key="once", create_refund=body)
    again = await waited(refunds.create_refund, idempotency_key="once", create_refund=body)
    await house.hears(2)
    done = await waited(refunds.get_refund, asked.id)

    assert asked.id == again.id
    assert (done.amount, done.status) == (50_000.0, "SUCCEEDED")


async def test_it_understands_refusals(house: House, client: Client) -> None:
    invoices = InvoiceApi(client)

    with pytest.raises(xendit.XenditSdkException) as unknown:
        await waited(invoices.get_invoice_by_id, "unknown")
    with pytest.raises(xendit.XenditSdkException) as too_little:
        little = CreateInvoiceRequest(external_id="A", amount=1.0, payment_methods=["BCA"])
        await waited(invoices.create_invoice, little)

    assert unknown.value.status == "404"
    assert unknown.value.errorCode == "INVOICE_NOT_FOUND_ERROR"
    assert too_little.value.errorCode == "MINIMAL_TRANSFER_AMOUNT_ERROR"

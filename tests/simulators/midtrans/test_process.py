"""Merchants of both providers may be there from the start, when the simulators are a process."""

from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, encode_basic_auth

from simulators.journal import Journal
from tests.simulators.midtrans.house import asked
from tests.simulators.test_main import process
from tests.simulators.waha.receiver import receiving
from tests.waiting import until

pytestmark = pytest.mark.slow


async def post(
    http: ClientSession, path: str, body: object, headers: dict[str, str] | None = None
) -> int:
    async with http.post(path, json=body, headers=headers) as answer:
        await answer.read()
        return answer.status


async def test_merchants_can_be_there_from_the_start(tmp_path: Path) -> None:
    async with receiving() as receiver:
        hook = receiver.url
        options = ["--midtrans-key", "server", "--midtrans-webhook", hook]
        options += ["--xendit-key", "secret", "--xendit-token", "token", "--xendit-webhook", hook]
        path = tmp_path / "journal.jsonl"
        with process(path, *options) as (_, url):
            async with ClientSession(url, timeout=ClientTimeout(total=10)) as http:
                at_midtrans = {"Authorization": encode_basic_auth("server", "")}
                at_xendit = {"Authorization": encode_basic_auth("secret", "")}
                order = asked()["transaction_details"]["order_id"]
                create = "/midtrans/snap/v1/transactions"
                invoice = {"external_id": "A", "amount": 50_000}
                statuses = [
                    await post(http, create, asked(), at_midtrans),
                    await post(http, f"/midtrans/control/orders/{order}/choose", {}),
                    await post(http, "/xendit/v2/invoices", invoice, at_xendit),
                    await post(http, "/xendit/control/invoices/A/pay", {}),
                    await post(http, create, asked()),
                ]
                await until(lambda: len(receiver.heard) >= 2, "both are told", within=5)

    assert statuses == [201, 200, 200, 200, 401]
    assert {one.headers.get("x-callback-token") for one in receiver.heard} == {None, "token"}
    assert [one.text for one in Journal.read(path) if one.facts["call"] == "notice"] == [order, "A"]


async def test_every_key_may_be_let_in(tmp_path: Path) -> None:
    with process(tmp_path / "journal.jsonl", "--any-payment-key") as (_, url):
        async with ClientSession(url, timeout=ClientTimeout(total=10)) as http:
            anybody = {"Authorization": encode_basic_auth("anybody", "")}
            invoice = {"external_id": "A", "amount": 50_000}
            status = await post(http, "/xendit/v2/invoices", invoice, anybody)

    assert status == 200

"""Payments over HTTP: accounts, callbacks, and money that goes both ways at the simulators."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import ClientSession

from crm_chatbot.application.orders import lifecycle
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.availability import DatabaseUnavailable
from simulators.main import create_app
from simulators.midtrans.server import Midtrans, MidtransSettings
from simulators.payments.calls import PaymentRule
from simulators.serving import serve
from simulators.xendit.server import Xendit
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.deals import a_line, another_customer, placed, shelved
from tests.crm_chatbot.memory_payments import MemoryPaymentDirectory
from tests.crm_chatbot.paying import MIDTRANS_KEY, a_notification
from tests.crm_chatbot.running import Running, running
from tests.served import TENANT, said
from tests.waiting import until

HOOK = "/v1/crm/payments/callback/midtrans"
ACCOUNT = f"/v1/crm/tenants/{TENANT}/payment-accounts"


@dataclass
class World:
    """The API with its worker, and both providers' stand-ins."""

    api: Running
    url: str
    http: ClientSession
    midtrans: Midtrans
    xendit: Xendit

    async def confirmed(self) -> OrderId:
        """Two packs for Rp170.000, by a new customer who chats."""
        async with self.api.menu.open_work(TenantId(TENANT)) as work:
            tenant = await work.tenants.get(TenantId(TENANT))
            customer = await another_customer(work)
            variant = await shelved(work, 5)
            now = self.api.ground.clock()
            line = a_line(variant, quantity=2, unit_price=variant.price)
            order = await placed(work, customer, line, created_at=NOON)
            await lifecycle.confirm(work, tenant, order, now=now, actor="customer")
        return order.id

    async def control(self, path: str, body: object = None) -> None:
        async with self.http.post(f"{self.url}{path}", json=body or {}) as answer:
            assert answer.status < 300, await answer.text()


@pytest.fixture
async def world(database_url: str, redis_url: str, tmp_path: Path) -> AsyncGenerator[World]:
    midtrans, xendit = Midtrans(), Xendit()
    midtrans.settings = MidtransSettings(retry_scale=0, refund_confirmed_after_s=0)
    midtrans.register(MIDTRANS_KEY)
    xendit.register("xnd_development_world", callback_token="token-of-the-world")  # noqa: S106 - pretend
    async with (
        serve(create_app(midtrans=midtrans, xendit=xendit)) as url,
        ClientSession() as http,
        running(
            database_url,
            redis_url,
            tmp_path,
            environment={
                "RUN": "api,worker",
                "MIDTRANS_SERVER_KEY": MIDTRANS_KEY,
                "MIDTRANS_BASE_URL": f"{url}/midtrans",
                "XENDIT_BASE_URL": f"{url}/xendit",
                "PAYMENT_POLL_S": "0.1",
            },
        ) as api,
    ):
        yield World(api, url, http, midtrans, xendit)


async def eventually(client: httpx.AsyncClient, path: str, status: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        view: dict[str, Any] = (await client.get(path)).json()
        return view if view["status"] == status else None

    view: dict[str, Any] | None = await until(found, f"{path} is {status}", within=20)
    return view or {}


async def asked_for(client: httpx.AsyncClient, order_id: OrderId) -> str:
    """Where the payment of an order is."""
    asked = await client.post(f"/v1/crm/orders/{order_id}/payments")
    assert asked.status_code == 202, asked.text
    return f"/v1/crm/payments/{asked.json()['id']}"


async def paid_at_midtrans(world: World, client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """By the customer, on the page; and Midtrans tells of it, twice."""
    opened = await eventually(client, path, "PENDING")
    assert opened["url"].startswith(f"{world.url}/midtrans/")
    await world.control(f"/midtrans/control/orders/{opened['reference']}/pay")
    transaction = next(iter(world.midtrans.transactions))
    body = a_notification(opened["reference"], MIDTRANS_KEY, transaction_id=transaction)
    async with world.api.client("stranger") as provider:
        first = await provider.post(HOOK, json=body)
        again = await provider.post(HOOK, json=body)
    assert first.json() == {"outcome": "taken"}
    assert again.json() == {"outcome": "duplicate"}
    return await eventually(client, path, "PAID")


async def test_an_order_is_paid_at_midtrans_and_a_part_of_it_goes_back(world: World) -> None:
    order_id = await world.confirmed()
    async with world.api.client("tenant") as client:
        path = await asked_for(client, order_id)
        paid = await paid_at_midtrans(world, client, path)
        assert paid["facts"][0]["kind"] == "settled"
        assert paid["events"][0]["body"]["transaction_status"] == "settlement"
        assert "signature_key" not in paid["events"][0]["body"]
        assert (await client.get(f"/v1/crm/orders/{order_id}")).json()["status"] == "PAID"

        key, wish = {"Idempotency-Key": "once"}, {"amount": 50_000, "reason": "Satu rusak"}
        refund = await client.post(f"{path}/refunds", json=wish, headers=key)
        twin = await client.post(f"{path}/refunds", json=wish, headers=key)
        assert refund.status_code == 202, refund.text
        assert twin.headers["Idempotent-Replayed"] == "true"
        assert twin.json()["id"] == refund.json()["id"]
        part = await eventually(client, path, "PARTLY_REFUNDED")
        assert part["refunded_amount"] == 50_000
        assert [one["status"] for one in part["refunds"]] == ["SUCCEEDED"]
        listed = (await client.get(f"/v1/crm/orders/{order_id}/payments")).json()
        assert [one["id"] for one in listed["payments"]] == [part["id"]]


async def test_an_order_is_paid_at_xendit_by_the_shops_own_account(world: World) -> None:
    order_id = await world.confirmed()
    secret, token = "xnd_development_world", "token-of-the-world"
    body = {"secret": secret, "callback_token": token, "is_default": True}
    async with world.api.client("tenant") as client:
        put = await client.put(f"{ACCOUNT}/xendit", json=body)
        assert put.status_code == 200, put.text
        assert secret not in put.text
        assert put.json()["secret"]["last4"] == "orld"
        path = await asked_for(client, order_id)
        opened = await eventually(client, path, "PENDING")
        assert opened["provider"] == "xendit"
        await world.control(f"/xendit/control/invoices/{opened['reference']}/pay")
        told = {"id": "6" * 24, "external_id": opened["reference"], "status": "PAID"}
        async with world.api.client("stranger") as provider:
            headers = {"x-callback-token": token}
            answer = await provider.post(
                "/v1/crm/payments/callback/xendit", json=told, headers=headers
            )
        assert answer.json() == {"outcome": "taken"}
        await eventually(client, path, "PAID")
        assert (await client.get(f"{ACCOUNT}/xendit")).json()["is_default"] is True
        assert (await client.delete(f"{ACCOUNT}/xendit")).status_code == 204
        assert said(await client.get(f"{ACCOUNT}/xendit")) == "404 no_payment_account"


async def test_a_provider_that_drops_its_answer_makes_one_link(world: World) -> None:
    order_id = await world.confirmed()
    rule = PaymentRule(call="create", reset="after", times=1)
    world.midtrans.script.set([rule])
    async with world.api.client("tenant") as client:
        asked = [
            (await client.post(f"/v1/crm/orders/{order_id}/payments")).json()["id"]
            for _ in range(20)
        ]
        assert len(set(asked)) == 1
        await eventually(client, f"/v1/crm/payments/{asked[0]}", "PENDING")

    assert sum(not one.is_void for one in world.midtrans.sessions.values()) == 1


@pytest.mark.parametrize(
    ("content", "kind", "answer"),
    [
        (b'{"order_id": "x"', "application/json", "400 malformed_json"),
        (b"[]", "application/json", "422 validation_failed #"),
        (b'{"order_id": "x"}', "application/json", "400 malformed_callback"),
        (b"order_id=x", "application/x-www-form-urlencoded", "415 unsupported_media_type"),
        (b'{"gross_amount": NaN}', "application/json", "400 malformed_json"),
    ],
)
async def test_what_cannot_be_read_is_refused_clearly(
    api: Running, content: bytes, kind: str, answer: str
) -> None:
    async with api.client("stranger") as client:
        got = await client.post(HOOK, content=content, headers={"Content-Type": kind})

    assert said(got) == answer


class Away(MemoryPaymentDirectory):
    """A database that does not answer."""

    async def tenant_of_callback(self, _: Provider, _names: Sequence[str], /) -> TenantId | None:
        raise DatabaseUnavailable("away")


async def test_while_the_database_is_away_a_provider_is_asked_to_try_again(api: Running) -> None:
    """503, which Midtrans tries four times more; after a 500 it tries once."""
    away = Away(dict, api.ground.clock)
    api.app.state.crm_callbacks = replace(api.app.state.crm_callbacks, directory=away)
    async with api.client("stranger") as client:
        answer = await client.post(HOOK, json=a_notification("ORD-1-x-A1", "key"))

    assert said(answer) == "503 database_unavailable"


async def test_nobody_else_is_told_of(api: Running) -> None:
    async with api.client("stranger") as client:
        unknown = await client.post(HOOK, json=a_notification("ORD-1-x-A1", "key"))
        elsewhere = await client.post("/v1/crm/payments/callback/paypal", json={})

    assert (said(unknown), said(elsewhere)) == ("404 not_found", "404 not_found")


async def test_an_account_without_what_it_needs_is_refused_where_it_is_wrong(api: Running) -> None:
    async with api.client("tenant") as client:
        no_key = await client.put(f"{ACCOUNT}/midtrans", json={})
        play = {"secret": "SB-Mid-server-abc", "is_production": True}
        wrong_key = await client.put(f"{ACCOUNT}/midtrans", json=play)
        nowhere = await client.put(f"{ACCOUNT}/paypal", json={})

    assert said(no_key) == "422 payment_account_rejected #/secret"
    assert said(wrong_key) == "422 payment_account_rejected #/secret"
    assert said(nowhere) == "404 not_found"

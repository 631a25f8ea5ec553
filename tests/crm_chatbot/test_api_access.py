"""P23: who may do what with crm_chatbot's routes; foreign ids look like absent ones.

Each row of `CASES` is tried by every kind of caller; a route without a row fails.
"""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from uuid_utils.compat import uuid7

from crm_chatbot.application.feed import Change
from crm_chatbot.application.payments.accounts import AccountChange
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.feed import LocalFeed
from crm_chatbot.interface.tenants import api as tenants_api
from crm_chatbot.wiring import SERVICE
from shared.infrastructure.database import Sessions, connect, sessions_of
from shared.interface.access import Caller
from shared.whatsapp.connections import ConnectionChange
from tests.crm_chatbot.furnished import Shop, furnish
from tests.crm_chatbot.stores import SqlCrm
from tests.databases import WorkerDatabase
from tests.isolation import everything_of
from tests.matrix import (
    MISSPELT,
    Case,
    Route,
    are_alike_in_time,
    call,
    declared,
    documented,
    parameters,
    told,
    without,
)
from tests.served import OTHER_TENANT, TENANT, Served, said, served
from tests.shared.whatsapp.fake_waha import MemoryWaha

pytestmark = pytest.mark.asyncio(loop_scope="module")

TENANTS = "/v1/crm/tenants"
SHOP = f"{TENANTS}/{{tenant_id}}"

CHAT = "/v1/crm/conversations/{conversation_id}"
CUSTOMER = "/v1/crm/customers/{customer_id}"
PRODUCT = f"{SHOP}/products/{{product_id}}"
STOCK = f"{PRODUCT}/variants/{{variant_id}}/stock"

ORDER = "/v1/crm/orders/{order_id}"
PAYMENT = "/v1/crm/payments/{payment_id}"
ACCOUNT = f"{SHOP}/payment-accounts/{{provider}}"
RULES = f"{SHOP}/automation-rules"
RULE = {"name": "mine", "when": {"kind": "outside_hours"}, "then": [{"kind": "hand_over"}]}
DISCOUNT = f"{SHOP}/discounts/{{discount_id}}"
TICKET = f"{SHOP}/tickets/{{ticket_id}}"
BOARD = f"{SHOP}/ticket-boards/{{board_id}}"
TICKET_TEMPLATE = f"{SHOP}/ticket-templates/{{template_id}}"
QUICK_REPLIES = f"{SHOP}/quick-replies"
QUICK_REPLY = f"{QUICK_REPLIES}/{{quick_reply_id}}"
OUR_CHAT = Shop(TenantId(TENANT), "").conversation.id
LABEL = f"{SHOP}/labels/{{label_id}}"

CASES: Mapping[Route, Case] = {
    ("GET", f"{SHOP}/orders"): Case(),
    ("GET", ORDER): Case(),
    ("GET", f"{ORDER}/events"): Case(),
    ("PUT", f"{ORDER}/status"): Case({"status": "CANCELLED"}, changes=True),
    ("PUT", f"{ORDER}/note"): Case({"note": "mine"}, changes=True),
    ("PUT", f"{ORDER}/address"): Case({"address": "mine"}, changes=True),
    ("GET", f"{ORDER}/payments"): Case(),
    ("POST", f"{ORDER}/payments"): Case({}, changes=True),
    ("GET", PAYMENT): Case(),
    ("POST", f"{PAYMENT}/refunds"): Case({"reason": "mine"}, changes=True),
    ("POST", f"{PAYMENT}/review"): Case({"approve": True}, changes=True),
    ("PUT", ACCOUNT): Case({"details": "mine"}, changes=True),
    ("GET", ACCOUNT): Case(),
    ("DELETE", ACCOUNT): Case(changes=True),
    ("GET", f"{SHOP}/events"): Case(),
    ("GET", f"{SHOP}/delivery"): Case(),
    ("PUT", f"{SHOP}/delivery"): Case({"default_fee": 0}, changes=True),
    ("GET", f"{SHOP}/ticket-targets"): Case(),
    ("PUT", f"{SHOP}/ticket-targets"): Case({"within_s": {"urgent": 7_200}}, changes=True),
    ("GET", f"{SHOP}/discounts"): Case(),
    ("POST", f"{SHOP}/discounts"): Case({"name": "mine", "percent": 5}, changes=True),
    ("GET", DISCOUNT): Case(),
    ("PATCH", DISCOUNT): Case({"name": "mine"}, changes=True),
    ("DELETE", DISCOUNT): Case(changes=True),
    ("GET", RULES): Case(),
    ("POST", RULES): Case(RULE, changes=True),
    ("GET", f"{RULES}/{{rule_id}}"): Case(),
    ("PUT", f"{RULES}/{{rule_id}}"): Case(RULE, changes=True),
    ("DELETE", f"{RULES}/{{rule_id}}"): Case(changes=True),
    ("PUT", f"{RULES}/order"): Case({"rule_ids": []}, changes=True),
    ("GET", f"{SHOP}/tickets"): Case(),
    ("POST", f"{SHOP}/tickets"): Case({"subject": "mine"}, changes=True),
    ("GET", TICKET): Case(),
    ("PATCH", TICKET): Case({"subject": "mine"}, changes=True),
    ("POST", f"{TICKET}/reopen"): Case(changes=True),
    ("GET", f"{TICKET}/comments"): Case(),
    ("POST", f"{TICKET}/comments"): Case({"text": "mine"}, changes=True),
    ("GET", f"{TICKET}/history"): Case(),
    ("GET", f"{SHOP}/ticket-boards"): Case(),
    ("POST", f"{SHOP}/ticket-boards"): Case({"name": "mine"}, changes=True),
    ("GET", BOARD): Case(),
    ("PATCH", BOARD): Case({"name": "mine"}, changes=True),
    ("DELETE", BOARD): Case(changes=True),
    ("GET", f"{SHOP}/ticket-templates"): Case(),
    ("POST", f"{SHOP}/ticket-templates"): Case(
        {"name": "mine", "subject_template": "mine"}, changes=True
    ),
    ("GET", TICKET_TEMPLATE): Case(),
    ("PATCH", TICKET_TEMPLATE): Case({"name": "mine"}, changes=True),
    ("DELETE", TICKET_TEMPLATE): Case(changes=True),
    ("GET", QUICK_REPLIES): Case(),
    ("POST", QUICK_REPLIES): Case({"shortcut": "mine", "content": "mine"}, changes=True),
    ("GET", QUICK_REPLY): Case(),
    ("PUT", QUICK_REPLY): Case({"shortcut": "mine", "content": "mine"}, changes=True),
    ("DELETE", QUICK_REPLY): Case(changes=True),
    ("POST", f"{QUICK_REPLY}/preview"): Case({"conversation_id": str(OUR_CHAT)}),
    ("POST", f"{CHAT}/quick-replies"): Case({"shortcut": "mine"}, changes=True),
    ("GET", f"{SHOP}/concerns"): Case(),
    ("POST", f"{SHOP}/concerns/{{concern_id}}/settle"): Case({"note": "mine"}, changes=True),
    ("POST", TENANTS): Case({"name": "New"}, changes=True, is_platforms=True),
    ("GET", TENANTS): Case(),
    ("GET", SHOP): Case(),
    ("PATCH", SHOP): Case({"name": "Mine"}, changes=True),
    ("PUT", f"{SHOP}/prompt"): Case({"prompt": "Mine."}, changes=True),
    ("POST", f"{SHOP}/suspend"): Case(changes=True, is_platforms=True),
    ("POST", f"{SHOP}/activate"): Case(changes=True, is_platforms=True),
    ("POST", f"{SHOP}/keys"): Case({"name": "mine"}, changes=True),
    ("GET", f"{SHOP}/keys"): Case(),
    ("DELETE", f"{SHOP}/keys/{{key_id}}"): Case(changes=True),
    ("PUT", f"{SHOP}/whatsapp"): Case({"session": "mine"}, changes=True),
    ("GET", f"{SHOP}/whatsapp"): Case(),
    ("POST", f"{SHOP}/whatsapp/webhook-secret"): Case(changes=True),
    ("POST", f"{SHOP}/whatsapp/catch-up"): Case(changes=True),
    ("GET", "/v1/crm/conversations"): Case(),
    ("GET", CHAT): Case(),
    ("GET", f"{CHAT}/messages"): Case(),
    ("POST", f"{CHAT}/messages"): Case({"text": "mine"}, changes=True),
    ("GET", f"{CHAT}/timeline"): Case(),
    ("POST", f"{CHAT}/takeover"): Case({}, changes=True),
    ("POST", f"{CHAT}/handback"): Case(changes=True),
    ("POST", f"{CHAT}/notes"): Case({"text": "mine"}, changes=True),
    ("POST", f"{CHAT}/read"): Case(changes=True),
    ("GET", f"{CHAT}/labels"): Case(),
    ("POST", f"{CHAT}/labels"): Case({"name": "mine"}, changes=True),
    ("DELETE", f"{CHAT}/labels/{{label_id}}"): Case(changes=True),
    ("GET", f"{SHOP}/labels"): Case(),
    ("POST", f"{SHOP}/labels"): Case({"name": "mine"}, changes=True),
    ("GET", LABEL): Case(),
    ("PUT", LABEL): Case({"name": "mine"}, changes=True),
    ("DELETE", LABEL): Case(changes=True),
    ("GET", CUSTOMER): Case(),
    ("PATCH", CUSTOMER): Case({"name": "Mine"}, changes=True),
    ("DELETE", CUSTOMER): Case(changes=True),
    ("POST", f"{SHOP}/products"): Case({"name": "Mine", "price": 1}, changes=True),
    ("GET", f"{SHOP}/products"): Case(),
    ("GET", PRODUCT): Case(),
    ("PATCH", PRODUCT): Case({"name": "Mine"}, changes=True),
    ("DELETE", PRODUCT): Case(changes=True),
    ("POST", f"{PRODUCT}/restore"): Case(changes=True),
    ("POST", STOCK): Case({"count": 1}, changes=True),
    ("GET", STOCK): Case(),
    ("POST", f"{SHOP}/products/import"): Case(changes=True),
    ("GET", f"{SHOP}/products/export"): Case(),
    ("GET", f"{SHOP}/imports/{{import_id}}"): Case(),
    ("GET", f"{SHOP}/categories"): Case(),
    ("GET", f"{SHOP}/synonyms"): Case(),
    ("PUT", f"{SHOP}/synonyms"): Case({"groups": [["mine", "yours"]]}, changes=True),
}

#: Let in by a signature instead of a key.
SIGNED = {
    ("POST", "/v1/crm/webhook/{tenant_id}"),
    ("POST", "/v1/crm/payments/callback/{provider}"),
}

WITH_IDS = [route for route in CASES if parameters(route)]
#: What names something of a shop, beside the shop.
WITH_PARTS = [route for route in CASES if len(parameters(route)) > 1]
CHANGES = [route for route, case in CASES.items() if case.changes]
#: One of each kind: asked for so often that not all of them can be.
TIMED = [
    ("GET", SHOP),
    ("GET", f"{CHAT}/messages"),
    ("POST", f"{CHAT}/takeover"),
    ("GET", CUSTOMER),
    ("PATCH", CUSTOMER),
    ("DELETE", f"{SHOP}/keys/{{key_id}}"),
]
READS = [route for route, case in CASES.items() if not case.changes]


class EndingFeed(LocalFeed):
    """One whose streams end, so that they can be asked for like everything else."""

    async def follow(
        self, tenant_id: TenantId, /, *, silence_s: float = 15.0
    ) -> AsyncGenerator[Sequence[Change]]:
        async with aclosing(super().follow(tenant_id, silence_s=silence_s)) as news:
            yield await anext(news)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(worker_database: WorkerDatabase) -> AsyncGenerator[Sessions]:
    engine = connect(worker_database.owner_url)
    yield sessions_of(engine)
    await engine.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    worker_database: WorkerDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Served]:
    """Two shops that have everything; whoever changes one of them has found a hole."""
    worker_database.empty()
    url, place = worker_database.url, tmp_path_factory.mktemp("api")
    unlimited = {"RATE_LIMIT_PER_MINUTE": "0"}
    async with served((SERVICE,), url, None, place, environment=unlimited) as api:
        state = api.app.state
        state.crm_administration = dataclasses.replace(
            state.crm_administration, waha=MemoryWaha(), feed=EndingFeed(api.ground.clock)
        )
        for tenant_id, word in ((TENANT, "ours-01"), (OTHER_TENANT, "theirs-7")):
            shop, crm = Shop(TenantId(tenant_id), word), SqlCrm(api.ground.sessions)
            await furnish(crm, shop, is_connected=False)
            change = ConnectionChange(session=word, server_url="https://waha.example.com")
            await state.crm_administration.connections.put(tenant_id, change)
            account = AccountChange(details=word)
            await state.crm_till.accounts.put(tenant_id, shop.payment.provider, account)
        yield api


async def ids_of(api: Served, tenant_id: UUID) -> dict[str, object]:
    """What a shop's routes can name, for each of their parameters."""
    keys = await api.app.state.crm_administration.keys.list(tenant_id)
    shop = Shop(TenantId(tenant_id), "named")
    return {
        "tenant_id": tenant_id,
        "key_id": keys[-1].id,
        "conversation_id": shop.conversation.id,
        "customer_id": shop.customer.id,
        "order_id": shop.order.id,
        "payment_id": shop.payment.id,
        "provider": shop.payment.provider.value,
        "discount_id": shop.rule.id,
        "rule_id": shop.automation.id,
        "quick_reply_id": shop.quick_reply.id,
        "concern_id": shop.concern.id,
        "ticket_id": shop.ticket.id,
        "board_id": shop.other_board.id,
        "template_id": shop.ticket_template.id,
        "product_id": shop.product.id,
        "variant_id": shop.variant_id,
        "import_id": shop.imported.id,
        "label_id": shop.label.id,
    }


NOTHING: dict[str, object] = {
    name: uuid7()
    for name in (
        *("tenant_id", "key_id", "conversation_id", "customer_id"),
        *("product_id", "variant_id", "import_id"),
        *("ticket_id", "board_id", "template_id"),
        *("order_id", "discount_id", "concern_id", "payment_id", "rule_id"),
        *("label_id", "quick_reply_id"),
    )
}


async def test_every_route_has_a_case_here(api: Served) -> None:
    assert documented(api.app) == declared(SERVICE) - SIGNED == set(CASES)


@pytest.mark.parametrize("route", CASES)
async def test_strangers_are_not_let_in(api: Served, route: Route) -> None:
    ours = await ids_of(api, TENANT)

    async with api.client("stranger") as client:
        for presented in ("", "Bearer", "Bearer aip_00000000_" + "A" * 43, "Basic eA=="):
            client.headers["Authorization"] = presented
            answer = await call(client, route, CASES[route], ours)
            assert (presented, said(answer)) == (presented, "401 unauthenticated")


@pytest.mark.parametrize("route", CHANGES)
async def test_a_key_for_reading_changes_nothing(
    api: Served, owner: Sessions, route: Route
) -> None:
    ours, before = await ids_of(api, TENANT), await everything_of(owner, TENANT)

    async with api.client("reader") as client:
        answer = await call(client, route, CASES[route], ours)

    assert said(answer) == "403 forbidden"
    assert await everything_of(owner, TENANT) == before


@pytest.mark.parametrize("route", [route for route, case in CASES.items() if case.is_platforms])
async def test_what_is_the_platforms_is_no_shops(
    api: Served, owner: Sessions, route: Route
) -> None:
    ours, before = await ids_of(api, TENANT), await everything_of(owner, TENANT)

    async with api.client("tenant") as client:
        answer = await call(client, route, CASES[route], ours)

    assert said(answer) == "403 forbidden"
    assert await everything_of(owner, TENANT) == before


async def ask_for_anothers(api: Served, owner: Sessions, route: Route, who: str) -> None:
    """Fails where another shop's things differ from none at all."""
    case, ours, theirs = CASES[route], await ids_of(api, OTHER_TENANT), await ids_of(api, TENANT)
    foreign = [theirs] if who == "other" and not case.is_platforms else []
    foreign += [{**ours, part: theirs[part]} for part in parameters(route)[1:]]
    before = await everything_of(owner, TENANT)

    async with api.client(who) as client:
        for one in foreign:
            absent = {
                name: NOTHING[name] if one[name] != ours[name] else ours[name] for name in one
            }
            answers = [await call(client, route, case, ids) for ids in (one, absent)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert told(answers[0], [*one.values()]) == told(answers[1], [*absent.values()])

    assert await everything_of(owner, TENANT) == before


@pytest.mark.parametrize("route", WITH_IDS)
@pytest.mark.parametrize("who", ["other", "platform"])
async def test_another_shops_things_look_like_none_at_all(
    api: Served, owner: Sessions, route: Route, who: str
) -> None:
    """The platform knows both shops, and still must not mix them up."""
    await ask_for_anothers(api, owner, route, who)


@pytest.mark.slow
@pytest.mark.parametrize("route", TIMED, ids=" ".join)
async def test_nor_does_the_clock_tell_another_shops_things_from_none(
    api: Served, route: Route
) -> None:
    case, theirs = CASES[route], await ids_of(api, TENANT)

    async with api.client("other") as client:

        async def foreign() -> httpx.Response:
            return await call(client, route, case, theirs)

        async def absent() -> httpx.Response:
            return await call(client, route, case, {name: uuid7() for name in theirs})

        assert await are_alike_in_time(foreign, absent)


async def test_what_takes_longer_would_be_noticed() -> None:
    async def slow() -> httpx.Response:
        await asyncio.sleep(0.004)
        return httpx.Response(404)

    async def fast() -> httpx.Response:
        return httpx.Response(404)

    assert not await are_alike_in_time(slow, fast)


async def test_a_route_that_believes_any_id_is_found_out(
    api: Served, owner: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believed(_caller: Caller, tenant_id: UUID) -> TenantId:
        return TenantId(tenant_id)

    monkeypatch.setattr(tenants_api, "known_to", believed)

    with pytest.raises(AssertionError):
        await ask_for_anothers(api, owner, ("GET", SHOP), "other")


@pytest.mark.parametrize("route", WITH_IDS)
async def test_a_misspelt_id_names_nothing(api: Served, owner: Sessions, route: Route) -> None:
    ours, before = await ids_of(api, TENANT), await everything_of(owner, TENANT)

    async with api.client("platform") as client:
        for misspelt in MISSPELT:
            for ids in without(ours, route, misspelt):
                answer = await call(client, route, CASES[route], ids)
                assert (misspelt, said(answer)) == (misspelt, "404 not_found")

    assert await everything_of(owner, TENANT) == before


@pytest.mark.parametrize("route", READS)
@pytest.mark.parametrize("who", ["reader", "tenant", "platform"])
async def test_who_may_look_sees(api: Served, route: Route, who: str) -> None:
    """Otherwise everything above would hold for routes that refuse everybody."""
    ours = await ids_of(api, TENANT)

    async with api.client(who) as client:
        answer = await call(client, route, CASES[route], ours)

    assert answer.status_code == 200, answer.text
    if who != "platform":
        assert "theirs-7" not in answer.text

"""What happens to a tenant as a whole: opened with a connection, changed by who saw it last."""

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.tenants import CurrencyInUse, TenantService
from crm_chatbot.domain.money import RUPIAH, Currency
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.tenants.tenant import TenantId, TenantNotFound, TenantRejected, TenantStatus
from shared.availability import DatabaseUnavailable
from shared.domain import ChangedSince
from shared.llm.seeds import SEED_CONFIGS
from shared.whatsapp.connections import NotConnected
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.deals import open_shop, placed
from tests.crm_chatbot.fakes import MemoryCrm
from tests.shared.llm.fakes import MemoryCatalogue
from tests.shared.whatsapp.fakes import MemoryConnections


@pytest.fixture
def connections() -> MemoryConnections:
    return MemoryConnections()


@pytest.fixture
def tenants(memory: MemoryCrm, connections: MemoryConnections) -> TenantService:
    return TenantService(
        open_work=memory.open_work,
        connections=connections,
        catalogue=MemoryCatalogue(SEED_CONFIGS),
        now=memory.clock,
        new_id=uuid7,
    )


async def test_a_shop_is_opened_with_a_session_of_its_own(
    tenants: TenantService, connections: MemoryConnections
) -> None:
    opened = await tenants.open(name="Kopi Ani")

    assert vars(await tenants.get(opened.id)) == vars(opened)
    assert (await connections.show(opened.id)).session == str(opened.id)


@pytest.mark.parametrize("llm_config", ["nobody's", ""])
async def test_a_shop_whose_model_nobody_knows_is_not_opened(
    tenants: TenantService, memory: MemoryCrm, connections: MemoryConnections, llm_config: str
) -> None:
    with pytest.raises(TenantRejected) as refusal:
        await tenants.open(name="Kopi Ani", llm_config=llm_config)

    assert refusal.value.pointer == "/llm_config"
    assert (memory.stored.tenants, connections.rows) == ({}, {})


async def test_a_shop_that_could_not_be_stored_was_never_opened(
    tenants: TenantService, memory: MemoryCrm
) -> None:
    memory.is_away = True

    with pytest.raises(DatabaseUnavailable):
        await tenants.open(name="Kopi Ani")

    assert memory.stored.tenants == {}


@pytest.mark.parametrize("status", [OrderStatus.DRAFT, OrderStatus.AWAITING_PAYMENT])
async def test_a_shop_keeps_its_currency_while_orders_are_open(
    tenants: TenantService, memory: MemoryCrm, status: OrderStatus
) -> None:
    async with memory.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        order = await placed(work, customer, status=status, number="ORD-1001")

    with pytest.raises(CurrencyInUse, match="ORD-1001") as refusal:
        await tenants.change(TENANT, currency=Currency("USD"), name="Kopi Budi")
    same = await tenants.change(TENANT, currency=RUPIAH)
    async with memory.open_work(TENANT) as work:
        await lifecycle.cancel(work, await work.orders.lock(order.id), now=NOON, actor="test")
    changed = await tenants.change(TENANT, currency=Currency("USD"))

    assert (refusal.value.code, refusal.value.pointer) == ("currency_in_use", "/currency")
    assert (same.name != "Kopi Budi", same.currency) == (True, RUPIAH)
    assert changed.currency == Currency("USD")


async def test_a_change_is_made_to_the_version_that_was_seen(tenants: TenantService) -> None:
    opened = await tenants.open(name="Kopi Ani")

    changed = await tenants.change(opened.id, expected=1, name="Kopi Budi")
    with pytest.raises(ChangedSince):
        await tenants.change(opened.id, expected=1, name="Kopi Citra")

    assert (changed.version, (await tenants.get(opened.id)).name) == (2, "Kopi Budi")


async def test_a_model_that_nobody_knows_changes_nothing(tenants: TenantService) -> None:
    opened = await tenants.open(name="Kopi Ani")

    with pytest.raises(TenantRejected):
        await tenants.change(opened.id, name="Kopi Budi", llm_config="nobody's")

    assert (await tenants.get(opened.id)).name == "Kopi Ani"


async def test_a_shop_is_suspended_until_it_is_activated(tenants: TenantService) -> None:
    opened = await tenants.open(name="Kopi Ani")

    for status in (TenantStatus.SUSPENDED, TenantStatus.SUSPENDED, TenantStatus.ACTIVE):
        assert (await tenants.become(opened.id, status)).status is status
        assert (await tenants.get(opened.id)).status is status


async def test_what_never_was_can_neither_be_seen_nor_changed(
    tenants: TenantService, connections: MemoryConnections
) -> None:
    with pytest.raises(TenantNotFound):
        await tenants.get(TENANT)
    with pytest.raises(TenantNotFound):
        await tenants.change(TenantId(uuid7()), name="Mine")
    with pytest.raises(TenantNotFound):
        await tenants.become(TENANT, TenantStatus.SUSPENDED)
    with pytest.raises(NotConnected):
        await connections.show(TENANT)

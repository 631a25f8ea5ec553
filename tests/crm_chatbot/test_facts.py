"""A reply says what is so, or it does not leave: money, deeds, and gifts (P16, 6.3)."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

import pytest

from crm_chatbot.application.turns.answering import Progress
from crm_chatbot.application.turns.facts import FactCheck
from crm_chatbot.domain.conversations.conversation import TakeoverReason
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.turns.turn import Outcome
from tests.crm_chatbot.builders import a_tenant
from tests.crm_chatbot.deals import a_line, placed
from tests.crm_chatbot.deciding import PlainAgent, Scene, a_scene, outcome_of, reply_of, steps_with
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.test_steps import Script
from tests.shared.llm.fakes import calls, says

Answer = Callable[..., Awaitable[Progress]]


@pytest.fixture
async def scene(memory: MemoryCrm) -> Scene:
    return await a_scene(memory, "Berapa harga kopi? Kirim ke Jl. Melati 1234")


@pytest.fixture
def answer(memory: MemoryCrm, scene: Scene) -> Answer:
    async def answer(script: Script, **facts: object) -> Progress:
        return await PlainAgent(steps_with(script.models, memory.open_work))(scene.brief(**facts))

    return answer


async def order_in(memory: MemoryCrm, scene: Scene, status: OrderStatus) -> str:
    line = a_line(quantity=2, unit_price=85_000)
    async with memory.open_work(scene.tenant.id) as work:
        return (await placed(work, scene.customer, line, status=status)).number


async def test_a_price_that_no_tool_told_is_asked_for_once_more(answer: Answer) -> None:
    script = Script("Kopi Gayo Rp15.000 ya kak.", "Kopi yang mana, Kak?")

    progress = await answer(script)

    assert reply_of(progress) == "Kopi yang mana, Kak?"
    assert "unknown_money" in progress.findings
    correction = script.models.asked[-1].messages[-1]
    assert (correction.role, "Rp15.000" in correction.text) == ("user", True)


async def test_whoever_insists_is_not_heard(answer: Answer) -> None:
    progress = await answer(Script("Khusus Kakak Rp1 saja."))

    assert reply_of(progress) == said(Phrase.NO_FIGURES, Language.INDONESIAN)
    assert outcome_of(progress) is Outcome.ANSWERED


async def test_the_owners_own_prices_may_be_said(memory: MemoryCrm) -> None:
    tenant = a_tenant(prompt="Gratis ongkir mulai Rp200.000, diskon 10% tiap Senin.")
    scene = await a_scene(memory, "ada promo?", tenant=tenant)
    words = "Ada kak: gratis ongkir mulai Rp200.000, dan Kakak dapat diskon 10% tiap Senin."

    progress = await PlainAgent(steps_with(Script(words).models, memory.open_work))(scene.brief())

    assert reply_of(progress) == words


async def test_a_house_number_is_no_price(answer: Answer) -> None:
    progress = await answer(Script("Baik, ke Jl. Melati 1234 ya, tahun 2026 juga bisa."))

    assert reply_of(progress).startswith("Baik")


@pytest.mark.parametrize(
    "words",
    [
        "Pembayaran sudah diterima, terima kasih!",
        "Your order has been placed!",
        "Barangnya sudah dikirim.",
        "Uangnya sudah dikembalikan.",
        "Hari ini gratis untuk Kakak.",
    ],
)
async def test_nothing_is_claimed_where_there_is_no_order(answer: Answer, words: str) -> None:
    progress = await answer(Script(words))

    assert reply_of(progress) == said(Phrase.NO_ORDER_YET, Language.INDONESIAN)
    assert [one for one in progress.findings if one.startswith("untrue_")]


async def test_in_place_of_a_false_claim_the_order_is_told_as_it_is(
    memory: MemoryCrm, scene: Scene, answer: Answer
) -> None:
    number = await order_in(memory, scene, OrderStatus.AWAITING_PAYMENT)

    progress = await answer(Script("Pembayaran Kakak sudah diterima!"))

    assert reply_of(progress).startswith(said(Phrase.ORDER_AS_IT_IS, Language.INDONESIAN))
    assert number in reply_of(progress)
    assert "menunggu pembayaran" in reply_of(progress)


async def test_what_has_happened_may_be_said_with_its_total(
    memory: MemoryCrm, scene: Scene, answer: Answer
) -> None:
    await order_in(memory, scene, OrderStatus.PAID)

    progress = await answer(Script("Pembayaran Rp170.000 sudah diterima, makasih Kak!"))

    assert reply_of(progress) == "Pembayaran Rp170.000 sudah diterima, makasih Kak!"


async def test_who_calls_a_person_and_claims_too_much_still_calls_them(answer: Answer) -> None:
    script = Script(says("", calls("handoff_to_human", reason="upset")), "Sudah lunas ya kak!")

    progress = await answer(script)

    assert progress.decision is not None
    assert progress.decision.handover is TakeoverReason.CUSTOMER
    assert outcome_of(progress) is Outcome.HANDED_OVER


async def test_no_order_is_looked_at_where_nothing_is_claimed(scene: Scene) -> None:
    def nobody_looks(_: TenantId) -> NoReturn:
        raise AssertionError("it looked")

    check = FactCheck(nobody_looks)

    assert await check(scene.brief(), Progress(), "Kami buka jam 8 ya kak.") is None
    with pytest.raises(AssertionError):
        await check(scene.brief(), Progress(), "Sudah lunas.")

"""Moderation: what is let in, what is let out, and what happens while nobody can tell."""

import json
from collections.abc import Awaitable, Callable, Sequence

import pytest

from crm_chatbot.application.turns.answering import Progress
from crm_chatbot.domain.conversations.conversation import TakeoverReason
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.phrases import Phrase, said
from crm_chatbot.domain.turns.turn import Outcome
from shared.llm.chat import ChatMessage, ModelFailed, Reply, ToolSpec
from tests.crm_chatbot.builders import a_tenant
from tests.crm_chatbot.deciding import PlainAgent, a_scene, outcome_of, reply_of, steps_with
from tests.crm_chatbot.fakes import MemoryCrm
from tests.shared.llm.fakes import FakeModels, calls, says

Answer = Reply | str | Exception
Decide = Callable[..., Awaitable[Progress]]


ALLOWED = '{"allowed": true}'


@pytest.fixture
async def moderated(memory: MemoryCrm) -> Callable[..., Awaitable[Progress]]:
    scene = await a_scene(memory, "Halo", tenant=a_tenant(is_moderated=True))

    async def decide(
        verdict: Answer, *answers: Answer, after: Answer = '{"allowed": true}'
    ) -> Progress:
        verdicts = [verdict, after]

        def answer(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> Reply | str:
            said_by = verdicts if "moderation" in messages[0].text else given
            one = said_by.pop(0)
            if isinstance(one, Exception):
                raise one
            return one

        given = list(answers)
        models = FakeModels(answer)
        steps = steps_with(models, memory.open_work)
        return await PlainAgent(steps)(scene.brief())

    return decide


async def test_what_is_allowed_is_answered(moderated: Decide) -> None:
    progress = await moderated('{"allowed": true, "category": "", "reason": ""}', "Halo!")

    assert reply_of(progress) == "Halo!"
    assert progress.findings == ()


async def test_what_is_not_allowed_reaches_no_agent(moderated: Decide) -> None:
    progress = await moderated('{"allowed": false, "category": "crime", "reason": "fraud"}')

    assert (outcome_of(progress), reply_of(progress)) == (
        Outcome.REFUSED,
        said(Phrase.REFUSED, Language.INDONESIAN),
    )
    assert progress.handover is None


@pytest.mark.parametrize(
    "verdict",
    [
        '{"allowed": false, "category": "self_harm", "reason": "x"}',
        '{"allowed": false, "reason": "self-harm"}',
        '{"allowed": false, "category": "violence"}',
    ],
)
async def test_who_may_come_to_harm_is_a_persons_business(moderated: Decide, verdict: str) -> None:
    progress = await moderated(verdict)

    assert progress.decision is not None
    assert progress.decision.handover is TakeoverReason.SAFETY
    assert reply_of(progress) == said(Phrase.IN_DANGER, Language.INDONESIAN)


@pytest.mark.parametrize(
    "verdict",
    [
        ModelFailed("llm_unavailable", "away"),
        "I think that is fine.",
        '{"allowed": "yes"}',
        '{"allowed": true, "allowed": false}',
        '{"allowed": true, "and": 1}',
        "[]",
        TimeoutError(),
    ],
    ids=str,
)
async def test_without_a_verdict_nothing_may_be_changed(
    moderated: Decide, memory: MemoryCrm, verdict: Answer
) -> None:
    change = says(
        "", calls("update_customer_profile", name="Siti"), calls("get_customer_profile", id="2")
    )

    progress = await moderated(verdict, change, "Halo!")

    assert reply_of(progress) == "Halo!"
    assert "moderation_unavailable" in progress.findings
    told = [json.loads(one.text) for one in progress.said if one.role == "tool"]
    assert [one.get("error", one.get("name")) for one in told] == ["not_available_now", "Budi"]


@pytest.mark.parametrize(
    "verdict", [ModelFailed("llm_unavailable", "away"), "?", '{"allowed": false}'], ids=str
)
async def test_without_a_verdict_no_reply_leaves(moderated: Decide, verdict: Answer) -> None:
    progress = await moderated('{"allowed": true}', "Something odd", after=verdict)

    assert "odd" not in reply_of(progress)
    assert "reply_refused" in progress.findings

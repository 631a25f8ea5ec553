"""LangGraph's own tests of what a checkpointer must do, against ours."""

# The suite is typed, and does not say so.
# pyright: reportMissingTypeStubs=false

import asyncio
from collections.abc import AsyncGenerator

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import CapabilityReport

from crm_chatbot.infrastructure.turns.checkpoints import SqlCheckpoints
from shared.infrastructure.database import Sessions
from tests.crm_chatbot.deciding import a_scene, claim_of
from tests.crm_chatbot.stores import SqlCrm

#: What our graphs never ask for.
NOT_OURS = {"copy_thread", "delete_for_runs", "prune"}


class Careless(SqlCheckpoints):
    """Says that it has stored what it has not."""

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await super().aput(config, checkpoint, {}, new_versions)


async def examined(
    kind: type[SqlCheckpoints], postgres: SqlCrm, sessions: Sessions
) -> CapabilityReport:
    scene = await a_scene(postgres, "Halo")

    @checkpointer_test(name=kind.__name__)
    async def saver() -> AsyncGenerator[SqlCheckpoints]:
        yield kind(sessions, claim_of(scene.conversation), places=asyncio.Semaphore(3))

    return await validate(saver)


async def test_it_is_the_checkpointer_that_langgraph_expects(
    postgres: SqlCrm, sessions: Sessions
) -> None:
    report = await examined(SqlCheckpoints, postgres, sessions)

    failures = {name: result.failures for name, result in report.results.items() if result.failures}
    assert failures == {}
    assert {name for name, one in report.results.items() if not one.detected} == NOT_OURS
    assert report.passed_all_base()


async def test_one_that_loses_what_it_was_given_is_told_so(
    postgres: SqlCrm, sessions: Sessions
) -> None:
    report = await examined(Careless, postgres, sessions)

    assert not report.passed_all_base()

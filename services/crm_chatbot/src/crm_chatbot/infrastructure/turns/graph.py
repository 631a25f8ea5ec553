# pyright: basic
"""A turn's steps as a LangGraph graph that can be taken up by any worker, at the step it was at."""

from contextlib import AbstractAsyncContextManager
from copy import copy
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from crm_chatbot.application.turns.answering import Brief, Progress, of_plain, plain
from crm_chatbot.application.turns.steps import Step, Steps, step_after
from crm_chatbot.infrastructure.turns.checkpoints import SparingCheckpoints
from shared.crash_points import crash_point
from shared.infrastructure.database import Sessions


@dataclass
class State:
    """What a checkpoint holds: plain values, as JSON has them."""

    progress: dict[str, Any]
    first: str = Step.THINK.value


class TurnGraph:
    """START -> (moderate ->) think <-> act, one tool call at a time -> review (-> think) -> END.

    Honours application.turns.answering.Agent. Every step is on record before the next one
    begins, so that a crash repeats none that was finished.
    """

    def __init__(
        self, steps: Steps, sessions: Sessions, *, places: AbstractAsyncContextManager[None]
    ) -> None:
        self._steps = steps
        self._sessions = sessions
        self._places = places
        graph = StateGraph(State, context_schema=Brief)
        graph.add_node(Step.MODERATE, self._moderate)
        graph.add_node(Step.THINK, self._think)
        graph.add_node(Step.ACT, self._act)
        graph.add_node(Step.REVIEW, self._review)
        graph.add_conditional_edges(START, self._first, [Step.MODERATE, Step.THINK])
        for step in (Step.MODERATE, Step.THINK, Step.ACT):
            graph.add_conditional_edges(step, self._next, [Step.THINK, Step.ACT, Step.REVIEW])
        graph.add_conditional_edges(Step.REVIEW, self._after_review, [Step.THINK, END])
        self._graph = graph.compile()
        # What the longest path needs, and some; LangGraph's own default is ten thousand.
        limits = steps.limits
        self._most_steps = limits.model_calls + limits.tool_calls + limits.calls_per_answer + 6

    async def __call__(self, brief: Brief, /) -> Progress:
        graph = copy(self._graph)
        graph.checkpointer = SparingCheckpoints(
            self._sessions, brief.claim, places=self._places, is_new=brief.is_new
        )
        config: RunnableConfig = {
            "configurable": {"thread_id": str(brief.turn_id)},
            "recursion_limit": self._most_steps,
        }
        known = None if brief.is_new else await graph.aget_state(config)
        if known and known.values and not known.next:
            return of_plain(known.values["progress"])
        is_begun = bool(known and known.values)
        first = Step.MODERATE if brief.tenant.is_moderated else Step.THINK
        end = await graph.ainvoke(
            None if is_begun else State(plain(Progress()), first.value),
            config,
            context=brief,
            durability="sync",
        )
        return of_plain(end["progress"])

    async def _moderate(self, state: State, runtime: Runtime[Brief]) -> dict[str, Any]:
        return await self._take(Step.MODERATE, state, runtime)

    async def _think(self, state: State, runtime: Runtime[Brief]) -> dict[str, Any]:
        return await self._take(Step.THINK, state, runtime)

    async def _act(self, state: State, runtime: Runtime[Brief]) -> dict[str, Any]:
        return await self._take(Step.ACT, state, runtime)

    async def _review(self, state: State, runtime: Runtime[Brief]) -> dict[str, Any]:
        return await self._take(Step.REVIEW, state, runtime)

    async def _take(self, step: Step, state: State, runtime: Runtime[Brief]) -> dict[str, Any]:
        progress = await self._steps.take(step, runtime.context, of_plain(state.progress))
        crash_point("turn.step_taken")
        return {"progress": plain(progress)}

    def _first(self, state: State) -> str:
        return state.first

    def _next(self, state: State) -> str:
        return step_after(of_plain(state.progress))

    def _after_review(self, state: State) -> str:
        return END if of_plain(state.progress).decision else Step.THINK

# pyright: basic
"""The agents as a LangGraph graph; the only module that knows LangGraph."""

import asyncio
from dataclasses import dataclass
from typing import Any

from ai_engine.application.processing import Desk, ProcessingResult, Turn
from ai_engine.domain.agents import AgentType, Verdict, route
from shared.llm.chat import ModelFailed, Reply


@dataclass
class State:
    """What flows through the graph: the turn, then what each node found out."""

    turn: Turn
    verdict: Verdict | None = None
    agent: AgentType = AgentType.MAIN
    reply: Reply | None = None
    trouble: ModelFailed | None = None


class AgentGraph:
    """START -> moderation -> router -> main | followup | fallback -> END.

    An error in main or followup goes to fallback; only when that fails too does the error rise.
    Honours ai_engine.application.processing.Pipeline. Compiled once; calls share nothing.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._graph: Any = None

    async def warm_up(self) -> None:
        """LangGraph takes a second to load: whoever waits for it holds nobody else up."""
        if self._graph is None:
            self._graph = await asyncio.to_thread(self._compiled)

    def _compiled(self) -> Any:  # noqa: ANN401 - its type comes with the library
        from langgraph.graph import END, START, StateGraph  # noqa: PLC0415 - slow to load

        graph = StateGraph(State)
        graph.add_node("moderation_node", self._moderate)
        graph.add_node("router_node", self._route)
        graph.add_node("main_agent", self._main)
        graph.add_node("followup_agent", self._followup)
        graph.add_node("fallback_agent", self._fall_back)
        graph.add_edge(START, "moderation_node")
        graph.add_edge("moderation_node", "router_node")
        graph.add_conditional_edges("router_node", self._chosen, _AGENT_NODES)
        for node in ("main_agent", "followup_agent"):
            graph.add_conditional_edges(
                node, self._is_in_trouble, {True: "fallback_agent", False: END}
            )
        graph.add_edge("fallback_agent", END)
        return graph.compile()

    async def __call__(self, turn: Turn, /) -> ProcessingResult:
        await self.warm_up()
        # The limit is twice what the longest path needs; LangGraph's own default is thousands.
        end = await self._graph.ainvoke(State(turn), {"recursion_limit": 10})
        reply: Reply = end["reply"]
        verdict: Verdict | None = end.get("verdict")
        return ProcessingResult(
            text=reply.text,
            provider=reply.provider,
            model=reply.model,
            agent=end["agent"],
            moderation=None if verdict is None else "passed" if verdict.allowed else "refused",
        )

    async def _moderate(self, state: State) -> dict[str, Any]:
        if not state.turn.needs_moderation:
            return {"verdict": None}
        return {"verdict": await self._desk.moderate(state.turn.request)}

    async def _route(self, state: State) -> dict[str, Any]:
        verdict = state.verdict or Verdict(allowed=True)
        return {"agent": route(verdict, is_followup=state.turn.is_followup)}

    def _chosen(self, state: State) -> str:
        return f"{state.agent}_agent"

    async def _main(self, state: State) -> dict[str, Any]:
        return await self._try(AgentType.MAIN, state)

    async def _followup(self, state: State) -> dict[str, Any]:
        return await self._try(AgentType.FOLLOWUP, state)

    def _is_in_trouble(self, state: State) -> bool:
        return state.trouble is not None

    async def _fall_back(self, state: State) -> dict[str, Any]:
        try:
            reply = await self._desk.answer_as(AgentType.FALLBACK, state.turn.request)
        except ModelFailed as failed:
            raise state.trouble or failed from failed
        return {"reply": reply, "agent": AgentType.FALLBACK}

    async def _try(self, agent: AgentType, state: State) -> dict[str, Any]:
        try:
            return {"reply": await self._desk.answer_as(agent, state.turn.request)}
        except ModelFailed as failed:
            return {"trouble": failed}


_AGENT_NODES = [
    f"{agent}_agent" for agent in (AgentType.MAIN, AgentType.FOLLOWUP, AgentType.FALLBACK)
]

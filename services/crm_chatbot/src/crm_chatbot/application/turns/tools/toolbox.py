"""The agent's tools: what a model may ask for, checked, and done at most once."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.turns.answering import Stance
from crm_chatbot.domain.conversations.conversation import Claim, TakeoverReason
from crm_chatbot.domain.conversations.message import Message, TurnId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.turns.turn import MOST_MESSAGES, Execution, NewerWords, TurnLost
from shared import logs
from shared.crash_points import crash_point
from shared.domain import DomainError
from shared.llm.chat import ToolCall, ToolSpec

log = logs.get()


class Args(BaseModel):
    """A tool's arguments: nothing is guessed, nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


ArgsT = TypeVar("ArgsT", bound=Args)


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """For whom a tool acts: taken from the claimed rows, never from anything a model says."""

    tenant_id: TenantId
    customer_id: CustomerId
    claim: Claim
    turn_id: TurnId
    now: datetime
    #: what the customer is answered in
    language: Language = Language.INDONESIAN
    #: what this turn answers: a customer's own words, as evidence of what they want
    heard: Sequence[Message] = ()
    actor: str = "bot"


@dataclass(frozen=True)
class ToolResult:
    """What the model is told; `handover` calls a person once the turn is committed."""

    told: Mapping[str, Any]
    handover: TakeoverReason | None = None


Handler = Callable[[ToolContext, Work, ArgsT], Awaitable[ToolResult]]


@dataclass(frozen=True, kw_only=True)
class Tool(Generic[ArgsT]):
    """One entry of the registry; the arguments' docstrings and bounds are the model's schema."""

    name: str
    description: str
    args: type[ArgsT]
    handle: Handler[ArgsT]
    #: it changes something: done once, and never again by a turn that begins anew
    is_effectful: bool

    @cached_property
    def spec(self) -> ToolSpec:
        schema = self.args.model_json_schema()
        schema.pop("title", None)
        return ToolSpec(self.name, self.description, _untitled(schema))


@dataclass(frozen=True, kw_only=True)
class WantedCall:
    """A call that is to be run: which one of its kind in its turn, and in what stance."""

    call: ToolCall
    occurrence: int
    stance: Stance


@dataclass(frozen=True)
class Toolbox:
    """Every tool, and the only way to run one."""

    open_work: OpenWork
    tools: Sequence[Tool[Any]]
    _by_name: Mapping[str, Tool[Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {tool.name: tool for tool in self.tools})

    def offered(self, stance: Stance) -> Sequence[ToolSpec]:
        """What the model may choose from."""
        return [tool.spec for tool in self.tools if _is_allowed(tool, stance)]

    async def run(self, context: ToolContext, wanted: WantedCall) -> ToolResult:
        """Do what is asked, or say why not. Raises TurnLost, NewerWords, DatabaseUnavailable."""
        tool = self._by_name.get(wanted.call.name)
        if tool is None:
            return refused("unknown_tool", allowed=sorted(self._by_name))
        if not _is_allowed(tool, wanted.stance):
            return refused("not_available_now")
        if wanted.call.arguments is None:
            return refused("invalid_arguments", hint="The arguments must be one JSON object.")
        try:
            args = tool.args.model_validate(wanted.call.arguments)
        except ValidationError as bad:
            return _bad_arguments(tool.name, bad)
        run = self._do_once if tool.is_effectful else self._look
        try:
            return await run(tool, args, context, wanted)
        except DomainError as refusal:
            return refused(refusal.code, detail=str(refusal))

    async def _look(
        self, tool: Tool[Any], args: Args, context: ToolContext, _: WantedCall
    ) -> ToolResult:
        async with self.open_work(context.tenant_id) as work:
            return await tool.handle(context, work, args)

    async def _do_once(
        self, tool: Tool[Any], args: Args, context: ToolContext, wanted: WantedCall
    ) -> ToolResult:
        identity: dict[str, Any] = {
            "key": wanted.call.id,
            "tool": tool.name,
            "arguments_hash": arguments_hash(wanted.call),
            "occurrence": wanted.occurrence,
        }
        crash_point("tool.before_effect")
        async with self.open_work(context.tenant_id) as work:
            # In this order, as all do who lock both.
            await work.customers.lock(context.customer_id)
            await _may_act(work, context)
            done = await work.executions.result_of(context.turn_id, **identity)
            if done is not None:
                return ToolResult(done)
            result = await tool.handle(context, work, args)
            await work.executions.add(
                Execution(turn_id=context.turn_id, result=result.told, **identity)
            )
        crash_point("tool.effect_committed")
        return result


async def _may_act(work: Work, context: ToolContext) -> None:
    """Under the lock: raises TurnLost or NewerWords; marks the turn as one that has effects."""
    conversation = await work.conversations.lock(context.claim.conversation_id)
    turn = await work.turns.running(conversation.id)
    if turn is None or turn.id != context.turn_id or conversation.epoch != context.claim.epoch:
        raise TurnLost
    if turn.has_effects:
        return
    unanswered = await work.messages.unanswered(conversation.id, most=MOST_MESSAGES + 1)
    if turn.gives_way_to([message.seq for message in unanswered]):
        raise NewerWords
    turn.has_effects = True
    await work.turns.save(turn)


def refused(code: str, **facts: object) -> ToolResult:
    """Why a call came to nothing, in a form that a model understands."""
    return ToolResult({"error": code, **facts})


def fingerprint(call: ToolCall) -> str:
    """The same for the same call, whatever its id."""
    return f"{call.name}:{arguments_hash(call)}"


def arguments_hash(call: ToolCall) -> str:
    said = orjson.dumps(call.arguments, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(said if call.arguments is not None else call.raw.encode()).hexdigest()[
        :32
    ]


def _is_allowed(tool: Tool[Any], stance: Stance) -> bool:
    return stance is Stance.FREE or (stance is Stance.READ_ONLY and not tool.is_effectful)


def _bad_arguments(tool: str, bad: ValidationError) -> ToolResult:
    errors = bad.errors(include_url=False, include_context=False, include_input=False)
    is_unknown = any(error["type"] == "extra_forbidden" for error in errors)
    if is_unknown:
        # Somebody tries to say what only code may: a tenant, a price.
        log.warning("tool.unknown_argument", tool=tool)
    problems = [
        {"at": ".".join(map(str, error["loc"])), "problem": error["msg"]} for error in errors[:5]
    ]
    code = "unknown_argument" if is_unknown else "invalid_arguments"
    return refused(code, problems=problems)


def _untitled(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without pydantic's titles: tokens that say nothing."""
    if isinstance(schema, dict):
        fields: dict[str, Any] = {**schema}
        return {
            name: _untitled(value)
            for name, value in fields.items()
            if not (name == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        entries: list[Any] = [*schema]
        return [_untitled(one) for one in entries]
    return schema

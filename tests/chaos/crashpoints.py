"""Every place in the product where a test may end the process, read from the source itself."""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.process import CRASHED, Process
from tests.chaos.stack import Plan, Stack
from tests.databases import ROOT
from tests.waiting import until

#: where the product's code lies, and which of its processes run it
SOURCES = {
    "shared": ("gateway", "engine", "chatbot", "sender"),
    "services/gateway/src": ("gateway",),
    "services/ai_engine/src": ("engine",),
    "services/crm_chatbot/src": ("chatbot",),
    "services/waha_sender/src": ("sender",),
}
#: Where nobody gets unless a process died somewhere else before.
LED_TO_BY = {"outbox.claimed": "outbox.handed_over", "run.taken_up": "run.taken"}


@dataclass(frozen=True)
class CrashPoint:
    """A `crash_point("name")` in the source, and a process that runs it."""

    name: str
    process: str

    def __str__(self) -> str:
        return f"{self.name}-in-{self.process}"


def crash_points(root: Path = ROOT) -> list[CrashPoint]:
    """All of them. Raises ValueError for a name that is no literal: it could not be enumerated."""
    found = {
        CrashPoint(name, process)
        for source, processes in SOURCES.items()
        for path in sorted((root / source).rglob("*.py"))
        for name in names_in(ast.parse(path.read_text()), path)
        for process in processes
    }
    return sorted(found, key=str)


def is_of_a_purchase(point: CrashPoint) -> bool:
    """Nobody gets there who only talks."""
    return point.name.startswith(("payment.", "crm.order_"))


def way_to(point: CrashPoint) -> list[CrashPoint]:
    """Where a process must have died before, and then the point itself."""
    before = LED_TO_BY.get(point.name)
    return [replace(point, name=before), point] if before else [point]


def names_in(tree: ast.AST, path: Path) -> Iterable[str]:
    """The names of the crash points in one module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_crash_point(node.func):
            yield _literal(node, path)


def _is_crash_point(called: ast.expr) -> bool:
    return (isinstance(called, ast.Name) and called.id == "crash_point") or (
        isinstance(called, ast.Attribute) and called.attr == "crash_point"
    )


def _literal(call: ast.Call, path: Path) -> str:
    match call.args:
        case [ast.Constant(value=str(name))]:
            return name
        case _:
            raise ValueError(f"{path}:{call.lineno}: a crash point's name must be a literal")


def processes_at(stack: Stack, point: CrashPoint) -> Sequence[Process]:
    """The stack's processes that run this point."""
    return {
        "gateway": stack.gateways,
        "engine": stack.engines,
        "chatbot": stack.chatbots,
        "sender": stack.senders,
    }[point.process]


async def arm(stack: Stack, point: CrashPoint, *, nth: int = 1) -> Process:
    """Start one process again so that it dies when it gets there for the nth time."""
    process = processes_at(stack, point)[0]
    await stack.restart(process, AIP_TEST_HOOKS="1", AIP_CRASH_AT=f"{point.name}:{nth}")
    return process


def order(process: Process, point: CrashPoint) -> None:
    """Let it die when it gets there next, in this life or another. Needs `ready_for_orders`."""
    Path(process.program.environment["AIP_CRASH_ORDER"]).write_text(point.name)


def ready_for_orders(plan: Plan, directory: Path) -> Plan:
    """The same plan, with processes that crash when `order` says so."""
    names = [f"gateway{n}" for n in range(plan.gateways)]
    names += [f"engine{n}" for n in range(plan.engines)]
    names += [f"chatbot{n}" for n in range(plan.chatbots)]
    names += [f"sender{n}" for n in range(plan.senders)]
    only = {name: {"AIP_CRASH_ORDER": str(directory / f"{name}.order")} for name in names}
    return replace(plan, only=only, faults=["crash_on_order", *plan.faults])


async def die_at(stack: Stack, point: CrashPoint) -> None:
    """Wait until it has died there and runs again. Needs `ready_for_orders` and a supervisor.

    Raises NotInTime: a point that is never hit proves nothing.
    """
    process = processes_at(stack, point)[0]
    lives = len(process.ends)
    order(process, point)
    await until(
        lambda: process.is_running and len(process.ends) > lives,
        f"{process.name} dies at {point.name} and starts anew",
        within=20,
    )
    assert process.ends[lives:] == [CRASHED]


async def struck(process: Process, point: CrashPoint, *, within: float = 15.0) -> None:
    """Wait until it died there. Raises NotInTime: a point that is never hit proves nothing."""
    await until(
        lambda: not process.is_running or process.ends[-1] == CRASHED,
        f"{process.name} dies at {point.name}",
        within=within,
    )
    assert process.ends[-1] == CRASHED, f"{process.name} ended with {process.ends[-1]}"

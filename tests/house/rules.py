"""House rules that no bought tool knows: each walks one module's syntax tree."""

import ast
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import PurePosixPath

#: What opens a transaction, in an `async with`.
OPENERS = frozenset({"open_work", "transaction", "begin"})

#: Words that name something beyond the database: what is asked of it may take for ever.
OUTSIDE = frozenset({"aiohttp", "client", "graph", "http", "httpx", "model", "models", "transport"})

_IGNORE = re.compile(
    r"#\s*(?:noqa|(?:type|pyright):\s*ignore)\b"
    r"(?P<rules>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w, -]+\])?(?P<rest>.*)"
)
_RULE_NAME = re.compile(r"\w[\w-]*")


@dataclass(frozen=True)
class Module:
    """One source file; `path` is relative to the repository."""

    path: PurePosixPath
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


@dataclass(frozen=True)
class Finding:
    """A place where a rule is broken."""

    path: PurePosixPath
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


Rule = Callable[[Module], Iterator[Finding]]


def only_infrastructure_commits(module: Module) -> Iterator[Finding]:
    """A transaction ends where it was opened; whoever commits elsewhere ends somebody else's."""
    if module.path.is_relative_to("shared/infrastructure"):
        return
    for call in _calls(module.tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "commit":
            yield Finding(module.path, call.lineno, "leave committing to `async with`")


def no_work_inside_work(module: Module) -> Iterator[Finding]:
    """Two transactions at once take two connections: enough callers, and all wait for ever."""
    for opened in _opened(module.tree):
        first, *others = _transactions(opened)
        inside = [item for node in _below(opened) for item in _transactions(node)]
        for item in [*others, *inside]:
            sentence = f"already inside the transaction of line {first.context_expr.lineno}"
            yield Finding(module.path, item.context_expr.lineno, sentence)


def nothing_outside_is_awaited_inside_work(module: Module) -> Iterator[Finding]:
    """A model or a server that hangs must not hold a connection and its row locks."""
    for opened in _opened(module.tree):
        for node in _below(opened):
            if isinstance(node, ast.Await) and (name := _asks_outside(node.value)):
                yield Finding(module.path, node.lineno, f"`{name}` awaited inside a transaction")


def ignores_say_why(module: Module) -> Iterator[Finding]:
    """`# noqa: X - why`, `# type: ignore[x]  # why`, or why on the line above; once a module."""
    explained = set[str]()
    lines = module.text.splitlines()
    for token in tokenize.generate_tokens(StringIO(module.text).readline):
        if token.type != tokenize.COMMENT or not (found := _IGNORE.search(token.string)):
            continue
        line, rules = token.start[0], set(_RULE_NAME.findall(found["rules"] or ""))
        if " - " in found["rest"] or "#" in found["rest"] or _is_comment(lines, line - 1):
            explained |= rules
        if not rules:
            yield Finding(module.path, line, "name the rule that is ignored")
        elif not rules <= explained:
            yield Finding(module.path, line, "say why this is ignored")


RULES: tuple[Rule, ...] = (
    only_infrastructure_commits,
    no_work_inside_work,
    nothing_outside_is_awaited_inside_work,
    ignores_say_why,
)


def broken(module: Module) -> list[Finding]:
    """Everything that the house objects to in one module."""
    return [finding for rule in RULES for finding in rule(module)]


def _is_comment(lines: list[str], line: int) -> bool:
    return line > 0 and lines[line - 1].strip().startswith("#")


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _opened(tree: ast.AST) -> Iterator[ast.AsyncWith]:
    return (
        node for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) and _transactions(node)
    )


def _transactions(node: ast.AST) -> list[ast.withitem]:
    return [item for item in node.items if _opens(item)] if isinstance(node, ast.AsyncWith) else []


def _opens(item: ast.withitem) -> bool:
    called = item.context_expr
    return isinstance(called, ast.Call) and _dotted(called.func)[-1:] in [
        [name] for name in OPENERS
    ]


def _below(opened: ast.AsyncWith) -> Iterator[ast.AST]:
    """What runs inside the block; a function that is only defined there does not."""
    waiting: list[ast.AST] = [*opened.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _asks_outside(awaited: ast.expr) -> str | None:
    names = _dotted(awaited.func) if isinstance(awaited, ast.Call) else []
    words = {word for name in names for word in name.lower().split("_")}
    asks = words & OUTSIDE or names == ["asyncio", "sleep"]
    return ".".join(names) if asks else None


def _dotted(node: ast.expr) -> list[str]:
    """`self.models.reply` -> ["self", "models", "reply"]."""
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    return [node.id] if isinstance(node, ast.Name) else []

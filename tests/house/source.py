"""The source tree as the architecture tests see it: modules, their sizes, who is what."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One module of the product or of its tests."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def opening(self) -> str:
        """The first line of what the module says of itself."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]

    @property
    def import_lines(self) -> int:
        imports = [n for n in ast.walk(self.tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        return sum(_length(one) for one in imports)

    @property
    def holds_a_single_class(self) -> bool:
        top = [n for n in self.tree.body if isinstance(n, _DEFINITIONS)]
        return len(top) == 1 and isinstance(top[0], ast.ClassDef)

    @property
    def functions(self) -> Iterator[tuple[str, int]]:
        """Name and length of every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{self.path}:{node.lineno} {node.name}", _length(node)

    @property
    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))


@cache
def product() -> tuple[Source, ...]:
    """Every module that ships, but for empty `__init__`s."""
    return tuple(_read("shared", "services"))


@cache
def everything() -> tuple[Source, ...]:
    """The product, its tests, its migrations and its benchmarks."""
    return (*product(), *_read("tests", "migrations", "bench"))


@cache
def tracked() -> tuple[PurePosixPath, ...]:
    """What git keeps."""
    listed = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - whichever git made this work tree
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return tuple(map(PurePosixPath, listed.stdout.splitlines()))


def names_in(node: ast.AST) -> set[str]:
    """Every bare name that the code below `node` uses."""
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}


def bases_of(node: ast.ClassDef) -> set[str]:
    return set[str]().union(*map(names_in, node.bases))


_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _read(*folders: str) -> Iterator[Source]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if text := file.read_text(encoding="utf-8"):
                yield Source(PurePosixPath(file.relative_to(ROOT).as_posix()), text)


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1

"""The architecture as assertions: what the pages promise about the code, the code keeps."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from statistics import median, quantiles
from textwrap import dedent

import pytest
from pydantic_settings import BaseSettings

from shared import settings
from shared.contracts import KINDS, Message
from shared.infrastructure import migrations
from shared.infrastructure.database import metadata
from tests.house.rules import Module, broken
from tests.house.source import ROOT, Source, bases_of, everything, names_in, product, tracked

#: Protocols that are no ports: nothing beyond the process stands behind them.
SHAPES = {
    "Answers": "TurnService, as a worker of conversations sees it",
    "Client": "what two libraries' clients have in common",
    "Dialect": "how one provider's wire format differs from another's",
    "Entry": "what a config and a template have in common",
    "Log": "structlog's logger, typed",
    "OpenWork": "how a transaction is opened",
    "Publishes": "as much of a Transport as a relay needs",
    "Piece": "a part of an answer, while it is written",
    "Processing": "ProcessingService, as the worker sees it",
    "Server": "what the keeper of embedded servers starts and stops",
    "Span": "OpenTelemetry's span, typed",
}

#: One offence against each of import-linter's contracts, by the file that commits it.
OFFENCES = {
    "services/gateway/src/gateway/utils.py": "",
    "services/gateway/src/gateway/domain/offence.py": "import sqlalchemy\nimport ai_engine",
    "services/gateway/src/gateway/application/offence.py": "import gateway.interface\nimport httpx",
    "services/gateway/src/gateway/interface/offence.py": "import langchain_core\nimport standalone",
    "services/simulators/src/simulators/offence.py": "import shared.domain",
    "shared/domain.py": "import shared.messaging\nimport gateway",
    "shared/messaging.py": "import shared.domain",
}


# -- who may import whom


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    paths = [tree, *tree.glob("services/*/src")]
    return subprocess.run(  # noqa: S603 - our own linter
        [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": ":".join(map(str, paths)), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_imports_point_inwards() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_about_imports_can_break(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("shared", "services"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    for file, text in OFFENCES.items():
        (tmp_path / file).write_text(f"{text}\n")

    done = lint_imports(tmp_path)

    verdicts = re.findall(r"^(\S.*) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE)
    assert verdicts, done.stdout + done.stderr
    assert [name for name, verdict in verdicts if verdict == "KEPT"] == []


# -- sizes: a compass, not a fence


def share(predicate: Callable[[Source], bool]) -> float:
    return sum(map(predicate, product())) / len(product())


def test_a_module_is_a_thought_neither_confetti_nor_sprawl() -> None:
    lines = [source.lines for source in product()]

    assert 60 <= median(lines) <= 130
    assert quantiles(lines, n=10)[-1] <= 300
    assert share(lambda source: source.lines < 20) <= 0.15
    assert share(lambda source: source.holds_a_single_class) <= 0.25
    assert sum(source.import_lines for source in product()) / sum(lines) <= 0.12


def test_a_long_module_says_why_on_its_first_line() -> None:
    long = [source for source in product() if source.lines > 400]

    assert [str(source.path) for source in long if "because" not in source.opening] == []


def test_functions_are_short() -> None:
    lengths = dict(function for source in product() for function in source.functions)

    assert {name: lines for name, lines in lengths.items() if lines > 45} == {}
    assert quantiles(lengths.values(), n=10)[-1] <= 25
    assert median(lengths.values()) <= 8


def test_every_module_opens_with_a_sentence() -> None:
    silent = [one for one in everything() if not re.search(r"\S[.:?](\s|$)", one.opening)]

    assert [str(source.path) for source in silent] == []


def test_the_house_rules_are_kept() -> None:
    findings = [one for source in product() for one in broken(Module(source.path, source.text))]

    assert list(map(str, findings)) == []


def test_only_the_graph_is_type_checked_less_strictly() -> None:
    # A word split in two, or this file would find itself.
    lenient = [one.path for one in everything() if "# pyright: " + "basic" in one.text]

    # What the benchmarks compare us with is not checked at all.
    assert {path.name for path in lenient if path.parts[0] != "bench"} == {"graph.py"}


# -- messages


def calls(*folders: str) -> Iterator[ast.Call]:
    for source in product():
        if source.path.parts[0] in folders:
            yield from (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))


def all_messages() -> set[str]:
    kinds = Message.__subclasses__()
    return {kind.__name__ for kind in kinds if kind.__module__ == Message.__module__}


def test_every_message_can_be_looked_up_by_its_kind() -> None:
    assert set(KINDS) == all_messages()


def test_somebody_hears_every_message() -> None:
    subscriptions = [call for call in calls("services") if "Subscription" in names_in(call.func)]
    heard = set[str]().union(*map(names_in, subscriptions))

    assert all_messages() - heard == set()


def test_somebody_says_every_message() -> None:
    said = {ast.unparse(call.func).removesuffix(".model_construct") for call in calls("services")}

    assert all_messages() - said == set()


# -- ports


def marked(source: Source) -> set[str]:
    """What `CONTRACT_OF = Transport` (or a tuple of ports) says at a test module's top level."""
    assigned = [node for node in source.tree.body if isinstance(node, ast.Assign)]
    marks = [
        one.value for one in assigned if "CONTRACT_OF" in set().union(*map(names_in, one.targets))
    ]
    return set[str]().union(*map(names_in, marks))


def test_every_port_has_a_contract_that_fake_and_real_keep() -> None:
    protocols = [c for source in product() for c in source.classes if "Protocol" in bases_of(c)]
    ports = {protocol.name for protocol in protocols if not protocol.name.startswith("_")}
    tests = [source for source in everything() if source.path.parts[0] == "tests"]
    kept = set[str]().union(*map(marked, tests))

    assert sorted(ports - kept - SHAPES.keys()) == []
    assert sorted(SHAPES.keys() - ports) == []


# -- pages and tables


def drawn_tree(page: str) -> list[PurePosixPath]:
    """The paths in the page's tree: one a line, described after two spaces, if at all."""
    paths: list[PurePosixPath] = []
    parents: list[str] = []
    for line in page.splitlines():
        if not (drawn := re.match(r"(?P<indent>(?:│   |    )*)[├└]── (?P<name>\S+)", line)):
            continue
        parents[len(drawn["indent"]) // 4 :] = [drawn["name"].rstrip("/")]
        paths.append(PurePosixPath(*parents))
    return paths


def test_a_drawn_tree_is_read_as_paths() -> None:
    page = """
    ai-platform/
    ├── shared/              the kernel
    │   ├── llm/
    │   │   └── chat.py      the port
    │   └── domain.py
    └── Makefile
    """

    drawn = [str(path) for path in drawn_tree(dedent(page))]

    assert drawn == ["shared", "shared/llm", "shared/llm/chat.py", "shared/domain.py", "Makefile"]


def test_the_tree_in_the_readme_is_the_real_tree() -> None:
    drawn = set(drawn_tree((ROOT / "README.md").read_text(encoding="utf-8")))
    if not drawn:
        pytest.skip("the README draws no tree")
    real = {
        path for file in tracked() for path in (file, *file.parents) if path.name != "__init__.py"
    }
    opened = {path.parent for path in drawn}
    hidden = {path for path in real if path.name.startswith(".") or path == PurePosixPath()}

    assert sorted(map(str, drawn - real)) == []
    assert sorted(str(path) for path in real - drawn - hidden if path.parent in opened) == []


def all_settings() -> set[str]:
    kinds = [kind for kind in vars(settings).values() if isinstance(kind, type)]
    concerns = [kind for kind in kinds if issubclass(kind, BaseSettings)]
    return {field.upper() for concern in concerns for field in concern.model_fields}


def test_the_example_environment_names_every_setting() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    named = set(re.findall(r"^#([A-Z0-9_]+)=", example, re.MULTILINE))

    assert sorted(all_settings() - named) == []
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    others = set(re.findall(r"\$\{([A-Z0-9_]+)", compose))
    others |= {"LLM_LOCAL_KEY", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    assert sorted(named - all_settings() - others) == []


def test_copying_the_example_environment_changes_nothing() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_revisions_make_exactly_the_declared_tables(owner_database_url: str) -> None:
    for source in product():
        if " Table(" in source.text:
            importlib.import_module(module_name(source.path))

    migrations.upgrade(owner_database_url)

    migrations.check(owner_database_url, metadata)


def module_name(path: PurePosixPath) -> str:
    """services/gateway/src/gateway/wiring.py -> gateway.wiring."""
    parts = path.with_suffix("").parts
    return ".".join(parts[parts.index("src") + 1 :] if "src" in parts else parts)

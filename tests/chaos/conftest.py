"""What the chaos tests share: private servers, and a seed that is printed."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.servers import Servers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "servers" in getattr(item, "fixturenames", ()):
            item.add_marker("chaos")
            item.add_marker("slow")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="aip-chaos-", ignore_cleanup_errors=True) as name:
        servers = Servers(Path(name))
        yield servers
        servers.close()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Decides when which fault strikes; `-p randomly -p "randomly_seed=N"` repeats it."""
    chosen = random.randrange(2**32)  # noqa: S311 - pytest-randomly seeds the module
    request.node.add_report_section("setup", "seed", f"chaos seed {chosen}")
    return chosen

"""What the chaos tests share: private servers, and a seed that is printed."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.servers import Servers
from tests.services import Missing, give_up, install_rabbitmq, rabbitmq_is_installed

MISSING = pytest.StashKey[Missing]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "servers" in getattr(item, "fixturenames", ()):
            item.add_marker("chaos")
            item.add_marker("slow")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Find the broker's programs now: no test's time limit covers installing them."""
    wanted = any("broker_programs" in getattr(item, "fixturenames", ()) for item in session.items)
    if not wanted or session.config.option.collectonly or rabbitmq_is_installed():
        return
    try:
        install_rabbitmq(session.config.get_terminal_writer().line)
    except Missing as missing:
        session.config.stash[MISSING] = missing


@pytest.fixture(scope="session")
def broker_programs(pytestconfig: pytest.Config) -> None:
    """For tests with `Plan(broker=True)`."""
    if MISSING in pytestconfig.stash:
        give_up("RabbitMQ", pytestconfig.stash[MISSING])


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

"""What the chaos tests share: private servers, wrong clocks, and a seed that is printed."""

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos import faketime
from tests.chaos.servers import Servers
from tests.services import Missing, Say, give_up, install_rabbitmq, rabbitmq_is_installed

#: fixture -> why what it stands for is not here
MISSING = pytest.StashKey[dict[str, Missing]]()
#: fixture -> how to see whether it is here, and how to get it
PROGRAMS: dict[str, tuple[Callable[[], object], Callable[[Say], None]]] = {
    "broker_programs": (rabbitmq_is_installed, install_rabbitmq),
    "wrong_clocks": (faketime.library, faketime.install),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "servers" in getattr(item, "fixturenames", ()):
            item.add_marker("chaos")
            item.add_marker("slow")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Find the programs that are needed now: no test's time limit covers installing them."""
    session.config.stash[MISSING] = missing = dict[str, Missing]()
    if session.config.option.collectonly:
        return
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for name in wanted & PROGRAMS.keys():
        is_here, install = PROGRAMS[name]
        try:
            if not is_here():
                install(session.config.get_terminal_writer().line)
        except Missing as why:
            missing[name] = why


@pytest.fixture(scope="session")
def broker_programs(pytestconfig: pytest.Config) -> None:
    """For tests with `Plan(broker=True)`."""
    if why := pytestconfig.stash[MISSING].get("broker_programs"):
        give_up("RabbitMQ", why)


@pytest.fixture(scope="session")
def wrong_clocks(pytestconfig: pytest.Config) -> None:
    """For tests with `faketime.environment(...)`."""
    if why := pytestconfig.stash[MISSING].get("wrong_clocks"):
        give_up("libfaketime", why)


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

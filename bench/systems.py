"""The systems that are measured: how each is started, and where it is asked."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from bench.cpu import Meter
from bench.processes import Process, free_port, python, running
from bench.servers import Place, Servers

Name = Literal["platform", "taskiq", "taskiq_orm", "bare"]


@dataclass(frozen=True)
class Wish:
    """What all systems of one measurement have in common."""

    concurrency: int = 200
    model_delay_s: float = 0.0
    has_worker: bool = True
    #: of the platform only
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class System:
    """One system, started; everything is asked of `url`."""

    name: Name
    url: str
    place: Place
    api: Process
    worker: Process
    #: of the worker's own API, where it has one
    worker_url: str = ""

    @property
    def meter(self) -> Meter:
        return Meter({"API": self.api, "worker": self.worker}, self.place)


@contextmanager
def started(servers: Servers, directory: Path, wish: Wish, *names: Name) -> Generator[list[System]]:
    """All of them side by side: who is not asked anything is idle."""
    with ExitStack() as closing:
        systems = [
            _BUILDERS[name](closing.enter_context(servers.place(name)), directory, wish)
            for name in names
        ]
        closing.enter_context(running(*(system.api for system in systems)))
        if wish.has_worker:
            closing.enter_context(running(*(s.worker for s in systems if s.worker.command)))
        yield systems


def _platform(place: Place, directory: Path, wish: Wish) -> System:
    api_port, worker_port = free_port(), free_port()
    environment = {
        "DATABASE_URL": place.database_url,
        "RABBITMQ_URL": place.rabbitmq_url,
        "REDIS_URL": place.redis_url,
        "RABBITMQ_TASK_QUEUE": place.queue("tasks"),
        "RABBITMQ_RESULT_QUEUE": place.queue("results"),
        "RABBITMQ_CRM_QUEUE": place.queue("crm"),
        "RABBITMQ_WA_QUEUE": place.queue("wa"),
        "RABBITMQ_WA_RESULT_QUEUE": place.queue("wa_results"),
        "WORKER_CONCURRENCY": str(wish.concurrency),
        "OFFLINE_DELAY_S": str(wish.model_delay_s),
        "DATA_DIR": str(directory / "data"),
        "LOG_LEVEL": "WARNING",
        "PORT": str(worker_port),
        **wish.settings,
    }
    words = python("uvicorn", "gateway.main:app", "--port", str(api_port), "--no-access-log")
    return System(
        "platform",
        f"http://127.0.0.1:{api_port}",
        place,
        api=_process(place, directory, "gateway", words, environment, port=api_port),
        worker=_process(
            place, directory, "ai_engine", python("ai_engine.main"), environment, port=worker_port
        ),
        worker_url=f"http://127.0.0.1:{worker_port}",
    )


def _taskiq(
    place: Place, directory: Path, wish: Wish, name: Name = "taskiq", store: str = "asyncpg"
) -> System:
    port = free_port()
    environment = {
        "BENCH_STORE": store,
        "BENCH_DATABASE_URL": place.database_url,
        "BENCH_RABBITMQ_URL": place.rabbitmq_url,
        "BENCH_QUEUE": place.queue("taskiq"),
        "BENCH_CONCURRENCY": str(wish.concurrency),
        "BENCH_MODEL_DELAY_S": str(wish.model_delay_s),
    }
    words = python("taskiq", "worker", "bench.reference.queued:broker", "--workers", "1")
    words += ["--max-async-tasks", str(wish.concurrency), "--log-level", "WARNING"]
    return System(
        name,
        f"http://127.0.0.1:{port}",
        place,
        api=_reference(place, directory, "queued", environment, port=port),
        worker=_process(place, directory, "worker", words, environment),
    )


def _bare(place: Place, directory: Path, _: Wish) -> System:
    port = free_port()
    environment = {"BENCH_DATABASE_URL": place.database_url}
    return System(
        "bare",
        f"http://127.0.0.1:{port}",
        place,
        api=_reference(place, directory, "bare", environment, port=port),
        worker=_process(place, directory, "none", [], {}),
    )


_BUILDERS: Mapping[Name, Callable[[Place, Path, Wish], System]] = {
    "platform": _platform,
    "taskiq": _taskiq,
    "taskiq_orm": partial(_taskiq, name="taskiq_orm", store="orm"),
    "bare": _bare,
}


def _reference(
    place: Place, directory: Path, module: str, environment: Mapping[str, str], *, port: int
) -> Process:
    words = python("uvicorn", f"bench.reference.{module}:app", "--port", str(port))
    words.append("--no-access-log")
    return _process(place, directory, module, words, environment, port=port)


def _process(
    place: Place,
    directory: Path,
    name: str,
    words: list[str],
    environment: Mapping[str, str],
    *,
    port: int | None = None,
) -> Process:
    url = port and f"http://127.0.0.1:{port}/health/ready"
    return Process(name, words, environment, directory / f"{place.name}.{name}.log", url or None)

"""The simulated model provider: real HTTP, no thinking."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from bench.asking import asked
from bench.measuring import Bench
from bench.processes import Process, free_port, python, running
from bench.systems import System

CONFIG = "simulated"


@contextmanager
def simulators(bench: Bench) -> Generator[str]:
    """The base URL of an OpenAI that answers at once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = Process(
        "simulators",
        python("simulators.main", "--port", str(port)),
        {},
        bench.directory / "simulators.log",
        f"{url}/health",
    )
    with running(process):
        yield f"{url}/openai/v1"


def load_langchain(platform: System, base_url: str) -> None:
    """Have a job answered by the simulated OpenAI: now the worker has LangChain in its memory."""
    config = {
        "name": CONFIG,
        "provider": "openai",
        "model_name": "simulated-1",
        "api_key_env": "OPENAI_API_KEY",
        "base_url": base_url,
    }
    asked(f"{platform.worker_url}/v1/llm-configs", config)
    job_id = asked(f"{platform.url}/v1/jobs", {"prompt": "Hello", "config_name": CONFIG})["job_id"]
    deadline = time.monotonic() + 20
    while (job := asked(f"{platform.url}/v1/jobs/{job_id}"))["status"] != "COMPLETED":
        if time.monotonic() > deadline or job["status"] == "FAILED":
            raise RuntimeError(f"the simulated model did not answer: {job['error']}")
        time.sleep(0.05)

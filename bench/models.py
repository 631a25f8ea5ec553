"""What one real LangChain call costs the process that makes it, 32 at once."""

import json
import subprocess
from functools import partial

from bench.figures import Row, at_most
from bench.measuring import Bench, in_turn
from bench.processes import ROOT, python
from bench.simulators import simulators


def model_calls(bench: Bench) -> list[Row]:
    """CPU of the client alone; the simulated provider is another process."""
    with simulators(bench) as base_url:
        found = in_turn(
            bench,
            "CPU ms a model call",
            {who: partial(_cpu_ms, bench, who, base_url) for who in ("platform", "langchain")},
        )
    return [
        Row(
            "CPU of one LangChain call, 32 at once",
            "ms",
            found["platform"],
            found["langchain"],
            "ChatOpenAI.ainvoke",
            at_most(2.5, "ms"),
        )
    ]


def _cpu_ms(bench: Bench, who: str, base_url: str) -> float:
    done = subprocess.run(  # noqa: S603 - the words are ours
        python("bench.model_calls", who, base_url, str(bench.scale.model_calls)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    return float(json.loads(done.stdout))

"""Runs a module of the product with one of its mechanisms switched off, for a sabotage twin.

    python -m tests.chaos.sabotaged --off fencing -- ai_engine.main
    python -m tests.chaos.sabotaged --off idempotency -- uvicorn gateway.main:app --port 8000

The product holds no such switch: it is changed from here, before it begins.
"""

import argparse
import runpy
import sys

from tests.chaos.sabotage import SABOTAGES
from tests.chaos.sabotage_of_sales import SALES

#: every switch, by its name
SWITCHES = {**SABOTAGES, **SALES}


def main(arguments: list[str]) -> None:
    """Everything before `--` is ours; what follows is a module's name and its arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.sabotaged")
    parser.add_argument("--off", action="append", default=[], choices=sorted(SWITCHES))
    parser.add_argument("module", nargs="+")
    options = parser.parse_args(arguments)
    for name in options.off:
        SWITCHES[name]()
    sys.argv = options.module
    runpy.run_module(options.module[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

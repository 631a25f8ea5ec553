"""`python -m bench`: measure everything (about ten minutes); `--quick`: in about one."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from bench.catalog import catalog
from bench.chats import whatsapp
from bench.endurance import slow_models
from bench.figures import Row
from bench.machine import busy, described
from bench.measuring import QUICK, Bench, Scale
from bench.models import model_calls
from bench.report import Findings, show, show_samples, write
from bench.sampling import sample
from bench.servers import Missing, servers, versions
from bench.throughput import accepting, end_to_end

PARTS = ("accept", "end-to-end", "slow", "model", "catalog", "whatsapp")


def main() -> None:
    options = _options()
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, _end)  # so that databases and queues go, whoever ends us
    try:
        if options.profile:
            _profile(console)
        else:
            _measure(options, console)
    except Missing as missing:
        raise SystemExit(str(missing)) from None


def _measure(options: argparse.Namespace, console: Console) -> None:
    findings = _measured(options, console)
    show(findings, console)
    if not options.quick and options.only is None:
        write(findings)


def _profile(console: Console) -> None:
    with _bench(Scale(), console) as bench:
        show_samples(sample(bench, bench.scale.jobs * 2), console)


def _measured(options: argparse.Namespace, console: Console) -> Findings:
    findings = Findings(described(versions()), "make bench", date.today(), busy())  # noqa: DTZ011 - a date for a person
    with _bench(QUICK if options.quick else Scale(), console) as bench:
        for part in PARTS if options.only is None else [options.only]:
            console.print(f"[bold]{part}[/]")
            findings.rows += _part(part, bench, findings)
    return findings


@contextmanager
def _bench(scale: Scale, console: Console) -> Generator[Bench]:
    with tempfile.TemporaryDirectory(prefix="aip-bench-") as directory, servers() as found:
        yield Bench(found, scale, Path(directory), lambda line: console.print(f"  {line}"))


def _part(part: str, bench: Bench, findings: Findings) -> list[Row]:
    match part:
        case "accept":
            return accepting(bench)
        case "end-to-end":
            return end_to_end(bench, findings.cpu)
        case "slow":
            return slow_models(bench)
        case "model":
            return model_calls(bench)
        case "catalog":
            return catalog(bench)
        case _:
            return whatsapp(bench)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small round; writes nothing")
    parser.add_argument("--only", choices=PARTS, help="this part alone; writes nothing")
    parser.add_argument("--profile", action="store_true", help="py-spy instead; writes nothing")
    return parser.parse_args()


def _end(*_: object) -> NoReturn:
    sys.exit(1)


if __name__ == "__main__":
    main()

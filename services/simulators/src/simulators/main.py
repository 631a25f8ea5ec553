"""The simulators as one application: `python -m simulators.main --port 8900 --journal FILE`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI

from simulators import control, providers
from simulators.chat import Models
from simulators.directives import Directives
from simulators.journal import Journal
from simulators.model import ModelRule
from simulators.script import Script
from simulators.serving import run


def create_app(
    *, journal: Journal | None = None, script: Script[ModelRule] | None = None
) -> FastAPI:
    """Every simulator behind one address; without a journal only memory remembers.

    Who gives a journal closes it. A script is for tests in the same process, which may change
    it while the application runs; others use `PUT /control/script`.
    """
    models = Models(
        journal=Journal() if journal is None else journal,
        script=Script() if script is None else script,
        directives=Directives(),
    )
    app = FastAPI(
        title="Simulators", docs_url=None, redoc_url=None, routes=providers.routes(models)
    )
    app.include_router(control.router(models))

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; says where on the first line of its output."""
    options = _options(arguments)
    with Journal(options.journal, fsync=options.fsync) as journal:
        run(create_app(journal=journal), host=options.host, port=options.port)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulators.main", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900, help="0 takes any free one")
    parser.add_argument("--journal", type=Path, help="a JSONL file, continued if it exists")
    parser.add_argument("--fsync", action="store_true", help="survive power cuts too (slow)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

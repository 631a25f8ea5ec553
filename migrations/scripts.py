"""Runs a revision's statements, which lie beside it as SQL."""

from pathlib import Path

from alembic import op


def run_beside(revision: str) -> None:
    """Run the .sql beside a revision's file, one statement by one (the driver takes no more).

    Statements are separated by blank lines.
    """
    script = Path(revision).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in script.split("\n\n"):
        if statement.strip():
            op.execute(statement.replace(":", r"\:"))

"""The ground that everything else stands on."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file, one by one (the driver takes no more at a time)."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in script.split("\n\n"):
        if statement.strip():
            op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    """There is nothing before the ground: drop the database instead."""
    raise RuntimeError("the first revision cannot be undone")

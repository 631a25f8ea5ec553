"""Payments: attempts at getting orders paid, what providers told of them, and what went back."""

from migrations.scripts import run_beside

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)


def downgrade() -> None:
    """Payments are not thrown away by a command: restore a backup instead."""
    raise RuntimeError("the fifth revision cannot be undone")

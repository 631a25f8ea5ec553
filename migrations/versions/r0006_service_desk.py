"""The service desk: labels, quick replies, tickets with their clocks, and automation rules."""

from migrations.scripts import run_beside

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)


def downgrade() -> None:
    """What people wrote down is not thrown away by a command: restore a backup instead."""
    raise RuntimeError("the sixth revision cannot be undone")

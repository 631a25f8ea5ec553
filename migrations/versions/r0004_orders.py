"""Orders: what customers want, the stock they hold, and what the shop's rules say of prices."""

from migrations.scripts import run_beside

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)


def downgrade() -> None:
    """Orders are not thrown away by a command: restore a backup instead."""
    raise RuntimeError("the fourth revision cannot be undone")

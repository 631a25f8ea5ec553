"""The catalog: products, variants, stock, and what they are found by."""

from migrations.scripts import run_beside

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)


def downgrade() -> None:
    """A shop's goods are not thrown away by a command: restore a backup instead."""
    raise RuntimeError("the third revision cannot be undone")

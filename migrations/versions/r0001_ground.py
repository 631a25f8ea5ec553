"""The ground that everything else stands on."""

from migrations.scripts import run_beside

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)


def downgrade() -> None:
    """There is nothing before the ground: drop the database instead."""
    raise RuntimeError("the first revision cannot be undone")

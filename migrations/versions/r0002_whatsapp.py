"""WhatsApp: tenants, customers, conversations, turns, and what is sent for them."""

from migrations.scripts import run_beside

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)


def downgrade() -> None:
    """Conversations are not thrown away by a command: restore a backup instead."""
    raise RuntimeError("the second revision cannot be undone")

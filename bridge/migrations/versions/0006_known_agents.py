"""Which accounts have had an agent: whoever signs in for the first time may get one, nobody gets one back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make one table; replicas of the release before make no agents."""
    op.create_table(
        "known_agents",
        sa.Column("account_hash", sa.String(64), primary_key=True),
        sa.Column("connection", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("client_token", sa.String(36), nullable=False),
        sa.Column("claimed_at", sa.Float, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_index("ix_known_agents_connection", "known_agents", ["connection"])


def downgrade() -> None:
    """Drop it: what is not known any more is told from the journal, as far as that goes back."""
    op.drop_table("known_agents")

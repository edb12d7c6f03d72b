"""Browser sessions and agent sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "browser_sessions",
        sa.Column("id_hash", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    op.create_index("ix_browser_sessions_expires_at", "browser_sessions", ["expires_at"])
    op.create_table(
        "agent_sessions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("sub_key", sa.String(64), nullable=False),
        sa.Column("sid_key", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("ended_code", sa.String(32), nullable=False),
        sa.Column("lock_owner", sa.String(64), nullable=False),
        sa.Column("lock_until", sa.Float, nullable=False),
    )
    for column in ("sub_key", "sid_key", "expires_at"):
        op.create_index(f"ix_agent_sessions_{column}", "agent_sessions", [column])


def downgrade() -> None:
    """Drop both tables: everybody signs in again."""
    op.drop_table("agent_sessions")
    op.drop_table("browser_sessions")

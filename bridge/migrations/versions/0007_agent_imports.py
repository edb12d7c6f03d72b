"""Imports of agents that the console works off step by step: an interruption leaves no holes and makes no doubles."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make two tables; replicas of the release before import nothing."""
    op.create_table(
        "agent_imports",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("connection", sa.String(16), nullable=False),
        sa.Column("first_version", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
    )
    op.create_index("ix_agent_imports_connection", "agent_imports", ["connection"])
    op.create_table(
        "agent_import_rows",
        sa.Column("import_id", sa.String(32), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("claimed_at", sa.Float, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_index("ix_agent_import_rows_state", "agent_import_rows", ["import_id", "state"])


def downgrade() -> None:
    """Drop both: what an import did stays done, and what it had before it is to be uploaded again."""
    op.drop_table("agent_import_rows")
    op.drop_table("agent_imports")

"""Sessions by connection, what an administrator sees of one, and what may happen once.

Each new column has a default, so that replicas of the release before go on writing rows beside those of this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns with an index, and the table of marks."""
    op.add_column("agent_sessions", sa.Column("about", sa.Text, nullable=False, server_default=""))
    op.add_column("agent_sessions", sa.Column("connection_key", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_agent_sessions_connection_key", "agent_sessions", ["connection_key"])
    op.create_table(
        "used_marks",
        sa.Column("mark", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    op.create_index("ix_used_marks_expires_at", "used_marks", ["expires_at"])


def downgrade() -> None:
    """Take them away again; sessions live on."""
    op.drop_table("used_marks")
    op.drop_index("ix_agent_sessions_connection_key", "agent_sessions")
    op.drop_column("agent_sessions", "connection_key")
    op.drop_column("agent_sessions", "about")

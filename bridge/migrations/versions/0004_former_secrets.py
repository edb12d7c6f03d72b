"""Which former client secret is still tried at a provider, until the new one has worked there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; replicas of the release before neither read nor need it."""
    op.create_table(
        "former_secrets",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("former", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop the table: from then on the secret in force is the only one."""
    op.drop_table("former_secrets")

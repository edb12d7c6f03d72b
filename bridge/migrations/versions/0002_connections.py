"""Connections with their versions, rehearsals, administrators, and the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the console's tables."""
    _make_connections()
    _make_rehearsals()
    _make_access()
    op.create_table(
        "journal",
        # SQLite counts rows only in columns of its own kind of integer.
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("event", sa.String(48), nullable=False),
        sa.Column("connection", sa.String(16), nullable=False),
        sa.Column("code", sa.String(48), nullable=False),
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("person", sa.String(320), nullable=False),
        sa.Column("actor", sa.String(320), nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("details", sa.Text, nullable=False),
    )
    for columns in (["connection", "at"], ["connection", "id"], ["reference"], ["at"]):
        op.create_index(f"ix_journal_{'_'.join(columns)}", "journal", columns)


def _make_connections() -> None:
    op.create_table(
        "connections",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("first_version", sa.Integer, nullable=False),
        sa.Column("active_version", sa.Integer, nullable=False),
        sa.Column("newest_version", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "connection_versions",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("public_only", sa.Boolean, nullable=False),
        sa.Column("author", sa.String(320), nullable=False),
        sa.Column("act", sa.String(48), nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
    )
    op.create_table(
        "connection_domains",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("domain", sa.String(255), primary_key=True),
        sa.Column("verified_at", sa.Float, nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
    )
    changes = op.create_table(
        "connection_changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.bulk_insert(changes, [{"id": 1, "revision": 0}])


def _make_rehearsals() -> None:
    op.create_table(
        "rehearsals",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("code", sa.String(48), nullable=False),
        sa.Column("by", sa.String(320), nullable=False),
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_index("ix_rehearsals_key_at", "rehearsals", ["key", "at"])
    op.create_table(
        "rehearsal_links",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("made_by", sa.String(320), nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )


def _make_access() -> None:
    op.create_table(
        "admin_links",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("used_at", sa.Float),
    )
    op.create_table(
        "admin_sessions",
        sa.Column("id_hash", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """Drop the console's tables: connections of the file stay, since the file has them."""
    for table in (
        "admin_sessions",
        "admin_links",
        "rehearsal_links",
        "rehearsals",
        "connection_changes",
        "connection_domains",
        "connection_versions",
        "connections",
        "journal",
    ):
        op.drop_table(table)

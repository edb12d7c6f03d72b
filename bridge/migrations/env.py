"""How Alembic reaches the database: over the connection that `bridge.db` hands it."""

from alembic import context

from bridge.db import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()

"""One PostgreSQL database for all tests of a run: to empty a few tables takes less than to make all of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import delete

from bridge.db import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from sqlalchemy import Table


@contextmanager
def emptied(store: str, request: pytest.FixtureRequest, *tables: Table) -> Iterator[Database]:
    """Give a database of the kind that `store` names, with nothing in these tables."""
    if store == "postgresql":
        shared: Database = request.getfixturevalue("sessions_in_postgresql")
        with shared.transaction() as transaction:
            for table in tables:
                transaction.execute(delete(table))
        yield shared
    else:
        made = Database(request.getfixturevalue("database_url"))
        yield made
        made.close()

"""When a prober may take a replica out of service: only where another one could do better."""

from __future__ import annotations

from typing import Final

import pytest

from bridge.web.health import _status

AWAY: Final = "store_unavailable"


@pytest.mark.parametrize(
    ("checks", "place", "status"),
    [
        ({"database": "ok", "redis": "ok"}, "redis", "ok"),
        ({"database": AWAY, "redis": "ok"}, "redis", "degraded"),
        ({"database": "no_answer", "redis": "ok"}, "redis", "degraded"),
        ({"database": "schema_behind", "redis": "ok"}, "redis", "unavailable"),
        ({"database": "ok", "redis": AWAY}, "redis", "unavailable"),
        ({"database": AWAY, "redis": AWAY}, "redis", "unavailable"),
        ({"server": "starting", "database": AWAY, "redis": "ok"}, "redis", "unavailable"),
        ({"server": "draining", "database": "ok", "redis": "ok"}, "redis", "unavailable"),
        ({"database": AWAY}, "database", "unavailable"),
    ],
    ids=[
        "all is well",
        "the database is away",
        "the database hangs",
        "the schema is older",
        "sessions are away",
        "both are away",
        "never ready yet",
        "about to end",
        "sessions are in the database",
    ],
)
def test_only_a_server_without_its_sessions_or_its_workers_is_unavailable(
    checks: dict[str, str], place: str, status: str
) -> None:
    assert _status(checks, place) == status

"""What release 0.1.0 left behind is this release's from the first moment on; and the other way round."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import psycopg
import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.engine import make_url

from bridge.core.model import Secret
from bridge.db import Database
from tests.kit.clock import Clock
from tests.kit.house import House, build_house, demo_settings
from tests.upgrade.painter import CONNECTION, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.browser import Browser
    from tests.kit.redis_server import RedisServer

PICTURE = Path(__file__).parents[1] / "fixtures/releases/0.1.0"
SCHEMA = "0007"
"""Of that release."""


def told(name: str) -> Any:
    return json.loads((PICTURE / name).read_text("utf-8"))


@pytest.fixture
def url(store: str, empty_url: str, tmp_path: Path) -> str:
    """The URL of a database as that release left it."""
    sql = (PICTURE / f"{store}.sql").read_text("utf-8")
    if store == "sqlite":
        with closing(sqlite3.connect(tmp_path / "bridge.db")) as database:
            database.executescript(sql)
        return f"sqlite:///{tmp_path}/bridge.db"
    address = make_url(empty_url)
    host, name = str(address.query["host"]), str(address.database)
    with psycopg.connect(host=host, user="postgres", dbname=name, autocommit=True) as connection:
        connection.execute(sql.encode())
    return empty_url


@pytest.fixture
def hands(store: str) -> dict[str, Any]:
    """What its browsers and its platform have."""
    found: dict[str, Any] = told(f"{store}.json")
    return found


@pytest.fixture
def sessions(store: str, request: pytest.FixtureRequest) -> str:
    """Where its sessions are: beside PostgreSQL the picture has them in Redis."""
    if store == "sqlite":
        return "database"
    redis: RedisServer = request.getfixturevalue("redis_server")
    address = redis.emptied()
    with redis.admin() as client:
        for name, value in told("redis.json").items():
            client.hset(name, mapping=value) if isinstance(value, dict) else client.sadd(name, *value)
    return address


@pytest.fixture
def house(url: str, sessions: str, hands: dict[str, Any], tmp_path: Path) -> Iterator[House]:
    """This release over what that one left, a minute later."""
    clock = Clock()
    clock.advance(hands["at"] + 60 - clock())
    settings = demo_settings(tmp_path, connections=(CONNECTION,))
    kept = settings.store.model_copy(update={"database": url, "sessions": sessions})
    with patch("tests.kit.house.Clock", lambda: clock):
        built = build_house(replace(settings, store=kept, secret_keys=(Secret(SECRET),)))
    yield built
    built.services.session_store.close()
    built.services.database.close()


def browser(house: House, cookies: list[dict[str, str]]) -> Browser:
    made = house.browser()
    for one in cookies:
        made.wire.cookies.set(one["name"], one["value"], domain=one["domain"], path=one["path"])
    return made


def test_everybody_goes_on_where_they_were(house: House, hands: dict[str, Any]) -> None:
    agent = browser(house, hands["agent"])
    session = agent.fetch("/session").json()
    assert (session["connection"], session["account_name"]) == (CONNECTION, "lin")
    assert agent.post("/session/token").json()["access_token"] == agent.cookie("AC_TOKEN")
    assert browser(house, hands["leaver"]).fetch("/session").status_code == 401
    console = browser(house, hands["administrator"])
    assert CONNECTION in console.open("/admin/connections", follow=False).text
    (listed,) = house.services.agent_sessions.of_connection(CONNECTION)
    assert listed.session.account_name == "lin"
    key = {"Authorization": f"Bearer {hands['api_key']}"}
    seen = agent.wire.get(f"{agent.origin}/api/v1/connections/{CONNECTION}/sessions", headers=key, timeout=30)
    assert [one["account_name"] for one in seen.json()["items"]] == ["lin"]
    events = [record.event for record in house.journal()]
    assert sorted(one for one in events if one in hands["journal"]) == hands["journal"]
    # Replicas of two releases beside one another must not take turns in making versions.
    assert [version.number for version in house.services.register.history(CONNECTION)] == [1]


def test_who_was_on_the_way_then_is_known_when_they_come_back_now(house: House, hands: dict[str, Any]) -> None:
    # This sandbox never gave that code: its refusal is the provider's, the sign-in itself is known.
    came = browser(house, hands["newcomer"]).open(hands["arrival"], follow=False)
    assert (came.status_code, "idp_error" in came.text) == (400, True)


def test_the_way_back_leaves_every_row_of_the_former_release_as_it_was(url: str) -> None:
    database = Database(url)
    before = rows(database)
    database.upgrade()
    if database.revision() != SCHEMA:
        database.downgrade(SCHEMA)
    assert (database.revision(), rows(database)) == (SCHEMA, before)
    database.close()


def rows(database: Database) -> dict[str, list[Any]]:
    found = MetaData()
    found.reflect(database.engine)
    with database.transaction() as connection:
        return {one.name: sorted(map(repr, connection.execute(one.select()).all())) for one in found.sorted_tables}


def test_what_a_newer_release_keeps_beside_is_passed_over_and_survives_our_writes(
    house: House, hands: dict[str, Any], store: str, request: pytest.FixtureRequest
) -> None:
    redis = request.getfixturevalue("redis_server").admin() if store == "postgresql" else None
    (before,) = house.services.agent_sessions.of_connection(CONNECTION)
    name = f"bridge:session:{before.session.id}"
    with house.services.database.transaction() as connection:
        connection.execute(text("ALTER TABLE agent_sessions ADD COLUMN of_tomorrow VARCHAR(8) NOT NULL DEFAULT 'kept'"))
        connection.execute(text("UPDATE schema_version SET version_num = '9999'"))
    if redis:
        redis.hset(name, "of_tomorrow", "kept")
    house.services.database.upgrade()
    sessions = house.services.agent_sessions
    owner = sessions.claim_renewal(before.session.id)
    sessions.renewed(before.session, before.session.tokens, before.session.fuyun, owner)
    assert browser(house, hands["agent"]).fetch("/session").status_code == 200
    if redis:
        assert redis.hget(name, "of_tomorrow") == b"kept"
        redis.close()
    else:
        house.browser().sign_in(CONNECTION, "fang")
        assert {row["of_tomorrow"] for row in _sessions(house)} == {"kept"}
    assert house.services.database.revision() == "9999"


def _sessions(house: House) -> list[Any]:
    with house.services.database.transaction() as connection:
        return [*connection.execute(text("SELECT * FROM agent_sessions")).mappings()]

"""The day after: a database is lost, and a backup of it brings the house back, but nobody who had left it."""

from __future__ import annotations

import logging
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import structlog
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from bridge import cli
from bridge.access.api_keys import Wanted
from tests.journeys.steps import signed_in
from tests.kit.desk import operator
from tests.kit.house import House, build_house, demo_settings
from tests.upgrade.picture import programs, reached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.kit.postgresql import Server
    from tests.kit.redis_server import RedisServer

NAME = "globex"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(demo_settings(tmp_path, connections=(NAME,)))
    yield built
    built.services.database.close()


def run(folder: Path, *arguments: str) -> Result:
    config = ["--config", str(folder / "bridge.toml")]
    return CliRunner().invoke(cli.main, ["database", *arguments, *config], catch_exceptions=False)


def back(house: House) -> House:
    """Return another process over what lies there now; whoever has cookies keeps them."""
    again = build_house(house.settings)
    again.adapter.mount(house.settings.public_url, again.app)
    house.adapter.applications.update(again.adapter.applications)
    return again


def new_key(house: House) -> tuple[str, str]:
    entry = house.services.register.entry(NAME)
    wanted = Wanted({entry.name: entry.first_version}, ("sessions",), 86_400, "test", label="test")
    key, text = house.services.api_keys.make(wanted)
    return key.id, text


def asked_with(house: House, key: str) -> int:
    browser = house.browser()
    url = f"{browser.origin}/api/v1/connections/{NAME}/sessions"
    return browser.wire.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code


def test_a_lost_database_comes_back_with_everything_but_sessions(house: House, tmp_path: Path) -> None:
    agent, console, (key_id, key) = signed_in(house), operator(house), new_key(house)
    assert run(tmp_path, "backup", str(tmp_path / "saved")).exit_code == 0
    house.services.api_keys.revoke(key_id)
    house.services.database.close()
    for part in tmp_path.glob("bridge.db*"):
        part.unlink()
    told = run(tmp_path, "restore", str(tmp_path / "saved"), "--yes")
    assert told.exit_code == 0
    assert "sessions ended: 1 of agents, 1 of administrators" in told.output
    assert "revoke API keys again" in told.output
    after = back(house)
    refused = agent.fetch("/session")
    assert (refused.status_code, refused.json()["code"]) == (401, "session_ended")
    assert console.open("/admin/connections", follow=False).status_code != 200
    assert NAME in operator(after).open("/admin/connections").text
    assert asked_with(after, key) == 200  # which the operator was told of
    assert signed_in(after).fetch("/session").status_code == 200
    assert [record.event for record in after.journal()].count("database_restored") == 1
    after.services.database.close()


def test_a_move_to_another_machine_interrupts_nobody(house: House, tmp_path: Path) -> None:
    agent = signed_in(house)
    run(tmp_path, "backup", str(tmp_path / "saved"))
    house.services.database.close()
    told = run(tmp_path, "restore", str(tmp_path / "saved"), "--yes", "--keep-sessions")
    assert "What was there is" in told.output
    after = back(house)
    assert agent.fetch("/session").status_code == 200
    after.services.database.close()


def test_a_backup_without_its_keys_is_refused_and_changes_nothing(house: House, tmp_path: Path) -> None:
    agent = signed_in(house)
    run(tmp_path, "backup", str(tmp_path / "saved"))
    house.services.database.close()
    config = tmp_path / "bridge.toml"
    good = config.read_text("utf-8")
    lines = good.splitlines()
    config.write_text("\n".join(['secret_keys = ["another key of at least 32 characters"]', *lines[:1], *lines[2:]]))
    told = run(tmp_path, "restore", str(tmp_path / "saved"), "--yes")
    assert (told.exit_code, "records that none of secret_keys opens" in told.output) == (1, True)
    assert [*tmp_path.glob("bridge.db.*-*")] == []
    config.write_text(good, "utf-8")
    after = back(house)
    assert agent.fetch("/session").status_code == 200
    after.services.database.close()


def test_nothing_is_restored_under_a_bridge_that_works(house: House, tmp_path: Path) -> None:
    agent = signed_in(house)
    run(tmp_path, "backup", str(tmp_path / "saved"))
    told = run(tmp_path, "restore", str(tmp_path / "saved"), "--yes")
    assert (told.exit_code, "is in use: end every replica first" in told.output) == (1, True)
    assert agent.fetch("/session").status_code == 200


def test_postgresql_comes_back_by_its_own_programs_and_its_sessions_are_ended(
    tmp_path: Path, postgresql_server: Server
) -> None:
    settings = demo_settings(tmp_path, connections=(NAME,))
    config, saved = tmp_path / "bridge.toml", tmp_path / "saved"
    with postgresql_server.database() as lost, postgresql_server.database(empty=True) as found:
        written = config.read_text("utf-8")
        config.write_text(written.replace(settings.store.database, found), "utf-8")
        store = settings.store.model_copy(update={"database": lost})
        house = build_house(replace(settings, store=store))
        agent, (_, key) = signed_in(house), new_key(house)
        there, names = reached(postgresql_server.folder), [str(make_url(url).database) for url in (lost, found)]
        dump = [f"{programs()}/pg_dump", "--format=custom", f"--file={saved}", *there, names[0]]
        restore = [f"{programs()}/pg_restore", "--single-transaction", "--no-owner", *there, "-d", names[1], str(saved)]
        for command in (dump, restore):
            subprocess.run(command, check=True, capture_output=True)
        house.services.database.close()
        assert "use pg_dump" in run(tmp_path, "backup", str(saved)).output
        told = run(tmp_path, "end-sessions", "--yes")
        assert told.output == "Sessions ended: 1 of agents, 0 of administrators.\n"
        house.settings = replace(settings, store=settings.store.model_copy(update={"database": found}))
        after = back(house)
        assert agent.fetch("/session").json()["code"] == "session_ended"
        assert (asked_with(after, key), signed_in(after).fetch("/session").status_code) == (200, 200)
        after.services.database.close()


def test_a_redis_that_comes_back_empty_costs_a_sign_in_and_nothing_else(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    settings = demo_settings(tmp_path, connections=(NAME,))
    store = settings.store.model_copy(update={"sessions": redis_server.emptied()})
    house = build_house(replace(settings, store=store))
    agent, console = signed_in(house), operator(house)
    redis_server.emptied()
    refused = agent.fetch("/session")
    assert (refused.status_code, refused.json()["code"]) == (401, "session_missing")
    assert console.open("/admin/connections", follow=False).status_code == 200
    assert agent.sign_in(NAME).url.endswith("/softphone")
    house.services.session_store.close()
    house.services.database.close()

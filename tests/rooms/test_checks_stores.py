"""What `check` says of the stores, the keys and the machine: what is written comes back, and there is room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import QueuePool

from bridge.checks import keys, lines, machine, stores
from bridge.checks.scene import Deployment, Scene
from bridge.connections.secrets import KeyRing
from bridge.core.model import Secret
from bridge.db import Database, revisions
from bridge.sessions.database import DatabaseSessions
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.journeys.steps import rehoused

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.checks.finding import Finding
    from tests.kit.house import House
    from tests.kit.postgresql import Server
    from tests.kit.redis_server import RedisServer

SOMEWHERE = "sqlite://"
Told = list[tuple[str, str]]


def scene(house: House, **deployed: object) -> Scene:
    outbound = house.services.outbound
    deployment = Deployment(**deployed)  # type: ignore[arg-type]
    return Scene(house.services, outbound, MetadataCache(outbound), KeyCache(outbound), deployment)


def named(found: list[Finding]) -> dict[str, tuple[str, str]]:
    return {one.name: (one.level, one.what) for one in found}


def test_a_database_takes_and_gives_back(house: House) -> None:
    before = house.rows()
    told = named([*stores.look_at_database(scene(house))])
    assert told["store.schema"] == ("ok", f"{revisions()[0]}, as this release has it")
    assert told["store.database"][1].startswith("written, read and deleted in ")
    assert told["keys.opens"] == ("ok", "secret_keys open all 4 kept versions of connections")
    assert house.rows() == before


def test_a_database_that_fails_is_told(house: House) -> None:
    broken = replace(house.services, database=Database("sqlite:////proc/nowhere/x.db"))
    outbound = house.services.outbound
    (told,) = stores.look_at_database(Scene(broken, outbound, MetadataCache(outbound), KeyCache(outbound)))
    assert (told.name, told.level) == ("store.database", "fault")
    assert told.what.endswith("(received a file that cannot be opened) at /proc/nowhere/x.db")
    assert "a folder that the bridge may write to" in told.advice


def test_a_file_that_moves_with_the_working_directory_is_doubted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)
    told, _room = stores._sqlite(Database("sqlite:///bridge.db"))
    assert (told.name, told.level, told.what) == (
        "store.path",
        "warn",
        f"bridge.db is relative: from here it is {tmp_path}/bridge.db",
    )


def test_secrets_that_no_key_opens_are_a_fault(house: House) -> None:
    other = replace(house.services, key_ring=KeyRing([Secret("another key of thirty-two letters")]))
    outbound = house.services.outbound
    told = named([*stores.look_at_database(Scene(other, outbound, MetadataCache(outbound), KeyCache(outbound)))])
    assert told["keys.lost"] == ("fault", "none of secret_keys opens 4 of 4 kept versions of connections")


@pytest.mark.parametrize(
    ("present", "level", "what"),
    [
        ("", "warn", "no tables yet"),
        (revisions()[0], "ok", f"{revisions()[0]}, as this release has it"),
        (revisions()[-1], "warn", f"{revisions()[-1]}; still to come: 0002_"),
        ("9999", "warn", f"9999, made by a newer release; this one has {revisions()[0]}"),
    ],
    ids=["none", "this release's", "behind", "ahead"],
)
def test_a_schema_is_behind_or_ahead(present: str, level: str, what: str) -> None:
    told = stores.schema(present, revisions())
    assert (told.level, told.what[: len(what)]) == (level, what)


@pytest.mark.parametrize(("kept", "gone"), [(False, True), (True, False)], ids=["forgets", "does not forget"])
def test_a_store_that_does_not_keep_its_word_is_a_fault(
    house: House, monkeypatch: pytest.MonkeyPatch, *, kept: bool, gone: bool
) -> None:
    store = DatabaseSessions(house.services.database)
    if not kept:
        monkeypatch.setattr(store, "get_blob", lambda *_: None)
    if not gone:
        monkeypatch.setattr(store, "delete_blob", lambda _: None)
    assert stores.round_trip("store.database", store, house.services.now()).level == "fault"


@pytest.mark.parametrize(
    ("most", "wanted", "level", "ends"),
    [
        (97, 32, "ok", "97: enough for 3 such replicas"),
        (97, 64, "warn", "97: enough for one such replica"),
        (97, 128, "warn", "97"),
    ],
    ids=["enough", "none for a second at a rolling restart", "too few"],
)
def test_connections_are_counted_before_they_run_out(most: int, wanted: int, level: str, ends: str) -> None:
    told = stores.capacity("store", most, wanted)
    assert (told.level, told.what) == (level, f"this replica opens up to {wanted} connections, the store takes {ends}")


@pytest.mark.parametrize(
    ("free", "level"),
    [(2_000_000_000, "ok"), (900_000_000, "warn"), (90_000_000, "fault")],
    ids=["room", "little", "none"],
)
def test_a_disk_that_fills_up_is_told_in_time(free: int, level: str) -> None:
    assert stores.disk("bridge.db", free).level == level


def test_sessions_in_redis_are_asked_for_and_what_could_lose_them_is_doubted(
    house: House, redis_server: RedisServer
) -> None:
    url = redis_server.emptied()
    kept = rehoused(
        house, lambda old: replace(old, store=old.store.model_copy(update={"sessions": url, "database": SOMEWHERE}))
    )
    trip, doubt, room = stores.look_at_redis(scene(kept, sessions_url=url, workers=2))
    assert (trip.level, trip.what.startswith("written, read and deleted in ")) == ("ok", True)
    assert (doubt.what, doubt.advice) == ("a restart of this Redis signs everybody out", "Switch on appendonly.")
    assert (room.level, room.what.partition(",")[0]) == ("ok", "this replica opens up to 128 connections")


@pytest.mark.parametrize(("threads", "connections"), [(4, 8), (32, 64), (200, 128)], ids=["few", "usual", "many"])
def test_each_thread_has_a_line_for_sessions_and_one_for_limits(threads: int, connections: int) -> None:
    assert lines.to_redis(threads) == connections


def test_a_redis_that_does_not_answer_is_told(house: House) -> None:
    url = "redis://127.0.0.1:9"
    silent = rehoused(
        house, lambda old: replace(old, store=old.store.model_copy(update={"sessions": url, "database": SOMEWHERE}))
    )
    (told,) = stores.look_at_redis(scene(silent, sessions_url=url))
    assert (told.name, told.level, "store_unavailable" in told.what) == ("store.sessions", "fault", True)


@pytest.mark.parametrize(
    ("text", "weak"),
    [
        ("AGJueY3wS2it2426ejzedRe_Rx48Qjk-qjm0rn1DrDEDLPoZvpDSQfqlvFcXWS23", False),
        ("5f1c0a9be7d24386a1b2c3d4e5f60718", False),
        ("changemechangemechangemechangeme", True),
        ("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb", True),
    ],
    ids=["drawn by lot", "hexadecimal", "repeated", "few characters"],
)
def test_a_key_that_was_typed_is_weak(text: str, *, weak: bool) -> None:
    assert keys.is_weak(text) == weak


def test_weak_and_doubled_keys_are_named_by_their_place_alone() -> None:
    good, typed = Secret("5f1c0a9be7d24386a1b2c3d4e5f60718"), Secret("changemechangemechangemechangeme")
    ring = (good, typed, good)
    told = [*keys.look(KeyRing(ring), ring)]
    assert [(one.name, one.level) for one in told] == [
        ("keys.ring", "ok"),
        ("keys.doubled", "warn"),
        ("keys.weak", "warn"),
    ]
    assert [one.what.split()[0] for one in told[1:]] == ["secret_keys[2]", "secret_keys[1]"]
    assert "changeme" not in str(told)


@pytest.mark.parametrize(
    ("config", "modes", "level"),
    [
        ('secret_keys = ["x"]', (0o644, 0o600), "warn"),
        ('secret_keys = ["x"]', (0o640, 0o600), "ok"),
        ("secret_keys = [{ file = 'key' }]", (0o644, 0o600), "ok"),
        ("secret_keys = [{ file = 'key' }]", (0o600, 0o644), "warn"),
    ],
    ids=["secrets inside", "for the group", "secrets elsewhere", "an open secret"],
)
def test_secrets_that_everybody_can_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, modes: tuple[int, int], level: str
) -> None:
    # The folders on the way are this machine's own affair.
    monkeypatch.setattr(machine, "is_open", lambda path: bool(path.stat().st_mode & 0o004))
    for name, content, mode in zip(("bridge.toml", "key"), (config, "x"), modes, strict=True):
        (tmp_path / name).write_text(content, "utf-8")
        (tmp_path / name).chmod(mode)
    (told,) = machine._readable(tmp_path / "bridge.toml")
    assert told.level == level


def test_a_folder_that_is_closed_closes_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "bridge.db"
    file.touch(0o644)
    tmp_path.chmod(0o700)
    assert not machine.is_open(file)


def test_postgresql_tells_how_many_connections_it_takes(house: House, postgresql_server: Server) -> None:
    with postgresql_server.database(empty=True) as url:
        database = Database(url)
        pool = database.engine.pool
        assert isinstance(pool, QueuePool)
        assert pool.size() + pool._max_overflow == lines.TO_POSTGRESQL
        there = replace(house.services, database=database, now=lambda: 0.0)
        outbound = house.services.outbound
        told = named([*stores.look_at_database(Scene(there, outbound, MetadataCache(outbound), KeyCache(outbound)))])
        database.close()
    assert told["store.schema"] == ("warn", "no tables yet")
    assert told["store.database.connections"][1].startswith("this replica opens up to 32 connections")
    assert told["store.database.clock"][0] == "warn"

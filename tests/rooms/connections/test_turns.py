"""Replicas whose files differ take turns, which the journal and `check` tell; a change of the file is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.app import provision
from bridge.checks import file
from bridge.checks.scene import Deployment, Scene
from bridge.connections.secrets import KeyRing
from bridge.connections.turns import contents_of
from bridge.core.model import Secret
from bridge.db import Database
from bridge.ops.trail import Search, Trail
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.core.model import Connection
    from tests.kit.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(demo_settings(tmp_path, connections=("contoso", "globex")))


def with_file(house: House, content: str) -> tuple[Connection, ...]:
    """Return what one of five files says: another title, another secret, one connection less, or other titles."""
    first, second = house.settings.connections
    return {
        "a": (first, second),
        "b": (replace(first, title="Another"), second),
        "c": (replace(first, idp=replace(first.idp, client_secret=Secret("another secret"))), second),
        "d": (first,),
        "e": (replace(first, title="Another"), replace(second, title="A third")),
    }[content]


def told(house: House, content: str) -> tuple[str, str]:
    outbound = house.services.outbound
    deployment = Deployment(given=with_file(house, content))
    scene = Scene(house.services, outbound, MetadataCache(outbound), KeyCache(outbound), deployment)
    (found,) = file.look(scene)
    return found.level, found.what


@pytest.mark.parametrize(
    ("starts", "times"),
    [("bb", 0), ("bc", 0), ("ba", 1), ("bab", 2), ("ca", 1), ("da", 1), ("bca", 1)],
    ids=["the same again", "changed twice", "undone", "in turns", "another secret", "one less", "undone later"],
)
def test_what_comes_back_after_something_else_is_told(house: House, starts: str, times: int) -> None:
    for content in starts:
        provision(replace(house.settings, connections=with_file(house, content)), house.services)
    noted = house.services.trail.search(Search(event="files_differ"))
    assert len(noted) == times
    level, what = told(house, starts[-1])
    assert level == ("ok", "warn", "fault")[times]
    assert what.partition(" ")[0] == (str(times) if times else "as")


def test_what_was_mended_an_hour_ago_is_a_fault_no_longer(house: House) -> None:
    for content in "bab":
        provision(replace(house.settings, connections=with_file(house, content)), house.services)
    assert [told(house, "b")[0], told(house, "c")[0]] == ["fault", "fault"]
    house.clock.advance(3601)
    assert [told(house, "b")[0], told(house, "c")[0]] == ["warn", "fault"]


def test_many_connections_hide_no_earlier_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trail.search, "__defaults__", (4,))  # rows of a page; each file changes two connections
    for content in "eae":
        provision(replace(house.settings, connections=with_file(house, content)), house.services)
    assert told(house, "e")[0] == "fault"


def test_a_journal_that_cannot_be_read_keeps_no_session_of_what_left_the_file(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.browser().sign_in("globex")
    assert len(list(house.services.agent_sessions.of_connection("globex"))) == 1
    broken = Trail(Database("sqlite:////proc/x.db"), retention=1, per_connection=1, now=house.clock)
    provision(replace(house.settings, connections=with_file(house, "d")), replace(house.services, trail=broken))
    assert list(house.services.agent_sessions.of_connection("globex")) == []


def test_check_says_that_something_else_was_provisioned(house: House) -> None:
    assert told(house, "b") == ("warn", "other connections than this file's were provisioned 0 minutes ago")


def test_a_database_that_does_not_answer_is_told_elsewhere(house: House) -> None:
    broken = replace(
        house.services, trail=Trail(Database("sqlite:////proc/x.db"), retention=1, per_connection=1, now=house.clock)
    )
    outbound = house.services.outbound
    assert [*file.look(Scene(broken, outbound, MetadataCache(outbound), KeyCache(outbound)))] == []
    house.clock.advance(100_000)
    whole = Scene(house.services, outbound, MetadataCache(outbound), KeyCache(outbound))
    assert [one.level for one in file.look(whole)] == ["ok"]


def test_a_new_key_makes_no_other_content_and_no_secret_can_be_told(house: House) -> None:
    given, old, new = with_file(house, "a"), Secret("k" * 32), Secret("n" * 32)
    (kept,) = contents_of(given, KeyRing([old]))
    assert kept in contents_of(given, KeyRing([new, old]))
    assert kept not in contents_of(given, KeyRing([new]))

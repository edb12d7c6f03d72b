"""Whose session is it: found on every store by person, provider session and connection, and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.connections.secrets import KeyRing
from bridge.core.model import Secret
from tests.contracts.session_desk import IDLE, LIN, Desk, refused

if TYPE_CHECKING:
    from bridge.sessions.rows import SessionStore


@pytest.fixture
def desk(session_store: SessionStore) -> Desk:
    return Desk(session_store)


def test_sessions_are_found_by_person_by_provider_session_and_by_connection(desk: Desk) -> None:
    mine, other = desk.begin(), desk.begin(replace(LIN, sub="another", sid=""))
    of_person = desk.sessions.of_person("contoso", "https://idp.example", "sub-of-lin")
    assert [(live.session, live.device) for live in of_person] == [(mine, "Firefox on Linux")]
    of_provider = desk.sessions.of_provider_session("contoso", "https://idp.example", "sid-of-lin")
    assert [live.session.handle for live in of_provider] == [mine.handle]
    of_connection = desk.sessions.of_connection("contoso")
    assert {live.session.id for live in of_connection} == {mine.id, other.id}


@pytest.mark.parametrize(
    ("connection", "iss", "value"),
    [
        ("acme", "https://idp.example", "sub-of-lin"),
        ("contoso", "https://other.example", "sub-of-lin"),
        ("contoso", "https://idp.example", "sid-of-lin"),
        ("contoso", "https://idp.example", ""),
    ],
)
def test_nobody_else_is_found_by_a_persons_name(desk: Desk, connection: str, iss: str, value: str) -> None:
    desk.begin()
    assert list(desk.sessions.of_person(connection, iss, value)) == []


def test_what_has_ended_is_not_found(desk: Desk) -> None:
    idle = desk.begin()
    desk.clock.advance(IDLE + 1)
    ended, alive = desk.begin(), desk.begin()
    assert desk.sessions.end(ended.id)
    assert not desk.sessions.end(ended.id)
    assert [live.session.id for live in desk.sessions.of_connection("contoso")] == [alive.id]
    refused(lambda: desk.sessions.load(idle.id))


def test_sessions_are_found_across_a_rotation_and_by_no_other_secret(desk: Desk) -> None:
    old = desk.begin()
    rotated = Desk(desk.store, KeyRing([Secret("b" * 32), Secret("a" * 32)]))
    new = rotated.begin()
    found = rotated.sessions.of_person("contoso", "https://idp.example", "sub-of-lin")
    assert {live.session.id for live in found} == {old.id, new.id}
    stranger = Desk(desk.store, KeyRing([Secret("c" * 32)]))
    assert list(stranger.sessions.of_connection("contoso")) == []


def test_a_resealed_session_needs_the_old_secret_no_more(desk: Desk) -> None:
    old = desk.begin()
    rotated = Desk(desk.store, KeyRing([Secret("b" * 32), Secret("a" * 32)]))
    row = desk.row(old.id)
    assert desk.store.reseal(row, rotated.sessions.resealed(row))
    later = Desk(desk.store, KeyRing([Secret("b" * 32)]))
    assert later.sessions.load(old.id) == old
    (live,) = later.sessions.of_person("contoso", "https://idp.example", "sub-of-lin")
    assert (live.session, live.device) == (old, "Firefox on Linux")

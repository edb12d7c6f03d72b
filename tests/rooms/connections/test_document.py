"""A connection parted into document and secrets, and joined again: nothing is lost, and nothing secret stays behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.connections.document import SECRETS, changes, counterparts, digest, join, provider_of, split
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider, JwtSigning, Secret

if TYPE_CHECKING:
    from bridge.connections.document import Document

SIGNING = JwtSigning(
    "https://crm.example.com",
    Secret("present"),
    90,
    "2027-03-01",
    Secret("next"),
    "2027-01-31T08:00:00Z",
    exp_in_milliseconds=True,
)
PLATFORM = Connection(
    "crm",
    "CRM",
    IdentityProvider("none", ""),
    FuyunApp("app", Secret("of-fuyun"), workbench_redirect_url="https://fuyun.example/workbench"),
    mode="jwt",
    jwt=SIGNING,
)


def parted(
    connection: Connection, former: tuple[Document, dict[str, str]] | None = None
) -> tuple[Document, dict[str, str]]:
    return split(connection, *(former or ({}, {})))


def signing(**values: object) -> Connection:
    return replace(PLATFORM, jwt=replace(SIGNING, **values))  # type: ignore[arg-type]  # whatever the test is about


@pytest.mark.parametrize(
    "connection",
    [PLATFORM, signing(next_private_key=NO_SECRET, next_key_from="", exp_in_milliseconds=False)],
    ids=["two keys", "one key"],
)
def test_a_platforms_connection_comes_back_as_it_was(connection: Connection) -> None:
    document, secrets = parted(connection)
    assert join(document, secrets, version=0, enabled=True, public_only=False) == connection


def test_the_second_key_is_kept_apart_like_every_secret() -> None:
    document, secrets = parted(PLATFORM)
    assert secrets == {"fuyun.client_secret": "of-fuyun", "jwt.private_key": "present", "jwt.next_private_key": "next"}
    assert secrets.keys() <= set(SECRETS)
    assert not [value for value in secrets.values() if f"'{value}'" in str(document)]


def test_a_document_of_the_release_before_has_one_key_and_seconds() -> None:
    document, secrets = parted(PLATFORM)
    for name in ("next_private_key", "next_key_from", "exp_in_milliseconds"):
        del document["jwt"][name]
    del document["fuyun"]["workbench_redirect_url"], secrets["jwt.next_private_key"]
    joined = join(document, secrets, version=0, enabled=True, public_only=False)
    assert joined.jwt == replace(SIGNING, next_private_key=NO_SECRET, next_key_from="", exp_in_milliseconds=False)


def test_a_second_key_that_comes_changes_or_goes_is_told_without_its_value() -> None:
    without = parted(signing(next_private_key=NO_SECRET, next_key_from=""))
    added = parted(PLATFORM, without)
    replaced = parted(signing(next_private_key=Secret("another")), added)
    assert parted(PLATFORM, added) == added
    told = [
        {one.key: (one.before, one.after) for one in changes(before[0], after[0])}
        for before, after in ((without, added), (added, replaced), (replaced, without))
    ]
    moment = "2027-01-31T08:00:00Z"
    assert told == [
        {"jwt.next_private_key": ("", "********"), "jwt.next_key_from": ("", moment)},
        {"jwt.next_private_key": ("********", "********")},
        {"jwt.next_private_key": ("********", ""), "jwt.next_key_from": (moment, "")},
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"next_private_key": Secret("another")},
        {"next_key_from": "2027-02-01T08:00:00Z"},
        {"exp_in_milliseconds": False},
    ],
    ids=["key", "moment", "unit"],
)
def test_whatever_signs_otherwise_asks_for_a_new_rehearsal_and_ends_no_session(change: dict[str, object]) -> None:
    before = parted(PLATFORM)
    changed = signing(**change)
    assert digest(parted(changed, before)[0]) != digest(before[0])
    assert (counterparts(changed), provider_of(changed)) == (counterparts(PLATFORM), provider_of(PLATFORM))

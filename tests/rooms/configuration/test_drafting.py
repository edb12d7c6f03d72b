"""Connections from the console or from a file of their own: the rules of the bridge's file, and kept secrets."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bridge.core.model import Secret
from bridge.core.wording import Sentence
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.settings import SettingsError, load, read_connection, read_connections_file, secrets_of
from tests.rooms.configurations import GONE, GOOD, MICROSOFT, SECRET, changed, toml, written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bridge.connections.draft import Draft

PUBLIC_URL = "https://phone.example.com"
TABLE: dict[str, Any] = GOOD["connections"][0]
KEPT = {"kept": True}
STORED = {"idp.client_secret": Secret("of-idp"), "fuyun.client_secret": Secret("of-fuyun")}


def draft_of(changes: dict[str, Any], kept: Mapping[str, Secret] | None = None) -> Draft:
    return read_connection(changed(changes, TABLE), public_url=PUBLIC_URL, kept=kept)


def test_a_good_table_becomes_the_connection_that_the_file_would_give(tmp_path: Path) -> None:
    draft = draft_of({})
    assert (draft.connection,) == load(written(tmp_path), {}).connections
    assert (draft.faults, draft.doubts, draft.place) == ((), (), "connections.contoso")


def test_every_fault_is_told_at_once_by_a_relative_key() -> None:
    changes = {"name": "a-b", "domains": ["x"], "mode": "jwt", "idp": 5, "fuyun.redirect_url": "http://a.example"}
    draft = draft_of({**changes, "idpp": 1})
    assert draft.connection is None
    assert {fault.key for fault in draft.faults} == {
        "name",
        "domains[0]",
        "jwt",
        "idp",
        "idp.kind",
        "idp.client_id",
        "fuyun.redirect_url",
        "idpp",
    }


WEAK_KEY = private_pem(rsa.generate_private_key(65537, 1024))  # noqa: S505 — that is what is refused
EVERY_RULE: list[tuple[dict[str, Any], str]] = [
    ({"idp.issuer": "https://a.example:99999"}, "idp.issuer"),
    ({"idp.issuer": "http://a.example"}, "idp.issuer"),
    ({"idp.kind": "saml"}, "idp.kind"),
    ({"idp.client_id": 5}, "idp.client_id"),
    ({"idp.client_id": "\ud800"}, "idp.client_id"),
    ({"title": "\ud800"}, "title"),
    ({"title": "Contoso\u202eLTD"}, "title"),
    ({"title": "two\nlines"}, "title"),
    ({"title": "x" * 121}, "title"),
    ({"mapping_field": "e mail"}, "mapping_field"),
    ({"idp.client_secret": "\ud800"}, "idp.client_secret"),
    ({"idp.tenant": "a.example"}, "idp.tenant"),
    ({"idp": {**MICROSOFT, "tenant": "common"}}, "idp.allowed_tenants"),
    ({"idp.token_endpoint_auth_method": "client_secret_post", "idp.client_secret": ""}, "idp.client_secret"),
    ({"idp.lifetime": "1s"}, "idp.lifetime"),
    ({"idp.public_url": "x"}, "idp.public_url"),
    ({"client_id": "x"}, "client_id"),
    ({"titel": "x"}, "titel"),
    ({"nonsense": "x"}, "nonsense"),
    ({"name": ""}, "name"),
    ({"name": GONE}, "name"),
    ({"mode": "frontend"}, "fuyun.frontend_redirect_url"),
    ({"jwt": {"issuer": "a", "private_key": "no key"}}, "jwt.private_key"),
    ({"jwt": {"issuer": "a", "private_key": WEAK_KEY}}, "jwt.private_key"),
    ({"jwt": {"issuer": "a", "private_key": private_pem(new_rsa()), "lifetime": "500d"}}, "jwt.lifetime"),
]


@pytest.mark.parametrize(("changes", "key"), EVERY_RULE, ids=range(len(EVERY_RULE)))
def test_a_fault_can_be_said_in_another_language(changes: dict[str, Any], key: str) -> None:
    (fault,) = draft_of(changes).faults
    assert fault.key == key
    assert isinstance(fault.message, Sentence)
    assert fault.message.template % fault.message.values == fault.message


def test_doubts_have_relative_keys_and_can_be_said_in_another_language() -> None:
    draft = draft_of({"instance_id": "", "idp.scope": "profile"})
    assert [key for key, _ in draft.doubts] == ["instance_id", "idp.scope"]
    assert all(isinstance(sentence, Sentence) for _, sentence in draft.doubts)


class TestKeptSecrets:
    @pytest.mark.parametrize("left", [GONE, "", KEPT], ids=["left out", "empty", "kept"])
    def test_are_used_where_the_table_says_nothing_else(self, left: object) -> None:
        draft = draft_of({"idp.client_secret": left, "fuyun.client_secret": left}, STORED)
        assert draft.connection is not None
        assert secrets_of(draft.connection) == STORED

    def test_are_used_in_a_table_that_is_left_out(self) -> None:
        draft = draft_of({"mode": "frontend", "fuyun": GONE}, STORED)
        assert [fault.key for fault in draft.faults] == ["fuyun.frontend_redirect_url"]

    def test_give_way_to_new_ones(self) -> None:
        draft = draft_of({"idp.client_secret": "new"}, STORED)
        assert draft.connection is not None
        assert draft.connection.idp.client_secret == Secret("new")

    def test_make_no_optional_table_by_themselves(self) -> None:
        draft = draft_of({}, {"jwt.private_key": Secret("key"), "aiccs.access_key_id": Secret("id")})
        assert draft.connection is not None
        assert (draft.connection.jwt, draft.connection.aiccs) == (None, None)

    def test_fill_the_optional_tables_that_are_there(self) -> None:
        signing = {"jwt.private_key": Secret(private_pem(new_rsa()))}
        access = {"aiccs.access_key_id": Secret("id"), "aiccs.access_key_secret": Secret("secret")}
        draft = draft_of({"jwt": {"issuer": "a"}, "aiccs": {"access_key_id": KEPT}}, {**STORED, **signing, **access})
        assert draft.connection is not None
        assert secrets_of(draft.connection) == {
            "idp.client_secret": Secret(SECRET),
            "fuyun.client_secret": Secret(SECRET),
            **signing,
            **access,
        }

    def test_that_do_not_exist_are_asked_for(self) -> None:
        (fault,) = draft_of({"idp.client_secret": KEPT}).faults
        assert (fault.key, "enter the secret itself" in fault.message) == ("idp.client_secret", True)


class TestTheMachineBehindTheDoor:
    def test_is_not_read_by_whoever_enters_a_connection(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text(SECRET, "utf-8")
        (fault,) = draft_of({"idp.client_secret": {"file": str(tmp_path / "secret")}}).faults
        assert fault.message == "a secret is read from a file only where a configuration file says so"
        (fault,) = draft_of({"idp.client_secret": {"env": "PATH"}}).faults
        assert fault.message == "the environment variable PATH is not set"

    def test_is_read_where_the_caller_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("from-file", "utf-8")
        secrets = {"idp.client_secret": {"env": "IDP"}, "fuyun.client_secret": {"file": "secret"}}
        table = changed(secrets, TABLE)
        draft = read_connection(table, public_url=PUBLIC_URL, environ={"IDP": "from-outside"}, folder=tmp_path)
        assert draft.connection is not None
        assert list(secrets_of(draft.connection).values()) == [Secret("from-outside"), Secret("from-file")]


def test_the_table_that_was_handed_in_stays_as_it_was() -> None:
    table = changed({"idp.client_secret": KEPT, "idp.kind": 5}, TABLE)
    before = copy.deepcopy(table)
    read_connection(table, public_url=PUBLIC_URL, kept=STORED)
    assert table == before


class TestAFileOfConnections:
    def drafts_of(self, folder: Path, document: dict[str, Any], stored: str = "contoso") -> list[Draft]:
        path = folder / "connections.toml"
        path.write_text(toml(document), "utf-8")
        return read_connections_file(
            path, {"ACME": "from-outside"}, public_url=PUBLIC_URL, kept_of=lambda name: STORED if name == stored else {}
        )

    def test_gives_a_draft_for_each(self, tmp_path: Path) -> None:
        (tmp_path / "acme").write_text("beside", "utf-8")
        first = changed({"idp.client_secret": KEPT}, TABLE)
        second = changed(
            {"name": "acme", "idp.client_secret": {"env": "ACME"}, "fuyun.client_secret": {"file": "acme"}}, TABLE
        )
        one, two = self.drafts_of(tmp_path, {"connections": [first, second]})
        assert one.connection is not None
        assert two.connection is not None
        assert one.connection.idp.client_secret == Secret("of-idp")
        assert secrets_of(two.connection) == {
            "idp.client_secret": Secret("from-outside"),
            "fuyun.client_secret": Secret("beside"),
        }

    @pytest.mark.parametrize(
        ("signing", "stays"),
        [
            ({}, ""),
            ({"next_private_key": ""}, ""),
            ({"next_private_key": KEPT, "next_key_from": "2027-01-31T08:00:00Z"}, "jwt.next_private_key"),
        ],
        ids=["left out", "empty", "kept"],
    )
    def test_keeps_a_next_private_key_only_where_it_says_so(
        self, tmp_path: Path, signing: dict[str, Any], stays: str
    ) -> None:
        path = tmp_path / "connections.toml"
        stored = {f"jwt.{name}": Secret(private_pem(new_rsa())) for name in ("private_key", "next_private_key")}
        table = changed({"mode": "jwt", "jwt": {"issuer": "https://crm.example.com", **signing}}, TABLE)
        path.write_text(toml({"connections": [table]}), "utf-8")
        (draft,) = read_connections_file(path, {}, public_url=PUBLIC_URL, kept_of=lambda _: stored)
        assert draft.connection is not None, draft.faults
        assert draft.connection.jwt is not None
        assert draft.connection.jwt.private_key == stored["jwt.private_key"]
        assert draft.connection.jwt.next_private_key == stored.get(stays, Secret(""))

    def test_tells_the_faults_of_each_apart(self, tmp_path: Path) -> None:
        tables = [
            TABLE,
            changed({"name": "acme", "hosts": ["a.example"], "idp.client_secret": KEPT}, TABLE),
            changed({"name": "CONTOSO", "hosts": ["a.example"]}, TABLE),
            changed({"name": GONE}, TABLE),
        ]
        drafts = self.drafts_of(tmp_path, {"connections": tables})
        assert [(draft.place, [fault.key for fault in draft.faults]) for draft in drafts] == [
            ("connections[0]", []),
            ("connections.acme", ["idp.client_secret"]),
            ("connections[2]", ["name", "hosts[0]"]),
            ("connections[3]", ["name"]),
        ]

    def test_may_hold_none(self, tmp_path: Path) -> None:
        assert self.drafts_of(tmp_path, {}) == []

    def test_holds_nothing_else(self, tmp_path: Path) -> None:
        document = {"public_url": PUBLIC_URL, "server": {}, "connections": [changed({"mode": "x"}, TABLE)]}
        with pytest.raises(SettingsError) as refusal:
            self.drafts_of(tmp_path, document)
        assert [(fault.file, fault.key) for fault in refusal.value.faults] == [
            (str(tmp_path / "connections.toml"), key) for key in ("public_url", "server", "connections.contoso.mode")
        ]

    @pytest.mark.parametrize("connections", [{"name": "a"}, [5], 5], ids=["a table", "numbers", "a number"])
    def test_is_refused_when_its_connections_are_no_tables(self, tmp_path: Path, connections: object) -> None:
        with pytest.raises(SettingsError, match=r"connections: must be an array of tables: \[\[connections\]\]"):
            self.drafts_of(tmp_path, {"connections": connections})

    def test_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="cannot be read: No such file"):
            read_connections_file(tmp_path / "gone.toml", {}, public_url=PUBLIC_URL, kept_of=lambda _name: {})

"""Mode jwt in the configuration: the second key and its moment, the unit of exp, and no provider at all."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bridge.core.model import NO_SECRET, IdentityProvider, JwtSigning, Secret
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.settings import connection_table, load, read_connection, secrets_of
from tests.rooms.configurations import GONE, GOOD, SECRET, changed, written

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.connections.draft import Draft
    from bridge.core.model import Connection

PUBLIC_URL = "https://phone.example.com"
TABLE: dict[str, Any] = GOOD["connections"][0]
AT = "2027-01-31T08:00:00Z"


@cache
def key(name: str) -> str:
    return private_pem(new_rsa() if name != "weak" else rsa.generate_private_key(65537, 1024))  # noqa: S505 — refused


def table(**signing: object) -> dict[str, Any]:
    """Return a table in mode jwt; a change to GONE drops the key."""
    good = {"issuer": "https://crm.example.com", "private_key": key("present"), **signing}
    return {**TABLE, "mode": "jwt", "jwt": {name: value for name, value in good.items() if value is not GONE}}


def drafted(given: dict[str, Any]) -> Draft:
    return read_connection(given, public_url=PUBLIC_URL)


def faults_of(given: dict[str, Any]) -> dict[str, str]:
    return {fault.key: str(fault.message) for fault in drafted(given).faults}


def good(given: dict[str, Any]) -> Connection:
    draft = drafted(given)
    assert draft.connection is not None, draft.faults
    return draft.connection


def signing_of(given: dict[str, Any]) -> JwtSigning:
    signing = good(given).jwt
    assert signing is not None
    return signing


class TestTwoKeys:
    @pytest.mark.parametrize(
        ("moment", "kept"),
        [
            (AT, AT),
            ("2027-01-31T16:00:00+08:00", AT),
            ("2027-01-31 08:00:00.750+00:00", AT),
            ("2027-01-31T00:30Z", "2027-01-31T00:30:00Z"),
            (datetime(2027, 1, 31, 8, tzinfo=UTC), AT),
        ],
        ids=str,
    )
    def test_change_at_a_moment_in_utc(self, moment: object, kept: str) -> None:
        signing = signing_of(table(next_private_key=key("next"), next_key_from=moment))
        assert (signing.next_key_from, signing.next_private_key) == (kept, Secret(key("next")))
        due = datetime.fromisoformat(kept).timestamp()
        assert signing.keys_at(due - 1) == (Secret(key("present")), Secret(key("next")))
        assert signing.keys_at(due) == (Secret(key("next")), Secret(key("present")))

    def test_are_one_where_no_other_was_given(self) -> None:
        signing = signing_of(table())
        assert signing == JwtSigning("https://crm.example.com", Secret(key("present")), 120, "", NO_SECRET, "")
        assert signing.keys_at(0) == (Secret(key("present")),)

    def test_come_from_the_environment_and_from_files(self, tmp_path: Path) -> None:
        (tmp_path / "next.pem").write_text(key("next"), "utf-8")
        given = table(private_key={"env": "KEY"}, next_private_key={"file": "next.pem"}, next_key_from=AT)
        (connection,) = load(written(tmp_path, {"connections": [given]}), {"KEY": key("present")}).connections
        assert connection.jwt is not None
        both = [one.reveal().strip() for one in connection.jwt.keys_at(0)]
        assert both == [key("present").strip(), key("next").strip()]

    @pytest.mark.parametrize(
        ("signing", "fault", "part"),
        [
            ({"next_private_key": "next"}, "next_key_from", "is required with next_private_key"),
            ({"next_key_from": AT}, "next_private_key", "is required with next_key_from"),
            ({"next_private_key": "present", "next_key_from": AT}, "next_private_key", "is the present key"),
            ({"next_private_key": "weak", "next_key_from": AT}, "next_private_key", "2048"),
            ({"next_private_key": "no key", "next_key_from": AT}, "next_private_key", "no private key"),
            ({"next_private_key": "next", "next_key_from": "2027-01-31T08:00:00"}, "next_key_from", "offset from UTC"),
            ({"next_private_key": "next", "next_key_from": "2027-01-31"}, "next_key_from", "offset from UTC"),
            ({"next_private_key": "next", "next_key_from": "tomorrow"}, "next_key_from", "2027-01-31T08:00:00Z"),
            ({"next_private_key": "next", "next_key_from": "0001-01-01T00:00+14:00"}, "next_key_from", "offset"),
            ({"next_private_key": "next", "next_key_from": 1_800_000_000}, "next_key_from", "must be text"),
        ],
    )
    def test_are_refused_where_the_change_could_not_happen(
        self, signing: dict[str, Any], fault: str, part: str
    ) -> None:
        named = {"present", "next", "weak"}
        given = {name: key(value) if value in named else value for name, value in signing.items()}
        faults = faults_of(table(**given))
        assert faults.keys() == {f"jwt.{fault}"}
        assert part in faults[f"jwt.{fault}"]
        assert "PRIVATE KEY-----\n" not in str(faults)

    def test_are_two_whatever_form_the_same_one_is_written_in(self) -> None:
        bare = "".join(key("present").splitlines()[1:-1])
        assert base64.b64decode(bare)
        faults = faults_of(table(next_private_key=bare, next_key_from=AT))
        assert "is the present key" in faults["jwt.next_private_key"]

    def test_are_kept_by_the_console_each_for_itself(self) -> None:
        connection = good(table(next_private_key=key("next"), next_key_from=AT))
        again = connection_table(connection, PUBLIC_URL)
        assert again["jwt"]["next_private_key"] == {"kept": True}
        assert again["jwt"]["next_key_from"] == AT
        stored = secrets_of(connection)
        assert stored["jwt.next_private_key"] == Secret(key("next"))
        assert read_connection(again, public_url=PUBLIC_URL, kept=stored).connection == connection


class TestExp:
    def test_is_in_seconds_unless_somebody_says_otherwise(self) -> None:
        assert not signing_of(table()).exp_in_milliseconds
        assert signing_of(table(exp_in_milliseconds=True)).exp_in_milliseconds

    @pytest.mark.parametrize("value", ["yes", 1, [], "true"], ids=repr)
    def test_has_a_switch_that_is_on_or_off(self, value: object) -> None:
        assert faults_of(table(exp_in_milliseconds=value)).keys() == {"jwt.exp_in_milliseconds"}


class TestTheWorkbench:
    def test_has_an_address_of_its_own(self) -> None:
        url = "https://workbench.rhinokeen.com/callback"
        assert good(changed({"fuyun.workbench_redirect_url": url}, TABLE)).fuyun.workbench_redirect_url == url
        assert good(TABLE).fuyun.workbench_redirect_url == ""

    @pytest.mark.parametrize("url", ["http://workbench.example", "workbench", "javascript:alert(1)"])
    def test_is_reached_by_https_alone(self, url: str) -> None:
        given = changed({"fuyun.workbench_redirect_url": url}, TABLE)
        assert faults_of(given).keys() == {"fuyun.workbench_redirect_url"}


class TestNoProvider:
    @pytest.mark.parametrize(
        "idp",
        [GONE, {"kind": "none"}, {"kind": "none", "issuer": "", "client_id": ""}],
        ids=["left out", "said", "empty fields"],
    )
    def test_is_needed_in_mode_jwt(self, idp: object) -> None:
        given = {**table(), "domains": [], "idp": idp}
        connection = good({name: value for name, value in given.items() if value is not GONE})
        assert connection.idp == IdentityProvider("none", "")
        assert drafted({**given, "idp": {"kind": "none"}}).doubts == ()
        assert secrets_of(connection).keys() == {"fuyun.client_secret", "jwt.private_key"}

    @pytest.mark.parametrize(
        ("changes", "fault", "part"),
        [
            ({"mode": "oauth"}, "idp.kind", "none is for mode jwt only"),
            ({"domains": ["contoso.example"]}, "domains", "leads people to a sign-in"),
            ({"hosts": ["phone.contoso.example"]}, "hosts", "leads people to a sign-in"),
            ({"idp.client_id": "bridge"}, "idp.client_id", "kind none has none"),
            ({"idp.client_secret": SECRET}, "idp.client_secret", "kind none has none"),
            ({"idp.issuer": "https://idp.example"}, "idp.issuer", "kind none has none"),
            ({"idp.tenant": "contoso.example"}, "idp.tenant", "belongs to kind microsoft"),
        ],
    )
    def test_goes_with_nothing_that_needs_one(self, changes: dict[str, Any], fault: str, part: str) -> None:
        faults = faults_of(changed(changes, {**table(), "domains": [], "idp": {"kind": "none"}}))
        assert faults.keys() == {fault}
        assert part in faults[fault]

    @pytest.mark.parametrize("mode", ["oauth", "frontend"])
    def test_may_be_left_out_in_mode_jwt_only(self, mode: str) -> None:
        given = changed({"idp": GONE, "mode": mode}, TABLE)
        assert {"idp.kind", "idp.client_id"} <= faults_of(given).keys()

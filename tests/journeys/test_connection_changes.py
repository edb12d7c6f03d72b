"""Connections change while people sign in: at once for the next one, never for one under way, on every replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import StoreUnavailable
from bridge.core.keeping_errors import ConnectionReadOnly, RehearsalMissing
from tests.journeys.steps import signed_in
from tests.kit.desk import SHELL, saved, table, written
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge whose file has one connection only, so that the others can be made at the console."""
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    yield built
    built.services.database.close()


@pytest.fixture
def replica(house: House, tmp_path: Path) -> Iterator[House]:
    """Another bridge over the same database."""
    built = build_house(house.settings)
    yield built
    built.services.database.close()


def test_a_connection_that_was_made_at_the_console_signs_people_in(house: House) -> None:
    saved(house, table("globex"))
    assert signed_in(house, "globex").fetch("/session").json()["account_name"] == "lin"


def test_a_draft_is_nobodys_way_in(house: House) -> None:
    saved(house, table("globex"), active=False)
    assert house.browser().open("/login/globex", follow=False).status_code == 404


def test_a_change_reaches_the_next_sign_in_and_not_the_one_under_way(house: House) -> None:
    saved(house, table("globex"))
    early = house.browser()
    page = early.begin("globex")
    saved(house, table("globex", mapping_field="email"))
    assert early.choose(page, "lin").status_code == 200
    assert early.fetch("/session").json()["account_name"] == "lin"
    late = house.browser()
    refused = late.sign_in("globex")
    # The contact center still maps by the other field: the bridge sees that its answer names another agent.
    assert (refused.status_code, "agent_mismatch" in refused.text) == (403, True)


def test_a_connection_that_is_switched_off_ends_what_is_under_way(house: House) -> None:
    saved(house, table("globex"))
    browser = house.browser()
    page = browser.begin("globex")
    house.services.changes.deactivate("globex", actor=SHELL)
    refused = browser.choose(page, "lin")
    assert (refused.status_code, "connection_disabled" in refused.text) == (404, True)


def test_a_change_reaches_another_replica_within_five_seconds(
    house: House, replica: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replica.browser().open("/login/globex", follow=False).status_code == 404
    saved(house, table("globex"))
    store = replica.services.connections
    now = store._clock()
    monkeypatch.setattr(store, "_clock", lambda: now + 5.0)
    assert signed_in(replica, "globex").fetch("/session").status_code == 200


def test_an_outage_of_the_database_leaves_the_known_connections(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    store = house.services.connections
    assert store.get("contoso").name == "contoso"

    def gone() -> int:
        raise StoreUnavailable

    monkeypatch.setattr(store._source, "revision", gone)
    monkeypatch.setattr(store, "_clock", lambda: float("inf"))
    assert store.get("contoso").name == "contoso"


def test_what_the_file_has_is_changed_in_the_file_alone(house: House) -> None:
    changes, register = house.services.changes, house.services.register
    current = register.connection("contoso", register.entry("contoso").newest_version)
    for attempt in (
        lambda: changes.save(current, actor="it@contoso.example", based_on=current.version),
        lambda: changes.deactivate("contoso", actor="it@contoso.example"),
        lambda: changes.remove("contoso", actor="it@contoso.example"),
        lambda: changes.activate("contoso", 1, actor="it@contoso.example", without_rehearsal=True),
    ):
        with pytest.raises(ConnectionReadOnly):
            attempt()


def test_nothing_is_activated_without_a_rehearsal_unless_somebody_insists_and_the_journal_says_so(house: House) -> None:
    version = saved(house, table("globex"), active=False)
    with pytest.raises(RehearsalMissing):
        house.services.changes.activate("globex", version, actor="it@globex.example")
    house.services.changes.activate("globex", version, actor="it@globex.example", without_rehearsal=True)
    (act, *_) = house.journal()
    assert (act.event, act.actor, act.connection) == ("connection_activated", "it@globex.example", "globex")
    assert act.details["without_rehearsal"] is True


def test_the_journal_tells_before_and_after_but_no_secret(house: House) -> None:
    saved(house, table("globex"))
    entered = table("globex", title="Globex Group")
    entered["idp"]["client_secret"] = "another secret that nobody shall read"
    saved(house, entered)
    told = str([record.details for record in house.journal()])
    assert "Globex Group" in told
    assert "********" in told
    assert "nobody shall read" not in told
    assert table("globex")["idp"]["client_secret"] not in told


def test_the_callback_follows_the_public_url(house: House) -> None:
    version = saved(house, table("globex"))
    document = house.services.register.version("globex", version).document
    assert document["fuyun"]["redirect_url"] == ""
    assert written(house, table("globex")).fuyun.redirect_url == "http://127.0.0.1:5000/callback/globex"
    assert house.services.connections.get("globex").fuyun.redirect_url == "http://127.0.0.1:5000/callback/globex"


class TestItsOwnHostName:
    @pytest.fixture
    def hosted(self, house: House) -> House:
        saved(house, table("globex", hosts=["phone.globex.example"]))
        return house

    @pytest.mark.parametrize(
        ("path", "landing"),
        [("/", ""), ("/login", ""), ("/login?next=%2Fsoftphone%3Frecord%3D7", "?next=/softphone?record%3D7")],
    )
    def test_leads_straight_to_the_sign_in(self, hosted: House, path: str, landing: str) -> None:
        answer = hosted.browser().open(path, follow=False, Host="Phone.Globex.Example:443")
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"http://127.0.0.1:5000/login/globex{landing}"

    def test_another_host_leads_nowhere_else(self, hosted: House) -> None:
        answer = hosted.browser().open("/", follow=False, Host="evil.example")
        assert answer.headers["Location"] == "/softphone"


class TestDomains:
    def test_a_domain_leads_to_nobody_before_it_was_proven(self, house: House) -> None:
        changes = house.services.changes
        version = changes.save(written(house, table("globex")), actor="it@globex.example", based_on=0)
        changes.activate("globex", version.number, actor="it@globex.example", without_rehearsal=True)
        page = house.browser().open("/login?login_hint=lin@globex.example", follow=False)
        assert page.status_code == 200
        house.services.domains.accept("globex", "globex.example", "operator")
        house.services.connections.refresh()
        page = house.browser().open("/login?login_hint=lin@globex.example", follow=False)
        assert (page.status_code, page.headers["Location"][:13]) == (303, "/login/globex")

    def test_an_operators_word_is_enough(self, house: House) -> None:
        saved(house, table("globex"))
        page = house.browser().open("/login?login_hint=lin@globex.example", follow=False)
        assert (page.status_code, page.headers["Location"][:13]) == (303, "/login/globex")

    def test_a_record_of_the_domain_proves_it(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        domains = house.services.domains
        wanted = domains.record("globex", "globex.example")
        asked: list[str] = []

        def look_up(domain: str) -> list[str]:
            asked.append(domain)
            return ["v=spf1 -all", f" {wanted} "]

        monkeypatch.setattr(domains, "_look_up", look_up)
        assert domains.check("globex", "globex.example")
        assert (asked, domains.verified("globex")) == (["globex.example"], {"globex.example": "record"})

    def test_the_record_of_another_connection_or_domain_proves_nothing(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        domains = house.services.domains
        others = [domains.record("acme", "globex.example"), domains.record("globex", "acme.example"), "", "hotline"]
        monkeypatch.setattr(domains, "_look_up", lambda _domain: others)
        assert not domains.check("globex", "globex.example")
        assert domains.verified("globex") == {}

"""The console's connections: the list with its health, the page that leads, the history, and what each act may do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Administrator, Allowed
from bridge.connections.document import provider_of
from bridge.connections.draft import Draft, Fault
from bridge.connections.rows import Entry, Version
from bridge.core.errors import ConnectionUnknown
from bridge.core.model import Secret
from bridge.core.trace import Step, Trace
from bridge.http.console_pages import signed_in_admin
from bridge.ops.trail import Record, Search
from bridge.web.admin import standing
from tests.kit.desk import act, administrator, allowing, operator, saved, table, written
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.browser import Browser
    from tests.kit.house import House

PAGE = "/admin/connections/globex"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge whose file has Contoso, and whose connection admin Lin of Contoso looks after Globex."""
    lin = Allowed("contoso", "email", ("lin@contoso.example",), "connection", ("globex",))
    built = build_house(allowing(demo_settings(tmp_path, connections=("contoso",)), lin))
    yield built
    built.services.database.close()


@pytest.fixture
def console(house: House) -> Browser:
    return operator(house)


def rehearsed(house: House, name: str, number: int, code: str = "ok") -> None:
    """Remember a rehearsal of a version."""
    version = house.services.register.version(name, number)
    trace = Trace()
    trace.steps.append(Step("exchange", 0.1, code))
    connection = house.services.register.connection(name, number)
    house.services.rehearsals.keep(connection, version.digest, trace, by="Lin")


def state(house: House, name: str = "globex") -> tuple[str, int, int]:
    entry = house.services.register.entry(name)
    return entry.state, entry.active_version, entry.newest_version


def acts(house: House, name: str = "globex") -> list[str]:
    return [record.event for record in house.services.trail.search(Search(connections=[name]))]


# The list ------------------------------------------------------------------------------------------------------------


def test_the_list_leads_a_newcomer_to_every_kind(tmp_path: Path) -> None:
    house = build_house(replace(demo_settings(tmp_path), connections=()))
    page = operator(house).open("/admin/connections").text
    assert "Let the first company sign in" in page
    assert re.findall(r"connections/new\?kind=(\w+)", page) == ["microsoft", "salesforce", "oidc", "oauth2", "none"]
    house.services.database.close()


def test_the_list_shows_health_and_what_needs_attention(house: House, console: Browser) -> None:
    soon = (datetime.fromtimestamp(house.clock(), UTC) + timedelta(days=2)).date().isoformat()
    entered = table("globex")
    saved(house, entered | {"idp": {**entered["idp"], "client_secret_expires": soon}})
    for code in ("ok", "ok", "ok", "idp_error"):
        house.services.trail.add(Record(house.clock() - 60, "sign_in", "globex", code))
    page = console.open("/admin/connections").text
    assert "75 %" in page
    assert "Sign-ins: 4" in page
    assert "Failed sign-ins in 24 hours: 1" in page
    assert "Client secret expires: in 2 days" in page
    assert "Not tested as it is now" in page
    assert "From the configuration file" in page


def test_a_connection_admin_sees_their_own_ones_alone(house: House) -> None:
    saved(house, table("globex"))
    page = administrator(house, "contoso").open("/admin/connections").text
    assert 'href="/admin/connections/globex"' in page
    assert 'href="/admin/connections/contoso"' not in page
    assert "connections/new" not in page


def test_who_has_no_connection_yet_reads_why(house: House) -> None:
    assert "No connection is yours yet" in administrator(house, "contoso").open("/admin/connections").text


def test_a_connection_whose_key_is_gone_says_so(
    house: House, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(house, table("globex"))
    monkeypatch.setattr(house.services.register, "_open", _unreadable)
    assert "Its secrets cannot be opened" in console.open("/admin/connections").text
    assert "Secrets cannot be opened" in console.open(PAGE).text


def _unreadable(*_: Any) -> None:
    raise ConnectionUnknown


def test_the_frame_names_the_section_and_shows_no_navigation_to_strangers(house: House, console: Browser) -> None:
    here = re.compile(r'href="(/admin/\w+)" aria-current="page"')
    assert here.findall(console.open("/admin/connections").text) == ["/admin/connections"]
    assert here.findall(console.open("/admin/journal").text) == ["/admin/journal"]
    with house.app.test_request_context("/"):
        assert signed_in_admin() is None


# One connection ------------------------------------------------------------------------------------------------------


def test_the_page_leads_from_the_test_to_the_activation(house: House, console: Browser) -> None:
    number = saved(house, table("globex"), active=False)
    assert "Next: test it with your own account" in console.open(PAGE).text
    rehearsed(house, "globex", number, "exchange_rejected")
    assert "Next: compare the values in the Fuyun portal" in console.open(PAGE).text
    rehearsed(house, "globex", number, "mapping_field_missing")
    house.clock.advance(1)
    rehearsed(house, "globex", number, "mapping_field_missing")
    assert "The last test failed" in console.open(PAGE).text
    house.clock.advance(1)
    rehearsed(house, "globex", number)
    assert "Tested and ready to go live" in console.open(PAGE).text


def test_a_draft_is_shown_against_what_is_in_use_without_secrets(house: House, console: Browser) -> None:
    saved(house, table("globex"))
    entered = table("globex", title="Globex Hotline")
    entered["idp"]["client_secret"] = "another-secret-of-theirs"
    saved(house, entered, active=False)
    page = console.open(PAGE).text
    assert "What the draft changes" in page
    assert "Globex Hotline" in page
    assert "another-secret-of-theirs" not in page


def test_what_the_file_says_is_changed_in_the_file(house: House, console: Browser) -> None:
    page = console.open("/admin/connections/contoso").text
    assert "Changed in the configuration file" in page
    assert "Switch off" not in page
    refused = act(console, "/admin/connections/contoso/deactivate")
    assert (refused.status_code, "is changed in the configuration file" in refused.text) == (409, True)


def test_doubts_are_told_in_words(house: House, console: Browser) -> None:
    saved(house, table("globex", instance_id=""))
    assert "the softphone cannot start without the contact center" in console.open(PAGE).text


def test_faults_that_newer_rules_find_are_told(house: House, console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(house, table("globex"), active=False)
    draft = Draft(None, (Fault("idp.issuer", "must be an https address"),))
    entry = replace(house.services.entry, read=lambda _table, _secrets: draft)
    monkeypatch.setitem(house.app.extensions, "bridge", replace(house.services, entry=entry))
    page = console.open(PAGE).text
    assert ("must be an https address" in page, "Next: complete the settings" in page) == (True, True)


def test_every_name_is_spelled_as_the_register_spells_it(house: House, console: Browser) -> None:
    saved(house, table("globex"))
    assert "/login/globex" in console.open("/admin/connections/GLOBEX").text


# Acts ----------------------------------------------------------------------------------------------------------------


def test_an_untested_version_is_not_activated(house: House, console: Browser) -> None:
    number = saved(house, table("globex"), active=False)
    told = act(console, f"{PAGE}/activate", {"version": str(number)}, follow=True)
    assert "has not passed a test yet" in told.text
    assert state(house) == ("draft", 0, number)


def test_a_deliberate_word_activates_an_untested_version_and_is_journaled(house: House, console: Browser) -> None:
    number = saved(house, table("globex"), active=False)
    told = act(console, f"{PAGE}/activate", {"version": str(number), "override": "yes"}, follow=True)
    assert "The connection is active" in told.text
    assert state(house) == ("active", number, number)
    record = house.services.trail.search(Search(event="connection_activated"))[0]
    assert (record.event, record.details["without_rehearsal"]) == ("connection_activated", True)


def test_a_tested_version_is_activated_in_one_press(house: House, console: Browser) -> None:
    number = saved(house, table("globex"), active=False)
    rehearsed(house, "globex", number)
    answer = act(console, f"{PAGE}/activate", {"version": str(number)})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}?done=activated")
    assert house.browser().open("/login/globex", follow=False).status_code == 302


@pytest.mark.parametrize("version", ["", "0", "7", "-1", "x", "9" * 40], ids=["none", "0", "7", "-1", "x", "huge"])
def test_no_version_that_is_not_there_is_activated(house: House, console: Browser, version: str) -> None:
    number = saved(house, table("globex"), active=False)
    assert act(console, f"{PAGE}/activate", {"version": version, "override": "yes"}).status_code == 404
    assert state(house) == ("draft", 0, number)


def test_a_connection_is_switched_off_and_removed(house: House, console: Browser) -> None:
    saved(house, table("globex"))
    assert "switched off" in act(console, f"{PAGE}/deactivate", follow=True).text
    assert state(house)[0] == "inactive"
    assert "was removed" in act(console, f"{PAGE}/remove", follow=True).text
    assert console.open(PAGE).status_code == 404
    assert acts(house, "globex~1")[:2] == ["connection_removed", "connection_deactivated"]


def test_a_tested_version_comes_back_in_one_press(house: House, console: Browser) -> None:
    first = saved(house, table("globex"))
    rehearsed(house, "globex", first)
    saved(house, table("globex", mapping_field="email"))
    told = act(console, f"{PAGE}/roll-back", {"version": str(first)}, follow=True)
    assert "The earlier version is in use again" in told.text
    assert state(house) == ("active", 3, 3)


def test_an_untested_version_comes_back_as_a_draft(house: House, console: Browser) -> None:
    first = saved(house, table("globex"))
    saved(house, table("globex", mapping_field="email"))
    told = act(console, f"{PAGE}/roll-back", {"version": str(first)}, follow=True)
    assert "waits as a draft" in told.text
    assert state(house) == ("active", 2, 3)


def test_the_history_compares_and_tells_which_versions_sign_in_alike(house: House, console: Browser) -> None:
    first = saved(house, table("globex"))
    rehearsed(house, "globex", first)
    saved(house, table("globex", title="Globex again"))
    page = console.open(f"{PAGE}/history?before=1&after=2").text
    assert "Signs people in exactly like version 1" in page
    assert page.count("Test passed") == 2
    assert "Globex again" in page
    assert "These two versions are the same" in console.open(f"{PAGE}/history?before=2&after=2").text
    assert 'class="hb-compared"' not in console.open(f"{PAGE}/history?before=2&after=9").text


# Domains -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unverified(house: House) -> House:
    """Globex as entered in the console, whose domain nobody has proven."""
    house.services.register.save(written(house, table("globex")), author="Lin", based_on=0)
    return house


def test_a_domain_is_verified_by_its_record(
    unverified: House, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = unverified.services.domains.record("globex", "globex.example")
    assert record in console.open(PAGE).text
    answers: list[str] = []
    monkeypatch.setattr(unverified.services.domains, "_look_up", lambda _domain: answers)
    check = f"{PAGE}/domains/globex.example/check"
    assert "The record was not found" in act(console, check, follow=True).text
    answers.append(record)
    assert "The domain is verified" in act(console, check, follow=True).text
    assert unverified.services.domains.verified("globex") == {"globex.example": "record"}
    assert "domain_verified" in acts(unverified)


def test_an_operator_may_accept_a_domain_and_nobody_else(unverified: House, console: Browser) -> None:
    accept = f"{PAGE}/domains/globex.example/accept"
    assert "Accept without a record" not in administrator(unverified, "contoso").open(PAGE).text
    assert act(administrator(unverified, "contoso"), accept).status_code == 403
    assert "The domain is accepted" in act(console, accept, follow=True).text
    assert unverified.services.domains.verified("globex") == {"globex.example": "operator"}


@pytest.mark.parametrize("what", ["check", "accept"])
def test_a_domain_that_the_connection_does_not_name_is_no_page(unverified: House, console: Browser, what: str) -> None:
    assert act(console, f"{PAGE}/domains/elsewhere.example/{what}").status_code == 404
    assert unverified.services.domains.verified("globex") == {}


# Who may -------------------------------------------------------------------------------------------------------------

ACTS = (
    "activate",
    "deactivate",
    "remove",
    "roll-back",
    "domains/globex.example/check",
    "domains/globex.example/accept",
)


@pytest.mark.parametrize("path", ["", "/history"], ids=["page", "history"])
@pytest.mark.parametrize("name", ["initech", "nobody"])
def test_another_admins_connection_is_not_shown_whether_it_exists_or_not(house: House, name: str, path: str) -> None:
    saved(house, table("initech"))
    answer = administrator(house, "contoso").open(f"/admin/connections/{name}{path}")
    assert (answer.status_code, "admin_not_allowed" in answer.text) == (403, True)


@pytest.mark.parametrize("what", ACTS)
@pytest.mark.parametrize("name", ["initech", "nobody"])
def test_another_admins_connection_is_not_changed(house: House, name: str, what: str) -> None:
    saved(house, table("initech"))
    answer = act(administrator(house, "contoso"), f"/admin/connections/{name}/{what}")
    assert (answer.status_code, "admin_not_allowed" in answer.text) == (403, True)
    assert state(house, "initech")[0] == "active"


@pytest.mark.parametrize("what", ACTS)
def test_no_act_without_the_consoles_own_form(house: House, console: Browser, what: str) -> None:
    saved(house, table("globex"))
    answer = console.submit(f"{PAGE}/{what}", {"version": "1"}, follow=False)
    assert (answer.status_code, "csrf_failed" in answer.text) == (403, True)
    assert state(house)[0] == "active"


def test_a_connection_through_which_operators_come_is_for_operators_to_change(tmp_path: Path) -> None:
    own = Allowed("globex", "email", ("lin@globex.example",), "connection")
    boss = Allowed("globex", "email", ("ann@globex.example",), "operator")
    house = build_house(allowing(demo_settings(tmp_path, connections=("contoso",)), own, boss))
    saved(house, table("globex"))
    lin = house.browser()
    lin.wire.cookies.set("bridge_admin", standing_admin(house))
    page = lin.open(PAGE).text
    assert ("only they may change it" in page, "Switch off" in page) == (True, False)
    assert act(lin, f"{PAGE}/deactivate").status_code == 403
    house.services.database.close()


def standing_admin(house: House) -> str:
    """Begin a session of Globex' own admin; return its cookie."""
    grounds = {"email": "lin@globex.example"}
    provider = provider_of(house.services.connections.get("globex"))
    lin = Administrator("Lin", "connection", house.clock(), "globex", grounds, ("globex",), provider)
    return house.services.admin_sessions.begin(lin, former="")[0]


# Numbers -------------------------------------------------------------------------------------------------------------

NOW = 1_800_000_000.0
ENTRY = Entry("globex", "console", "active", 1, 1)
VERSION = Version("globex", 1, {"idp": {}}, "d", public_only=False, author="Lin", act="saved", made_at=NOW)


def test_a_day_has_24_hours_and_the_running_one_is_last() -> None:
    begin = standing.since_when(NOW)
    told = [("Globex", NOW, True), ("globex", begin, False), ("globex", begin - 1, True), ("globex", NOW + 7200, True)]
    day = standing.days_by_connection(told, NOW)["globex"]
    assert (len(day.hours), day.hours[-1].good, day.hours[0].failed) == (24, 1, 1)
    assert (day.good, day.failed, day.rate, day.hours[0].total) == (1, 1, 50, 1)
    assert standing.quiet_day(NOW).rate is None


@pytest.mark.parametrize(
    ("days", "tone"),
    [(-1, "stop"), (3, "stop"), (4, "warn"), (30, "warn"), (31, "info")],
    ids=["past", "3", "4", "30", "31"],
)
def test_an_expiry_grows_louder(days: int, tone: str) -> None:
    on = (datetime.fromtimestamp(NOW, UTC) + timedelta(days=days)).date().isoformat()
    document = {"idp": {"client_secret_expires": on}, "fuyun": {"client_secret_expires": "soon"}}
    (found,) = standing.expiries(document, NOW)
    assert (found.key, found.days, found.tone, found.is_near) == ("idp.client_secret_expires", days, tone, days <= 30)


@pytest.mark.parametrize(
    ("entry", "outcome", "expected"),
    [
        (ENTRY, "good", []),
        (ENTRY, "missing", ["untested"]),
        (ENTRY, "failed", ["test_failed"]),
        (replace(ENTRY, newest_version=2), "missing", ["draft_waits"]),
        (replace(ENTRY, newest_version=2), "good", ["ready"]),
        (replace(ENTRY, origin="file"), "missing", []),
    ],
    ids=["proven", "untested", "failed", "draft", "tested draft", "file"],
)
def test_what_needs_attention_follows_the_test(entry: Entry, outcome: standing.Outcome, expected: list[str]) -> None:
    found = standing.matters(entry, VERSION, standing.Proof(outcome), standing.quiet_day(NOW), NOW)
    assert [matter.what for matter in found] == expected


def test_what_cannot_be_tested_waits_for_no_test() -> None:
    draft = replace(ENTRY, newest_version=2)
    found = standing.matters(draft, VERSION, standing.Proof("missing"), standing.quiet_day(NOW), NOW, is_testable=False)
    assert [matter.what for matter in found] == ["to_activate"]


def test_a_day_without_success_is_the_most_urgent() -> None:
    day = standing.days_by_connection([("globex", NOW, False)], NOW)["globex"]
    found = standing.matters(ENTRY, VERSION, standing.Proof("failed"), day, NOW)
    assert [matter.what for matter in found] == ["all_failed", "test_failed"]


def test_secrets_show_as_new_and_nothing_more(house: House, console: Browser) -> None:
    first = saved(house, table("globex"))
    connection = house.services.register.connection("globex", first)
    changed = replace(connection, idp=replace(connection.idp, client_secret=Secret("a-quite-new-secret")))
    house.services.changes.save(changed, actor="Lin", based_on=first, at_the_shell=True)
    page = console.open(f"{PAGE}/history?before=1&after=2").text
    assert "a new one, not shown" in page
    assert "a-quite-new-secret" not in page

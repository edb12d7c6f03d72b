"""What an administrator with bad intentions tries, and meets."""

from __future__ import annotations

import json
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from bridge.access.rules import AdminRules, Allowed
from bridge.connections import queries, register
from bridge.connections.rows import connection_versions, connections
from bridge.core.errors import ConnectionUnknown, RateLimited
from bridge.core.gate_errors import AdminNotAllowed
from bridge.core.keeping_errors import ConnectionChanged, RehearsalMissing
from bridge.http import console
from bridge.signin.rehearsal import rehearsals
from tests.journeys.steps import records, signed_in
from tests.kit.desk import SHELL, act, administrator, allowing, form_token, operator, saved, table, written
from tests.kit.house import SANDBOX, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.core.model import Connection
    from tests.kit.browser import Browser
    from tests.kit.house import House

LIN = Allowed("globex", "preferred_username", ("lin",))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A console with one connection of the file, and one that was made by hand and has an administrator."""
    built = build_house(allowing(demo_settings(tmp_path, connections=("contoso",)), LIN))
    saved(built, table("globex"))
    yield built
    built.services.database.close()


def current(house: House, name: str = "globex") -> Connection:
    kept = house.services.register
    return kept.connection(name, kept.entry(name).newest_version)


def rehearsed(house: House, browser: Browser, person: str = "lin", version: int = 0) -> str:
    query = f"?version={version}" if version else ""
    browser.choose(browser.open(f"/login/globex/rehearsal{query}"), person)
    return house.services.rehearsals.of("globex")[0].code


class TestHostNames:
    def test_only_an_operator_adds_one(self, house: House) -> None:
        former = current(house)
        wished = replace(former, hosts=("phone.globex.example",))
        review = house.services.changes.review
        assert [fault.key for fault in review(wished, former, (), by_operator=False)] == ["hosts"]
        assert review(wished, former, (), by_operator=True) == []

    def test_anothers_is_refused(self, house: House) -> None:
        saved(house, table("initech", hosts=["phone.shared.example"]))
        former = current(house)
        faults = house.services.changes.review(replace(former, hosts=("phone.shared.example",)), former, ())
        assert [fault.key for fault in faults] == ["hosts"]

    def test_one_that_two_have_leads_to_neither(self, house: House) -> None:
        for name in ("initech", "globex"):
            # As two replicas with different files would, past every check.
            claimed = replace(written(house, table(name, hosts=["phone.shared.example"])), enabled=True)
            entries = {one.name: one.newest_version for one in house.services.register.entries()}
            kept = house.services.register.save(claimed, author="x", based_on=entries.get(name, 0), public_only=False)
            house.services.register.activate(name, kept.number)
        house.services.connections.refresh()
        answer = house.browser().open("/", follow=False, Host="phone.shared.example")
        assert answer.headers["Location"] == "/softphone"


class TestSecretsOnTheMove:
    @pytest.mark.parametrize(
        ("part", "name", "value", "secret"),
        [
            ("idp", "token_endpoint", "https://evil.example/token", "idp.client_secret"),
            ("idp", "userinfo_endpoint", "https://evil.example/me", "idp.client_secret"),
            ("idp", "jwks_uri", "https://evil.example/keys", "idp.client_secret"),
            ("idp", "issuer", "https://evil.example", "idp.client_secret"),
            ("idp", "revocation_endpoint", "https://evil.example/revoke", "idp.client_secret"),
            ("fuyun", "token_exchange_url", "https://evil.example/exchange", "fuyun.client_secret"),
        ],
    )
    def test_a_kept_secret_follows_no_address(
        self, house: House, part: str, name: str, value: str, secret: str
    ) -> None:
        former = current(house)
        moved = replace(former, **{part: replace(getattr(former, part), **{name: value})})
        review = house.services.changes.review
        assert secret in [fault.key for fault in review(moved, former, ())]
        assert secret not in [fault.key for fault in review(moved, former, {secret})]

    def test_addresses_change_only_after_a_new_sign_in(self, house: House) -> None:
        former = current(house)
        moved = replace(former, idp=replace(former.idp, userinfo_endpoint="https://new.example/me"))
        faults = house.services.changes.review(moved, former, {"idp.client_secret"}, is_fresh=False)
        assert "idp.userinfo_endpoint" in [fault.key for fault in faults]

    def test_tokens_of_people_who_are_signed_in_go_to_no_new_provider(self, house: House) -> None:
        browser = signed_in(house, "globex")
        entered = table("globex")
        entered["idp"]["token_endpoint"] = f"{SANDBOX}/elsewhere/token"
        saved(house, entered)
        house.clock.advance(20)
        house.calls.clear()
        refused = browser.post("/session/renew")
        assert (refused.status_code, refused.json()["code"]) == (401, "login_required")
        (record,) = records(house)
        assert house.services.flow.end(record) == ""
        assert house.calls == []


class TestANameThatIsUsedAgain:
    @pytest.fixture
    def reused(self, house: House) -> House:
        """The administrator of the first one rehearsed it, proved its domain and made a link; then it was removed."""
        lin = administrator(house, "globex")
        assert rehearsed(house, lin) == "ok"
        self.link = house.services.rehearsals.new_link("globex", 1, made_by="lin")
        self.record = house.services.domains.record("globex", "globex.example")
        self.lin = lin
        house.services.changes.remove("globex", actor=SHELL)
        saved(house, table("globex", title="Quite another Globex"), active=False)
        return house

    def test_inherits_no_version_no_rehearsal_and_no_proof(self, reused: House) -> None:
        entry = reused.services.register.entry("globex")
        assert [one.number for one in reused.services.register.history("globex")] == [entry.newest_version]
        assert reused.services.rehearsals.of("globex") == []
        with pytest.raises(ConnectionUnknown):
            reused.services.register.connection("globex", 1)
        with pytest.raises(ConnectionUnknown):
            reused.services.register.roll_back("globex", 1, author="x")
        with pytest.raises(RehearsalMissing):
            reused.services.changes.activate("globex", entry.newest_version, actor="x")

    def test_inherits_no_link_no_domain_and_no_administrator(self, reused: House) -> None:
        assert reused.browser().open(f"/test/{self.link}").status_code == 404
        assert reused.services.domains.record("globex", "globex.example") != self.record
        assert self.lin.open("/admin/connections", follow=False).status_code == 303


class TestProof:
    def test_who_holds_a_link_decides_about_nothing(self, house: House) -> None:
        assert rehearsed(house, operator(house)) == "ok"
        token = house.services.rehearsals.new_link("globex", 1, made_by="lin")
        colleague = house.browser()
        page = colleague.open(f"/login/globex/rehearsal?link={token}")
        colleague.choose(page, "nora")
        assert house.services.rehearsals.of("globex")[0].code != "ok"
        assert house.services.changes.is_proven(house.services.register.version("globex", 1))

    def test_a_link_from_elsewhere_leads_to_the_page_that_says_who_will_see_what(self, house: House) -> None:
        token = house.services.rehearsals.new_link("globex", 1, made_by="lin")
        headers = {"Sec-Fetch-Site": "cross-site"}
        answer = house.browser().open(f"/login/globex/rehearsal?link={token}", follow=False, **headers)
        assert answer.headers["Location"] == f"/test/{token}"

    def test_an_old_version_comes_back_with_its_proof_after_a_secret_went_wrong(self, house: House) -> None:
        assert rehearsed(house, operator(house)) == "ok"
        entered = table("globex")
        entered["idp"]["client_secret"] = "a wrong one"
        saved(house, entered)
        again = house.services.changes.roll_back("globex", 1, actor=SHELL)
        assert house.services.connections.get("globex").version == again.number
        assert signed_in(house, "globex").fetch("/session").status_code == 200

    def test_another_instance_asks_for_another_test_and_another_title_does_not(self, house: House) -> None:
        assert rehearsed(house, operator(house)) == "ok"
        changes, kept = house.services.changes, house.services.register
        saved(house, table("globex", title="Globex Group"), active=False)
        assert changes.is_proven(kept.version("globex", 2))
        saved(house, table("globex", title="Globex Group", instance_id="ccc_xp_another"), active=False)
        assert not changes.is_proven(kept.version("globex", 3))

    def test_rehearsals_by_links_push_out_no_others(self, house: House) -> None:
        assert rehearsed(house, operator(house)) == "ok"
        (own,) = house.services.rehearsals.of("globex")
        with house.services.database.transaction() as transaction:
            row = transaction.execute(rehearsals.select()).mappings().one()
            for number in range(60):
                copy = {**row, "id": f"by-link-{number}", "link": "mark", "at": row["at"] + number}
                transaction.execute(rehearsals.insert().values(**copy))
        token = house.services.rehearsals.new_link("globex", 1, made_by="lin")
        colleague = house.browser()
        colleague.choose(colleague.open(f"/login/globex/rehearsal?link={token}"), "lin")
        left = house.services.rehearsals.of("globex")
        assert own.id in {done.id for done in left}
        assert len([done for done in left if done.link]) == 50


def test_what_was_switched_off_is_switched_on_again_though_a_draft_waits(house: House) -> None:
    desk = operator(house)
    assert rehearsed(house, desk) == "ok"
    saved(house, table("globex", mapping_field="email"), active=False)
    act(desk, "/admin/connections/globex/deactivate")
    assert "Switch version 1 on again" in desk.open("/admin/connections/globex").text
    act(desk, "/admin/connections/globex/activate", {"version": "1"})
    assert house.services.connections.get("globex").version == 1


class TestDomains:
    def test_an_operators_word_is_for_what_they_wrote_themselves(self, house: House) -> None:
        changes, kept = house.services.changes, house.services.register
        claimed = replace(current(house), domains=("globex.example", "victim.example"))
        changes.save(claimed, actor="it@globex.example", based_on=kept.entry("globex").newest_version)
        renamed = replace(current(house), title="Globex Group")
        newest = kept.entry("globex").newest_version
        changes.save(renamed, actor=SHELL, based_on=newest, at_the_shell=True)
        assert "victim.example" not in house.services.domains.verified("globex")


class TestTheConsolesSessions:
    def test_end_with_the_connection_that_they_came_through(self, house: House) -> None:
        lin = administrator(house, "globex")
        house.services.changes.deactivate("globex", actor=SHELL)
        assert lin.open("/admin/connections", follow=False).status_code == 303
        house.services.changes.activate("globex", 1, actor=SHELL, without_rehearsal=True)
        assert lin.open("/admin/connections", follow=False).status_code == 303

    def test_insisting_without_a_test_asks_for_a_new_sign_in(self, house: House) -> None:
        lin = administrator(house, "globex")
        saved(house, table("globex", mapping_field="email"), active=False)
        house.clock.advance(901)
        answer = act(lin, "/admin/connections/globex/activate", {"version": "2", "override": "yes"})
        assert answer.headers["Location"] == "/admin/again?next=/admin/connections/globex"
        assert house.services.register.entry("globex").active_version == 1


@pytest.mark.parametrize(
    ("claims", "is_admitted"),
    [
        ({"email": "it@contoso.example"}, True),
        ({"email": "IT@Contoso.Example", "email_verified": True}, True),
        ({"email": "it@contoso.example", "email_verified": "true"}, True),
        ({"email": "it@contoso.example", "email_verified": False}, False),
        ({"email": "it@contoso.example", "email_verified": "false"}, False),
        ({"email": "it@contoso.example", "email_verified": None}, False),
        ({"email": ["it@contoso.example"]}, False),
        ({"email": "\u212ait@contoso.example"}, False),
        ({"email": "it@contoso.example", "email_verified": []}, False),
        ({}, False),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_whose_address_the_provider_does_not_vouch_for_stays_outside(
    claims: dict[str, object], *, is_admitted: bool
) -> None:
    rules = AdminRules([Allowed("contoso", "email", ("it@contoso.example",), role="operator")])
    if is_admitted:
        assert rules.recognise("contoso", claims, 1000.0).is_operator
    else:
        with pytest.raises(AdminNotAllowed):
            rules.recognise("contoso", claims, 1000.0)


def test_a_sign_in_is_as_old_as_the_provider_says() -> None:
    rules = AdminRules([Allowed("contoso", "sub", ("1",))])
    assert rules.recognise("contoso", {"sub": "1", "auth_time": 400}, 1000.0).signed_in_at == 400
    assert rules.recognise("contoso", {"sub": "1", "auth_time": 4000}, 1000.0).signed_in_at == 1000
    assert rules.recognise("contoso", {"sub": "1", "auth_time": 10**400}, 1000.0).signed_in_at == 0
    assert rules.recognise("contoso", {"sub": "1", "auth_time": "yes"}, 1000.0).signed_in_at == 0


class TestTheDatabase:
    def test_an_address_that_was_changed_in_a_row_gets_no_secret(self, house: House) -> None:
        with house.services.database.transaction() as transaction:
            mine = connection_versions.c.key == "globex"
            text = transaction.execute(connection_versions.select().where(mine)).one().document
            transaction.execute(
                update(connection_versions).where(mine).values(document=text.replace("5100/oidc", "5100/evil"))
            )
        with pytest.raises(ConnectionUnknown):
            house.services.register.connection("globex", 1)

    @pytest.mark.parametrize("document", ["{", "[]", '{"idp": "abc"}', "null"])
    def test_a_row_that_nobody_can_read_closes_the_door_to_nobody_else(self, house: House, document: str) -> None:
        with house.services.database.transaction() as transaction:
            mine = connection_versions.c.key == "globex"
            transaction.execute(update(connection_versions).where(mine).values(document=document))
        house.services.connections.refresh()
        assert [one.name for one in house.services.connections.enabled()] == ["contoso"]
        assert signed_in(house, "contoso").fetch("/session").status_code == 200

    def test_what_the_next_release_writes_is_read_as_far_as_it_is_known(self, house: House) -> None:
        kept = house.services.register
        with house.services.database.transaction() as transaction:
            mine = connection_versions.c.key == "globex"
            row = transaction.execute(connection_versions.select().where(mine)).one()
            document = json.loads(row.document)
            document["idp"]["of_the_next_release"] = document["of_the_next_release"] = "x"
            values = {"document": json.dumps(document), "digest": "d", "public_only": False, "author": "", "act": ""}
            kept._add(transaction, "globex", 2, values, kept._secrets(row))
            transaction.execute(update(connections).where(connections.c.key == "globex").values(newest_version=2))
        assert kept.connection("globex", 2).idp == kept.connection("globex", 1).idp

    def test_whoever_decides_at_the_same_moment_does_not_bring_a_removed_one_back(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look, quicker = queries.version_row, [lambda: house.services.register.remove("globex")]

        def late(*arguments: object) -> object:
            if quicker:
                quicker.pop()()
            return look(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(register, "version_row", late)
        with pytest.raises(ConnectionChanged):
            house.services.register.activate("globex", 1)
        with pytest.raises(ConnectionUnknown):
            house.services.register.entry("globex")


def test_after_a_quiet_time_nobody_believes_what_is_old(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = house.services.connections, house.services.connections._clock()
    assert store.get("globex").enabled
    house.services.register.deactivate("globex")
    monkeypatch.setattr(store, "_clock", lambda: now + 3600)
    assert written(house, table("globex")).enabled
    assert [one.name for one in store.enabled()] == ["contoso"]


class TestAnOldVersion:
    def test_brings_no_host_name_back_that_an_operator_took_away(self, house: House) -> None:
        saved(house, table("globex", hosts=["phone.globex.example"]))
        saved(house, table("globex"))
        lin = administrator(house, "globex")
        for path, field in (("activate", "activate"), ("roll-back", "roll_back")):
            answer = act(lin, f"/admin/connections/globex/{path}", {"version": "2", "override": "yes"})
            assert (field, answer.status_code) == (field, 403)
        assert house.services.connections.get("globex").hosts == ()

    def test_brings_no_host_name_back_that_another_has_by_now(self, house: House) -> None:
        saved(house, table("globex", hosts=["phone.shared.example"]))
        saved(house, table("globex"))
        saved(house, table("initech", hosts=["phone.shared.example"]))
        answer = act(operator(house), "/admin/connections/globex/roll-back", {"version": "2", "override": "yes"})
        assert answer.status_code == 409
        assert house.services.connections.for_host("phone.shared.example") is not None

    def test_with_another_provider_asks_for_a_new_sign_in(self, house: House) -> None:
        entered = table("globex")
        entered["idp"]["end_session_endpoint"] = f"{SANDBOX}/oidc/elsewhere"
        saved(house, entered)
        lin = administrator(house, "globex")
        house.clock.advance(901)
        for path in ("activate", "roll-back"):
            answer = act(lin, f"/admin/connections/globex/{path}", {"version": "1"})
            assert answer.headers["Location"] == "/admin/again?next=/admin/connections/globex"
        assert house.services.connections.get("globex").version == 2

    def test_brings_no_domain_back_that_an_operator_took_away(self, house: House) -> None:
        saved(house, table("globex", domains=["globex.example", "former.example"]))
        assert "former.example" in house.services.domains.verified("globex")
        saved(house, table("globex"))
        house.services.changes.activate("globex", 2, actor=SHELL, without_rehearsal=True)
        assert [one.name for one in house.services.connections.for_email("lin@former.example")] == []


def test_a_session_of_the_console_ends_with_the_provider_that_vouched_for_it(house: House) -> None:
    lin = administrator(house, "globex")
    entered = table("globex")
    entered["idp"]["end_session_endpoint"] = f"{SANDBOX}/oidc/elsewhere"
    saved(house, entered)
    assert lin.open("/admin/connections", follow=False).status_code == 303


def test_the_next_owner_of_a_name_reads_nothing_of_the_former_ones_journal(house: House) -> None:
    signed_in(house, "globex")
    (mine, *_) = [one for one in house.journal() if one.event == "sign_in"]
    house.services.changes.remove("globex", actor=SHELL)
    saved(house, table("globex", title="Quite another Globex"))
    lin = administrator(house, "globex")
    assert mine.reference not in lin.open("/admin/journal").text
    assert lin.open(f"/admin/journal/{mine.reference}").status_code == 404
    assert mine.reference in operator(house).open("/admin/journal").text


def test_few_administrators_at_once_wait_for_strangers_servers(house: House) -> None:
    with ExitStack() as waiting:
        for _ in range(4):
            waiting.enter_context(console.slow_errand())
        refused = pytest.raises(RateLimited)
        with refused, console.slow_errand():
            pass
    with console.slow_errand():
        pass


def test_the_slow_errands_of_one_connection_leave_room_for_those_of_others(house: House) -> None:
    with ExitStack() as waiting:
        for name, is_free in (("acme", True), ("Acme", True), ("acme", False), ("contoso", True)):
            waiting.enter_context(house.app.test_request_context(f"/admin/connections/{name}/dashboard"))
            with nullcontext() if is_free else pytest.raises(RateLimited):
                waiting.enter_context(console.slow_errand())


def test_deep_nesting_is_no_surprise(house: House) -> None:
    browser = operator(house)
    headers = {"Origin": browser.origin, "X-CSRF-Token": form_token(browser), "Content-Type": "application/json"}
    answer = browser.wire.post(
        f"{browser.origin}/admin/connections/discover", data="[" * 50_000, headers=headers, timeout=30
    )
    assert answer.status_code == 400

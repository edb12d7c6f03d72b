"""Trying a connection out: the whole road with nothing left behind, by an administrator or by a colleague's link."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Allowed
from bridge.core import trace as steps
from bridge.sandbox.acs3 import ACCESS_KEYS
from bridge.sandbox.idp_microsoft import CONTOSO_TENANT
from bridge.sandbox.registrations import COMPANIES, INSTANCE_ID
from tests.kit.desk import act, administrator, allowing, form_token, operator, saved, table
from tests.kit.house import SANDBOX, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from bridge.signin.rehearsal import Rehearsal
    from tests.kit.browser import Browser
    from tests.kit.house import House

LIN_OF_INITECH = Allowed("initech", "data.mobile", ("13800000000",))
AICCS = {
    "access_key_id": ACCESS_KEYS["contoso"].access_key_id,
    "access_key_secret": ACCESS_KEYS["contoso"].access_key_secret,
    "endpoint": "localhost:5100",
    "protocol": "http",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge whose file has one connection; the others are drafts of the console."""
    built = build_house(allowing(demo_settings(tmp_path, connections=("initech",)), LIN_OF_INITECH))
    yield built
    built.services.database.close()


@pytest.fixture
def admin(house: House) -> Browser:
    return operator(house)


def contoso(**changes: Any) -> dict[str, Any]:
    """Return the tables of a Microsoft connection with a contact center to ask."""
    company, globex = COMPANIES["contoso"], table("globex")
    client = {"client_id": company.client.client_id, "client_secret": company.client.client_secret}
    own = {"client_id": company.fuyun.client_id, "client_secret": company.fuyun.client_secret}
    return {
        **globex,
        "name": "contoso",
        "title": "Contoso",
        "mapping_field": "email",
        "domains": ["contoso.example"],
        "instance_id": INSTANCE_ID,
        "aiccs": AICCS,
        "idp": {
            "kind": "microsoft",
            "tenant": CONTOSO_TENANT,
            "issuer": f"{SANDBOX}/entra/{{tenantid}}/v2.0",
            "scope": company.scope,
            **client,
        },
        "fuyun": {**globex["fuyun"], **own},
    } | changes


def tried(browser: Browser, name: str = "contoso", person: str = "lin", query: str = "") -> Response:
    """Rehearse as somebody; return the result's page."""
    page = browser.open(f"/login/{name}/rehearsal{query}")
    return browser.choose(page, person) if page.url.startswith(SANDBOX) else page


def result_of(house: House, page: Response) -> Rehearsal:
    """Return what was kept of the rehearsal that a page shows."""
    assert "/rehearsals/" in page.url, page.text
    return house.services.rehearsals.get(page.url.rsplit("/", 1)[1])


def text_of(page: Response) -> str:
    """Return a page's words, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def made_link(browser: Browser, name: str = "contoso") -> str:
    page = act(browser, f"/admin/connections/{name}/test-link")
    assert page.status_code == 200, page.text
    found = re.search(r"data-copy-value>([^<]*/test/[^<]+)<", page.text)
    assert found, page.text
    return html.unescape(found[1])


class TestToTheVeryEnd:
    def test_a_draft_that_nobody_uses_is_tried_out_step_by_step(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        page = tried(admin)
        done = result_of(house, page)
        assert (done.is_good, done.account_name, done.user_name) == (True, "lin@contoso.example", "lin@contoso.example")
        assert [step.name for step in done.steps] == [
            steps.DISCOVERY,
            steps.RESPONSE,
            steps.REDEEM,
            steps.ID_TOKEN,
            steps.USERINFO,
            steps.TENANT,
            steps.MAPPING,
            steps.AGENT,
            steps.EXCHANGE,
            steps.USER_NAME,
        ]
        assert "Activate version 1" in page.text
        assert "lin@contoso.example" in page.text

    def test_no_session_no_agent_and_no_token_stay(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        before = house.rows()
        tried(admin)
        after = house.rows()
        assert {name for name in after if after[name] != before[name]} == {"rehearsals"}
        assert admin.cookie("AC_TOKEN") is None
        assert admin.fetch("/session").status_code == 401

    def test_the_refresh_token_is_given_back(self, house: House, admin: Browser) -> None:
        saved(house, table("globex"), active=False)
        house.calls.clear()
        tried(admin, "globex")
        assert [url.rsplit("/", 1)[1] for _, url in house.calls][-2:] == ["token_exchange", "revoke"]

    def test_a_good_rehearsal_lets_the_version_be_activated(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        tried(admin)
        answer = act(admin, "/admin/connections/contoso/activate", {"version": "1"})
        assert answer.status_code == 303, answer.text
        assert house.browser().sign_in("contoso").status_code == 200

    def test_another_version_than_the_newest_is_tried_out_by_its_number(self, house: House, admin: Browser) -> None:
        saved(house, contoso(mapping_field="sub"), active=False)
        saved(house, contoso(), active=False)
        assert result_of(house, tried(admin, query="?version=1")).version == 1
        assert result_of(house, tried(admin)).version == 2

    def test_another_spelling_of_the_name_leads_to_its_own(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        assert result_of(house, tried(admin, "Contoso")).is_good


class TestWhatFails:
    def test_a_person_without_a_mailbox_shows_what_came_instead(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        page = tried(admin, person="bo")
        assert result_of(house, page).code == "mapping_field_missing"
        text = text_of(page)
        assert "no mail address in Microsoft" in text
        assert "Choose another field" in text
        assert "given_name" in text
        assert "Bo Mailless" in text
        assert 'action="/admin/connections/contoso/mapping-field"' in page.text
        assert "Fuyun accepts the exchange" in text

    def test_another_field_becomes_a_new_draft(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        page = tried(admin, person="bo")
        fields = re.findall(r'name="field" value="([^"]+)"', page.text)
        assert "sub" in fields
        assert "preferred_username" not in fields
        version = {"field": "sub", "version": "1"}
        assert act(admin, "/admin/connections/contoso/mapping-field", version).status_code == 303
        assert house.services.register.connection("contoso", 2).mapping_field == "sub"

    @pytest.mark.parametrize(
        ("person", "code", "words"),
        [
            ("kim", "agent_frozen", "Unfreeze it"),
            ("nora", "agent_unknown", "The contact center has no such agent"),
            ("sam", "id_token_invalid", "another tenant"),
        ],
    )
    def test_a_person_who_is_no_agent_here_is_told_why(
        self, house: House, admin: Browser, person: str, code: str, words: str
    ) -> None:
        saved(house, contoso(), active=False)
        page = tried(admin, person=person)
        assert result_of(house, page).code == code
        assert words in text_of(page)

    @pytest.mark.parametrize(
        ("trouble", "step", "words"),
        [
            ("token invalid_client", steps.REDEEM, "enter its VALUE, not its ID"),
            ("token invalid_grant", steps.REDEEM, "exactly this redirect URI"),
            ("token http_500", steps.REDEEM, "token endpoint is in trouble"),
            ("token html", steps.REDEEM, "no token endpoint"),
            ("token wrong_aud", steps.ID_TOKEN, "client ID of the very application"),
            ("token no_id_token", steps.ID_TOKEN, "Keep openid among the scopes"),
            ("token expired_id_token", steps.ID_TOKEN, "clock"),
            ("token unknown_kid", steps.ID_TOKEN, "signed by no key"),
            ("authorize error_access_denied", steps.RESPONSE, "Users and groups"),
            ("userinfo bad_token", steps.USERINFO, "issued for another service"),
            ("userinfo wrong_sub", steps.USERINFO, "another person"),
            ("userinfo email_list", steps.MAPPING, "holds no account name"),
            ("aiccs refused_key", steps.AGENT, "does not accept the access key"),
            ("aiccs no_permission", steps.AGENT, "aiccs:GetAgent"),
            ("exchange invalid_client", steps.EXCHANGE, "these are Fuyun's"),
            ("exchange invalid_grant", steps.EXCHANGE, "App Name is exactly “contoso”"),
            ("exchange html", steps.EXCHANGE, "not Fuyun's token exchange"),
            ("exchange wrong_user", steps.USER_NAME, "the same field on both sides"),
        ],
        ids=lambda value: value.replace(" ", "-") if value.count(" ") == 1 else "",
    )
    def test_each_trouble_ends_on_the_result_page_with_what_to_change(
        self, house: House, admin: Browser, trouble: str, step: str, words: str
    ) -> None:
        saved(house, contoso(), active=False)
        house.world.faults.set(*trouble.split())
        page = tried(admin)
        done = result_of(house, page)
        failed = next(one for one in done.steps if one.code != steps.OK)
        assert (failed.name, done.is_good) == (step, False)
        text = text_of(page)
        assert words in text
        assert failed.expected in text
        assert failed.received in text

    def test_a_provider_that_cannot_be_found_is_a_failed_rehearsal_too(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        house.world.faults.set("discovery", "http_500")
        page = admin.open("/login/contoso/rehearsal")
        done = result_of(house, page)
        assert (done.code, [step.name for step in done.steps]) == ("idp_unreachable", [steps.DISCOVERY])
        assert "The provider gave no answer" in text_of(page)
        last = house.services.rehearsals.last_of("contoso", done.digest)
        assert last is not None
        assert (last.id, last.is_good) == (done.id, False)

    def test_a_tenant_that_microsoft_does_not_know_is_named(self, house: House, admin: Browser) -> None:
        unknown = "0" * 8 + CONTOSO_TENANT[8:]
        saved(house, contoso(idp={**contoso()["idp"], "tenant": unknown}), active=False)
        page = admin.open("/login/contoso/rehearsal")
        assert result_of(house, page).code == "idp_answer_invalid"
        assert f"Microsoft knows no tenant “{unknown}”" in text_of(page)

    def test_a_failed_rehearsal_takes_the_proof_back(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        tried(admin)
        tried(admin, person="bo")
        act(admin, "/admin/connections/contoso/activate", {"version": "1"})
        assert house.services.register.entry("contoso").state == "draft"


class TestApartFromEverySignIn:
    def test_a_rehearsal_cannot_be_completed_as_an_agents_sign_in(self, house: House) -> None:
        admin = operator(house)
        page = admin.open("/login/initech/rehearsal")
        back = admin.choose(page, "lin", follow=False).headers["Location"]
        done = admin.open(back)
        assert "/rehearsals/" in done.url
        assert admin.cookie("AC_TOKEN") is None
        assert house.rows()["agent_sessions"] == 0

    def test_an_agents_sign_in_cannot_be_completed_as_a_rehearsal(self, house: House) -> None:
        browser = operator(house)
        browser.sign_in("initech")
        assert house.services.rehearsals.of("initech") == []
        assert browser.cookie("AC_TOKEN")

    def test_the_callback_of_another_connection_ends_nothing(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        page = admin.open("/login/contoso/rehearsal")
        back = admin.choose(page, "lin", follow=False).headers["Location"]
        refused = admin.open(back.replace("/callback/contoso", "/callback/initech"))
        assert (refused.status_code, "state_unknown" in refused.text) == (400, True)
        assert house.services.rehearsals.of("contoso") == []

    def test_the_same_answer_again_makes_no_second_result(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        page = admin.open("/login/contoso/rehearsal")
        back = admin.choose(page, "lin", follow=False).headers["Location"]
        admin.open(back)
        assert admin.open(back).status_code == 404
        assert len(house.services.rehearsals.of("contoso")) == 1

    def test_mode_frontend_is_explained_instead(self, house: House, admin: Browser) -> None:
        fuyun = {"frontend_redirect_url": "https://fuyun.example/callback"}
        saved(house, contoso(mode="frontend", fuyun=fuyun), active=False)
        page = admin.open("/login/contoso/rehearsal")
        assert page.url.endswith("/admin/connections/contoso/rehearsals?version=1")
        assert "No test sign-in in this mode" in page.text
        refused = act(admin, "/admin/connections/contoso/test-link")
        assert refused.status_code == 400


class TestAColleague:
    def test_reads_what_it_is_tries_it_and_reads_the_outcome(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        link = made_link(admin)
        colleague = house.browser()
        invited = colleague.open(link)
        assert "operator at the command line asks you to try it once" in text_of(invited)
        departure = re.search(r'href="(/login/contoso/rehearsal\?link=[^"]+)"', invited.text)
        assert departure
        page = colleague.choose(colleague.open(html.unescape(departure[1])), "lin")
        text = text_of(page)
        assert "It works, thank you" in text
        assert "You would arrive as lin@contoso.example" in text
        assert "given_name" not in text
        assert "Console" not in text
        assert result_of(house, page).by == "test link of operator at the command line"

    def test_reads_a_failure_in_plain_words_without_anybodys_claims(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        token = made_link(admin).rsplit("/", 1)[1]
        page = tried(house.browser(), person="bo", query=f"?link={token}")
        text = text_of(page)
        assert "Not yet" in text
        assert "Bo Mailless" not in text

    def test_the_administrator_sees_everything_of_it(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        token = made_link(admin).rsplit("/", 1)[1]
        page = tried(house.browser(), person="bo", query=f"?link={token}")
        text = text_of(admin.open(page.url))
        assert "Bo Mailless" in text
        assert "a colleague, by a test link of operator at the command line" in text

    def test_looking_at_the_invitation_begins_nothing(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        link, before = made_link(admin), house.rows()
        house.browser().open(link)
        assert house.rows() == before

    @pytest.mark.parametrize("token", ["invented", "x" * 64])
    def test_an_invented_link_leads_nowhere(self, house: House, admin: Browser, token: str) -> None:
        saved(house, contoso(), active=False)
        for address in (f"/test/{token}", f"/login/contoso/rehearsal?link={token}"):
            refused = house.browser().open(address)
            assert (refused.status_code, "rehearsal_link_invalid" in refused.text) == (404, True)

    def test_a_link_is_good_for_a_day(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        link = made_link(admin)
        house.clock.advance(86_390)
        assert house.browser().open(link).status_code == 200
        house.clock.advance(20)
        assert house.browser().open(link).status_code == 404

    def test_a_link_opens_no_other_connection(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        token = made_link(admin).rsplit("/", 1)[1]
        refused = house.browser().open(f"/login/initech/rehearsal?link={token}")
        assert (refused.status_code, "rehearsal_link_invalid" in refused.text) == (404, True)

    def test_after_a_day_the_result_is_the_administrators_alone(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        token = made_link(admin).rsplit("/", 1)[1]
        colleague = house.browser()
        page = tried(colleague, query=f"?link={token}")
        house.clock.advance(86_410)
        assert colleague.open(page.url, follow=False).headers["Location"].startswith("/admin/sign-in")


class TestWhoMay:
    def test_nobody_without_a_place_in_the_console(self, house: House) -> None:
        answer = house.browser().open("/login/initech/rehearsal", follow=False)
        assert answer.headers["Location"].startswith("/admin/sign-in?next=")

    def test_an_administrators_own_result_is_not_for_strangers(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        page = tried(admin)
        answer = house.browser().open(page.url, follow=False)
        assert answer.headers["Location"].startswith("/admin/sign-in?next=")

    @pytest.mark.parametrize("name", ["contoso", "nowhere"])
    def test_an_administrator_of_another_connection_is_turned_away_everywhere(self, house: House, name: str) -> None:
        saved(house, contoso(), active=False)
        stranger = administrator(house, "initech")
        for path in (
            f"/login/{name}/rehearsal",
            *(f"/admin/connections/{name}/{page}" for page in ("rehearsals", "portal")),
        ):
            refused = stranger.open(path)
            assert (refused.status_code, "admin_not_allowed" in refused.text) == (403, True)
        for page in ("rehearsals/claims", "test-link"):
            token = {"csrf_token": form_token(stranger)}
            refused = stranger.submit(f"/admin/connections/{name}/{page}", token)
            assert (refused.status_code, "admin_not_allowed" in refused.text) == (403, True)

    def test_a_result_of_another_connection_stays_closed_to_them(self, house: House, admin: Browser) -> None:
        saved(house, contoso(), active=False)
        page = tried(admin)
        refused = administrator(house, "initech").open(page.url)
        assert (refused.status_code, "admin_not_allowed" in refused.text) == (403, True)

    def test_an_administrator_tries_out_their_own(self, house: House) -> None:
        browser = administrator(house, "initech")
        assert result_of(house, tried(browser, "initech")).is_good

    def test_an_unknown_result_is_no_page(self, admin: Browser) -> None:
        assert admin.open("/rehearsals/invented").status_code == 404

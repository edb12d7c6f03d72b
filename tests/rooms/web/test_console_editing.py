"""Making and changing connections in the console: round trips, secrets, two people at once, and a sign-in too old."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Response

from bridge.access.rules import Allowed
from bridge.configuration.tables import SUBTABLES, ConnectionTable
from bridge.web.admin.forms import FORMS
from bridge.web.admin.forms_fields import SecretField, key_of
from tests.kit.console_forms import FUYUN_SECRET, IDP_SECRET, TENANT, filled, sent, shown, told
from tests.kit.desk import act, administrator, allowing, form_token, operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.browser import Browser
    from tests.kit.house import House

KINDS = ("microsoft", "salesforce", "oidc", "oauth2")
LIN = Allowed("globex", "preferred_username", ("lin",), connections=("fresh",))
OPERATOR = Allowed("contoso", "email", ("lin@contoso.example",), role="operator")
EDIT = "/admin/connections/fresh/edit"
NEW = "/admin/connections/new?kind="


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A console for an operator, and for an administrator of the connection `fresh`."""
    built = build_house(allowing(demo_settings(tmp_path), LIN, OPERATOR))
    yield built
    built.services.database.close()


@pytest.fixture
def desk(house: House) -> Browser:
    return operator(house)


def made(desk: Browser, kind: str = "oidc", **changes: str) -> None:
    answer = sent(desk, f"{NEW}{kind}", filled(kind, **changes))
    assert answer.status_code == 303, told(answer)


def blank(house: House, kind: str) -> Any:
    with house.app.test_request_context():
        return FORMS[kind](formdata=None)


def newest(house: House) -> int:
    return house.services.register.entry("fresh").newest_version


def document(house: House) -> dict[str, Any]:
    return house.services.register.version("fresh", newest(house)).document


class TestMakingOne:
    def test_the_first_page_asks_for_the_kind(self, desk: Browser) -> None:
        page = desk.open("/admin/connections/new").text
        assert all(f"/admin/connections/new?kind={kind}" in page for kind in (*KINDS, "none"))
        assert desk.open(f"{NEW}saml").text.count("hb-kind-link") == 5

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_was_entered_is_what_the_form_shows_again(self, house: House, desk: Browser, kind: str) -> None:
        entered = filled(kind)
        answer = sent(desk, f"{NEW}{kind}", entered)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/connections/fresh?done=saved")
        page = desk.open(EDIT)
        seen = shown(page)
        assert {name: seen.get(name, "") for name in entered if "secret" not in name and name != "name"} == {
            name: value for name, value in entered.items() if "secret" not in name and name != "name"
        }
        assert house.services.register.entry("fresh").state == "draft"

    @pytest.mark.parametrize("kind", KINDS)
    def test_saving_without_a_change_makes_no_version(self, house: House, desk: Browser, kind: str) -> None:
        made(desk, kind)
        assert sent(desk, EDIT, {}).status_code == 303
        assert newest(house) == 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_no_page_ever_holds_a_secret(self, desk: Browser, kind: str) -> None:
        refused = sent(desk, f"{NEW}{kind}", filled(kind, idp_client_id=""))
        made(desk, kind)
        refused_again = sent(desk, EDIT, {"idp_client_id": "", "idp_client_secret": IDP_SECRET})
        for page in (refused, refused_again, desk.open(EDIT)):
            assert IDP_SECRET not in page.text
            assert FUYUN_SECRET not in page.text
        assert "never goes back to a browser" in refused.text
        assert "Enter a new one to replace it" in desk.open(EDIT).text

    def test_the_forms_defaults_are_those_of_the_file(self, house: House) -> None:
        for kind in KINDS:
            for one in blank(house, kind):
                part, key = key_of(one.short_name)
                model = (SUBTABLES[part] if part else ConnectionTable)()
                default = getattr(model, key)
                if not isinstance(one, SecretField):
                    assert (one.data or "") == {(): "", 120: "120s", False: "no"}.get(default, default), one.short_name

    def test_every_field_of_a_form_stands_on_its_page(self, house: House, desk: Browser) -> None:
        for kind in (*KINDS, "none"):
            page = desk.open(f"{NEW}{kind}").text
            missing = [one.short_name for one in blank(house, kind) if f' name="{one.short_name}"' not in page]
            assert missing == []

    def test_the_redirect_uri_stands_where_it_is_needed(self, house: House, desk: Browser) -> None:
        made(desk)
        assert f"{house.settings.public_url}/callback/fresh" in desk.open(EDIT).text

    def test_mode_jwt_keeps_its_key_and_a_mode_that_needs_none_drops_an_unfinished_one(
        self, house: House, desk: Browser
    ) -> None:
        made(desk, jwt_issuer="https://phone.example.com")
        assert "jwt" not in document(house)

    def test_an_access_key_can_be_removed_again(self, house: House, desk: Browser) -> None:
        made(desk, aiccs_access_key_id="LTAI1", aiccs_access_key_secret="an-access-key-secret")
        assert document(house)["aiccs"]["endpoint"] == "aiccs.aliyuncs.com"
        assert "an-access-key-secret" not in desk.open(EDIT).text
        assert sent(desk, EDIT, {"forget": "aiccs"}).status_code == 303
        assert "aiccs" not in document(house)

    def test_a_kept_secret_can_be_removed_and_replaced(self, house: House, desk: Browser) -> None:
        made(desk)
        assert sent(desk, EDIT, {"forget": "idp.client_secret"}).status_code == 303
        assert "idp.client_secret" not in house.services.register.secrets("fresh", 2)
        assert sent(desk, EDIT, {"idp_client_secret": f" {IDP_SECRET}2\n"}).status_code == 303
        assert house.services.register.secrets("fresh", 3)["idp.client_secret"].reveal() == f"{IDP_SECRET}2"

    def test_a_connection_of_the_file_is_not_edited_here(self, desk: Browser) -> None:
        assert desk.open("/admin/connections/contoso/edit").status_code == 409
        act_answer = act(desk, "/admin/connections/contoso/edit", {"based_on": "1"})
        assert act_answer.status_code == 409

    def test_a_name_taken_between_review_and_saving_is_said_at_its_field(
        self, house: House, desk: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made(desk)
        monkeypatch.setattr(type(house.services.changes), "review", lambda *_arguments, **_more: [])
        answer = sent(desk, f"{NEW}oidc", filled("oidc"))
        assert answer.status_code == 422
        assert "taken already" in told(answer)["name"]

    def test_doubts_stand_at_their_fields_after_saving(self, desk: Browser) -> None:
        other = "9a9a9a9a-1111-4222-8333-444444444444"
        made(desk, "microsoft", idp_tenant="common", idp_allowed_tenants=f"{TENANT}, {other}", instance_id="")
        warnings = told(desk.open(EDIT), "warning")
        assert "nOAuth" in warnings["mapping_field"]
        assert "softphone cannot start" in warnings["instance_id"]

    def test_a_changed_address_asks_for_the_secret_again(self, desk: Browser) -> None:
        made(desk)
        answer = sent(desk, EDIT, {"idp_issuer": "https://elsewhere.example"})
        assert answer.status_code == 422
        assert "must be entered again" in told(answer)["idp_client_secret"].lower()

    def test_a_strange_version_or_kind_is_refused(self, desk: Browser) -> None:
        made(desk)
        token = form_token(desk)
        for based_on, status in (("", 400), ("x", 400), ("0", 400), ("9", 404)):
            answer = desk.submit(EDIT, {"csrf_token": token, "based_on": based_on}, follow=False)
            assert answer.status_code == status
        assert desk.submit(f"{NEW}saml", {"csrf_token": token}, follow=False).status_code == 400


class TestTwoPeopleAtOnce:
    def test_the_second_sees_what_the_first_did_and_loses_nothing(self, house: House, desk: Browser) -> None:
        made(desk)
        other = operator(house)
        stale = shown(desk.open(EDIT))
        assert sent(other, EDIT, {"title": "Theirs", "domains": "theirs.example"}).status_code == 303
        mine = stale | {"domains": "mine.example", "idp_scope": "openid email", "csrf_token": form_token(desk)}
        answer = desk.submit(EDIT, mine, follow=False)
        assert answer.status_code == 409
        seen = shown(answer)
        assert (seen["title"], seen["domains"], seen["idp_scope"]) == ("Theirs", "mine.example", "openid email")
        assert (seen["based_on"], newest(house)) == ("2", 2)
        assert "theirs.example" in told(answer, "warning")["domains"]
        assert "<table" in answer.text
        assert desk.submit(EDIT, seen, follow=False).status_code == 303
        assert document(house)["domains"] == ["mine.example"]
        assert document(house)["title"] == "Theirs"

    def test_the_same_change_by_both_is_no_contest(self, house: House, desk: Browser) -> None:
        made(desk)
        stale = shown(desk.open(EDIT))
        assert sent(operator(house), EDIT, {"title": "Same"}).status_code == 303
        answer = desk.submit(EDIT, stale | {"title": "Same", "csrf_token": form_token(desk)}, follow=False)
        assert (answer.status_code, told(answer, "warning")) == (409, {})


class TestAnOldSignIn:
    def test_everything_but_the_secret_is_saved(self, house: House, desk: Browser) -> None:
        made(desk)
        kept = house.services.register.secrets("fresh", 1)
        house.clock.advance(901)
        answer = sent(desk, EDIT, {"title": "Newer", "idp_client_secret": "another-secret-of-the-idp"})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{EDIT}?done=without_secret")
        assert (document(house)["title"], newest(house)) == ("Newer", 2)
        assert house.services.register.secrets("fresh", 2) == kept
        page = desk.open(f"{EDIT}?done=without_secret")
        assert "The secret was not saved" in page.text
        assert f"/admin/again?next={EDIT}" in page.text

    def test_removing_a_secret_is_a_change_of_it(self, house: House, desk: Browser) -> None:
        made(desk)
        house.clock.advance(901)
        assert "without_secret" in sent(desk, EDIT, {"forget": "idp.client_secret"}).headers["Location"]
        assert newest(house) == 1

    def test_what_cannot_be_kept_without_its_secret_comes_back_with_the_person(
        self, house: House, desk: Browser
    ) -> None:
        desk = administrator(house, "contoso")
        house.clock.advance(901)
        answer = sent(desk, f"{NEW}microsoft", filled("microsoft", title="李 & Co"))
        assert answer.status_code == 422
        assert "Your sign-in is too old for secrets" in answer.text
        assert "fuyun_client_secret" not in told(answer)
        link = parse_qs(urlsplit(again_link(answer.text)).query)["next"][0]
        assert shown(answer)["title"] == "李 & Co"
        again = shown(desk.open(link))
        expected = {name: value for name, value in shown(answer).items() if name != "csrf_token"}
        assert {name: again.get(name) for name in expected} == expected
        assert "What you had typed is here again" in desk.open(link).text
        assert IDP_SECRET not in link

    def test_what_was_typed_is_for_its_own_person_and_page_and_for_an_hour(self, house: House, desk: Browser) -> None:
        house.clock.advance(901)
        answer = sent(desk, f"{NEW}oidc", filled("oidc"))
        link = parse_qs(urlsplit(again_link(answer.text)).query)["next"][0]
        elsewhere = link.replace("kind=oidc", "kind=microsoft")
        assert shown(administrator(house, "contoso").open(link)).get("idp_issuer", "") == ""
        assert shown(desk.open(elsewhere)).get("idp_client_id", "") == ""
        assert shown(desk.open(f"{NEW}oidc&typed=forged")).get("idp_issuer", "") == ""
        fresh = operator(house)
        assert shown(fresh.open(link))["idp_issuer"] == "https://idp.contoso.example"
        house.clock.advance(3601)
        assert shown(operator(house).open(link)).get("idp_issuer", "") == ""

    def test_what_is_too_long_for_an_address_stays_on_the_page(self, house: House, desk: Browser) -> None:
        house.clock.advance(901)
        many = ", ".join(f"d{at * 7919 % 10007}.example" for at in range(500))
        answer = sent(desk, f"{NEW}oidc", filled("oidc", domains=many))
        assert 'target="_blank"' in answer.text
        assert shown(answer)["domains"] == many

    def test_a_form_that_touches_no_secret_is_saved(self, house: House, desk: Browser) -> None:
        made(desk)
        house.clock.advance(901)
        assert "more than 15 minutes ago" in desk.open(EDIT).text
        assert sent(desk, EDIT, {"title": "Newer"}).headers["Location"].endswith("?done=saved")

    def test_after_the_new_sign_in_only_the_secret_is_asked_for(self, desk: Browser) -> None:
        made(desk)
        assert "Only the secret is missing" in desk.open(f"{EDIT}?done=without_secret").text


def again_link(page: str) -> str:
    return next(part.split('"')[0] for part in page.split('href="') if part.startswith("/admin/again"))


class TestWhoMay:
    @pytest.mark.parametrize("name", ["acme", "nobody"])
    def test_an_administrator_of_one_connection_is_refused_at_every_other(self, house: House, name: str) -> None:
        desk = administrator(house, "globex")
        token = form_token(desk)
        for path in (f"/admin/connections/{name}/edit", "/admin/connections/new", f"{NEW}oidc"):
            assert desk.open(path).status_code == 403, path
        for path in (f"/admin/connections/{name}/edit", f"{NEW}oidc", f"/admin/connections/{name}/mapping-field"):
            answer = desk.submit(path, {"csrf_token": token, "version": "1", "field": "sub"}, follow=False)
            assert (answer.status_code, "admin_not_allowed" in answer.text) == (403, True), path
        asked = {"kind": "oidc", "idp_issuer": "https://idp.example", "connection": name, "based_on": "1"}
        assert discovered(desk, asked)[0] == 403

    def test_they_edit_their_own(self, house: House, desk: Browser) -> None:
        made(desk)
        own = administrator(house, "globex")
        assert sent(own, EDIT, {"title": "Ours"}).status_code == 303
        assert document(house)["title"] == "Ours"

    @pytest.mark.parametrize("path", [EDIT, f"{NEW}oidc", "/admin/connections/fresh/mapping-field"])
    def test_a_form_without_the_token_changes_nothing(self, house: House, desk: Browser, path: str) -> None:
        made(desk)
        answer = desk.submit(path, {"title": "Forged", "based_on": "1", "version": "1", "field": "sub"}, follow=False)
        assert (answer.status_code, newest(house)) == (403, 1)

    def test_nobody_discovers_without_the_token(self, desk: Browser) -> None:
        assert discovered(desk, {"kind": "oidc"}, token="")[0] == 403

    def test_a_stranger_is_led_to_the_door(self, house: House) -> None:
        answer = house.browser().open(EDIT, follow=False)
        assert (answer.status_code, "/admin/sign-in" in answer.headers["Location"]) == (303, True)


class TestAnotherMappingField:
    def test_becomes_a_new_draft(self, house: House, desk: Browser) -> None:
        made(desk)
        answer = act(desk, "/admin/connections/FRESH/mapping-field", {"field": "upn", "version": "1"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/connections/fresh?done=mapping")
        assert (newest(house), document(house)["mapping_field"]) == (2, "upn")

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            pytest.param({"field": "", "version": "1"}, 400, id="no field"),
            pytest.param({"field": "a..b", "version": "1"}, 400, id="no path"),
            pytest.param({"field": "sub", "version": ""}, 400, id="no version"),
            pytest.param({"field": "sub", "version": "7"}, 404, id="a version to come"),
        ],
    )
    def test_is_refused(self, house: House, desk: Browser, data: dict[str, str], status: int) -> None:
        made(desk)
        answer = act(desk, "/admin/connections/fresh/mapping-field", data)
        assert (answer.status_code, newest(house)) == (status, 1)

    def test_does_not_overwrite_what_somebody_saved_meanwhile(self, house: House, desk: Browser) -> None:
        made(desk)
        assert sent(desk, EDIT, {"title": "Newer"}).status_code == 303
        answer = act(desk, "/admin/connections/fresh/mapping-field", {"field": "sub", "version": "1"})
        assert (answer.status_code, newest(house)) == (409, 2)


# Discovery -----------------------------------------------------------------------------------------------------------

PROVIDER = "https://idp.contoso.example"
DOCUMENT = {
    "issuer": PROVIDER,
    "authorization_endpoint": f"{PROVIDER}/authorize",
    "token_endpoint": f"{PROVIDER}/token",
    "jwks_uri": f"{PROVIDER}/keys",
    "claims_supported": ["sub", "email", "<b>bold</b>"],
}


def provider(house: House, origin: str = PROVIDER, status: int = 200, **changes: Any) -> None:
    body = json.dumps(DOCUMENT | changes)
    house.adapter.mount(origin, Response(body, status, mimetype="application/json"))


def discovered(desk: Browser, asked: Any, token: str | None = None) -> tuple[int, dict[str, Any]]:
    headers = {"Origin": desk.origin, "X-CSRF-Token": form_token(desk) if token is None else token}
    answer = desk.wire.post(f"{desk.origin}/admin/connections/discover", json=asked, headers=headers, timeout=30)
    return answer.status_code, answer.json()


class TestDiscovery:
    def test_tells_what_the_provider_says_of_itself(self, house: House, desk: Browser) -> None:
        provider(house)
        status, told_ = discovered(desk, {"kind": "oidc", "idp_issuer": PROVIDER, "mapping_field": "email"})
        facts = {fact["label"]: fact["value"] for fact in told_["facts"]}
        assert (status, told_["found"], told_["faults"]) == (200, True, {})
        assert facts["Issuer"] == PROVIDER
        assert facts["Token endpoint"] == f"{PROVIDER}/token"
        assert facts["User information endpoint"].startswith("none")
        assert facts["Fields it says it knows"] == "sub, email, str of 11 characters"

    def test_tells_microsofts_tenant(self, house: House, desk: Browser) -> None:
        issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
        provider(house, "https://login.microsoftonline.com", issuer=issuer)
        assert discovered(desk, {"kind": "microsoft", "idp_tenant": TENANT.upper()})[1]["found"]

    def test_of_three_given_endpoints_asks_nobody(self, house: House, desk: Browser) -> None:
        house.calls.clear()
        asked = filled("oauth2")
        _, answer = discovered(desk, {"kind": "oauth2", **asked})
        assert (answer["found"], house.calls) == (True, [])

    @pytest.mark.parametrize(
        ("changes", "advice"),
        [
            pytest.param({"status": 404}, "only a part of the path", id="no document"),
            pytest.param({"status": 500}, "the provider may be down", id="down"),
            pytest.param({"issuer": f"{PROVIDER}/"}, "only a slash at the end", id="another name"),
            pytest.param({"token_endpoint": "http://idp.contoso.example/token"}, "whoever runs", id="plain http"),
        ],
    )
    def test_says_what_was_expected_what_came_and_what_to_change(
        self, house: House, desk: Browser, changes: dict[str, Any], advice: str
    ) -> None:
        provider(house, **changes)
        _, answer = discovered(desk, {"kind": "oidc", "idp_issuer": PROVIDER})
        assert not answer["found"]
        assert answer["expected"]
        assert answer["received"]
        assert advice in answer["advice"]

    def test_says_that_no_host_has_this_name(self, house: House, desk: Browser) -> None:
        def unknown(*_arguments: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        house.adapter.mount(PROVIDER, unknown)
        _, answer = discovered(desk, {"kind": "oidc", "idp_issuer": PROVIDER})
        assert (answer["title"], answer["received"]) == ("The provider did not answer", "an unknown host name")
        assert "Check the spelling" in answer["advice"]

    def test_offers_the_issuer_that_the_provider_uses(self, house: House, desk: Browser) -> None:
        provider(house, issuer=f"{PROVIDER}/")
        _, answer = discovered(desk, {"kind": "oidc", "idp_issuer": PROVIDER})
        assert answer["suggestion"] == {"field": "idp_issuer", "value": f"{PROVIDER}/"}

    def test_says_that_microsoft_knows_no_such_tenant(self, house: House, desk: Browser) -> None:
        provider(house, "https://login.microsoftonline.com", status=400)
        assert "knows no such tenant" in discovered(desk, {"kind": "microsoft", "idp_tenant": TENANT})[1]["advice"]

    @pytest.mark.parametrize(
        ("asked", "field", "sentence"),
        [
            pytest.param({"kind": "oidc", "idp_issuer": "http://a.example"}, "idp_issuer", "https://", id="http"),
            pytest.param({"kind": "oidc", "idp_issuer": "https://10.0.0.1"}, "idp_issuer", "private", id="private"),
            pytest.param({"kind": "microsoft", "idp_tenant": "common"}, "idp_allowed_tenants", "nOAuth", id="common"),
        ],
    )
    def test_faults_stand_at_their_fields_and_nobody_is_asked(
        self, house: House, desk: Browser, asked: dict[str, str], field: str, sentence: str
    ) -> None:
        house.calls.clear()
        _, answer = discovered(desk, {"mapping_field": "email"} | asked)
        assert sentence in answer["faults"][field][0]
        assert (answer["found"], house.calls) == (False, [])

    def test_warns_of_a_field_that_microsoft_never_delivers(self, house: House, desk: Browser) -> None:
        provider(house, "https://login.microsoftonline.com", issuer=f"https://login.microsoftonline.com/{TENANT}/v2.0")
        asked = {"kind": "microsoft", "idp_tenant": TENANT, "mapping_field": "upn"}
        assert "never has this field" in discovered(desk, asked)[1]["warnings"]["mapping_field"][0]
        assert discovered(desk, asked | {"mode": "jwt"})[1]["warnings"] == {}

    def test_an_empty_form_is_told_nothing(self, desk: Browser) -> None:
        assert discovered(desk, {"kind": "oidc", "idp_issuer": " "})[1] == {
            "found": False,
            "faults": {},
            "warnings": {},
        }

    @pytest.mark.parametrize("asked", [[], {}, {"kind": "saml"}, {"kind": ["oidc"]}], ids=str)
    def test_a_strange_question_is_refused(self, desk: Browser, asked: Any) -> None:
        assert discovered(desk, asked)[0] == 400

    def test_a_private_name_is_refused_after_resolution(self, house: House, desk: Browser) -> None:
        house.adapter.private.add("idp.contoso.example")
        provider(house)
        _, answer = discovered(desk, {"kind": "oidc", "idp_issuer": PROVIDER})
        assert "private network" in answer["faults"]["idp_issuer"][0]

    def test_a_kept_connection_of_the_shell_may_stay_in_its_private_network(self, house: House, desk: Browser) -> None:
        made(desk)
        entry, services = house.services.entry, house.services
        connection = services.register.connection("fresh", 1)
        table = entry.table(connection)
        table["idp"]["issuer"] = "https://10.0.0.5"
        private = entry.read(table, entry.secrets(connection)).connection
        assert private is not None
        services.changes.save(private, actor="shell", based_on=1, at_the_shell=True)
        provider(house, "https://10.0.0.5", issuer="https://10.0.0.5")
        asked = {"kind": "oidc", "idp_issuer": "https://10.0.0.5", "connection": "fresh", "based_on": "2"}
        assert discovered(desk, asked)[1]["found"]
        assert "idp_issuer" in discovered(desk, asked | {"idp_issuer": "https://10.0.0.6"})[1]["faults"]

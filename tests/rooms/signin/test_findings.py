"""What a rehearsal means: the steps, the advice for each way to fail, the fields, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.core import trace as steps
from bridge.core.model import (
    NO_SECRET,
    AiccsAccess,
    Connection,
    FuyunApp,
    IdentityProvider,
    JwtSigning,
    Provisioning,
)
from bridge.core.new_agent import NewAgent
from bridge.core.trace import Step
from bridge.signin.advice import contact_center, provider
from bridge.signin.advice.advise import advise
from bridge.signin.candidates import candidates, spans_tenants
from bridge.signin.checklist import checklist
from bridge.signin.findings import next_step, rows, standing, tell

if TYPE_CHECKING:
    from bridge.signin.candidates import Candidate

TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
OPENID = "openid profile email"
MICROSOFT = Connection(
    "contoso",
    "Contoso",
    IdentityProvider(kind="microsoft", client_id="client-1", tenant=TENANT, scope=OPENID, discovery_url="https://x"),
    FuyunApp("app", NO_SECRET),
    instance_id="ccc_xp_demo",
)
SALESFORCE = replace(
    MICROSOFT,
    idp=replace(MICROSOFT.idp, kind="salesforce", host="acme.my.salesforce.com", organization_id="00D000000000001"),
)
OIDC = replace(MICROSOFT, idp=replace(MICROSOFT.idp, kind="oidc"), mapping_field="preferred_username")
OAUTH2 = replace(MICROSOFT, idp=replace(MICROSOFT.idp, kind="oauth2", scope="user", discovery_url=""))
JWT = replace(OIDC, mode="jwt", jwt=JwtSigning("https://bridge.example", NO_SECRET))
MICROSOFT_JWT = replace(MICROSOFT, mode="jwt", jwt=JWT.jwt)
AICCS = AiccsAccess(NO_SECRET, NO_SECRET)
REDIRECT_URI = "https://bridge.example/callback/contoso"


def step(name: str, code: str = steps.OK, expected: str = "", received: str = "") -> Step:
    return Step(name, 0.0124, code, expected, received)


def went(*names: str) -> list[Step]:
    return [step(name) for name in names]


class TestAdvice:
    @pytest.mark.parametrize(
        ("connection", "failed", "words"),
        [
            (
                MICROSOFT,
                step(steps.DISCOVERY, "idp_answer_invalid", "a JSON document", "HTTP 400 x/json"),
                f"“{TENANT}”",
            ),
            (SALESFORCE, step(steps.DISCOVERY, "idp_answer_invalid", "a JSON document", "HTTP 302 x"), "My Domain"),
            (OIDC, step(steps.DISCOVERY, "idp_answer_invalid", "a JSON document", "HTTP 404 x"), "/realms/name"),
            (OIDC, step(steps.DISCOVERY, "idp_answer_invalid", "issuer https://a", "https://a/"), "itself https://a/."),
            (
                MICROSOFT,
                step(steps.DISCOVERY, "idp_answer_invalid", "issuer https://a", "https://b"),
                "tenant and cloud",
            ),
            (SALESFORCE, step(steps.DISCOVERY, "idp_answer_invalid", "issuer https://a", "https://b"), "calls itself"),
            (OIDC, step(steps.DISCOVERY, "idp_answer_invalid", "a public address", "a private one"), "private network"),
            (
                OIDC,
                step(steps.DISCOVERY, "idp_answer_invalid", "jwks_uri in the discovery document", "none"),
                "by hand",
            ),
            (OIDC, step(steps.DISCOVERY, "idp_unreachable", "an answer from x", "none in time"), "no answer"),
            (MICROSOFT, step(steps.RESPONSE, "idp_error", "", "access_denied"), "Users and groups"),
            (SALESFORCE, step(steps.RESPONSE, "idp_error", "", "OAUTH_APP_ACCESS_DENIED"), "permission set"),
            (OIDC, step(steps.RESPONSE, "idp_error", "", "access_denied"), "Admit the person"),
            (OIDC, step(steps.RESPONSE, "idp_error", "", "consent_required"), "admin consent"),
            (OIDC, step(steps.RESPONSE, "idp_error", "", "invalid_scope"), f"“{OPENID}”"),
            (OIDC, step(steps.RESPONSE, "idp_error", "", "unauthorized_client"), "client client-1"),
            (OIDC, step(steps.RESPONSE, "idp_error", "", "server_error"), "few minutes"),
            (OIDC, step(steps.RESPONSE, "idp_answer_invalid", "iss https://a", "no iss"), "another provider"),
            (OIDC, step(steps.RESPONSE, "idp_answer_invalid", "code", "neither"), REDIRECT_URI),
            (MICROSOFT, step(steps.REDEEM, "idp_error", "", "invalid_client"), "VALUE, not its ID"),
            (SALESFORCE, step(steps.REDEEM, "idp_error", "", "invalid_client_id"), "consumer secret"),
            (OIDC, step(steps.REDEEM, "idp_error", "", "invalid_client"), "client_secret_post"),
            (OIDC, step(steps.REDEEM, "idp_error", "", "HTTP 401"), "client_secret_basic"),
            (SALESFORCE, step(steps.REDEEM, "idp_error", "", "redirect_uri_mismatch"), REDIRECT_URI),
            (OIDC, step(steps.REDEEM, "idp_error", "", "invalid_grant"), REDIRECT_URI),
            (OIDC, step(steps.REDEEM, "idp_error", "", "invalid_scope"), "scopes"),
            (OIDC, step(steps.REDEEM, "idp_error", "", "invalid_request"), "token endpoint"),
            (OIDC, step(steps.REDEEM, "idp_unreachable", "a token answer", "HTTP 500"), "in trouble"),
            (OIDC, step(steps.REDEEM, "idp_answer_invalid", "x", "HTTP 200 text/html"), "no token endpoint"),
            (OIDC, step(steps.REDEEM, "idp_answer_invalid", "access_token", "an answer without one"), "standard"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "an id_token, since", "none"), "openid"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "aud client-1", "client-2"), "client client-2, but"),
            (MICROSOFT, step(steps.ID_TOKEN, "id_token_invalid", "iss https://a", "https://b"), "another tenant"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "iss https://a", "https://b"), "issuer: https://b"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "exp in the future", "exp 1"), "NTP"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "the nonce of this sign-in", "another"), "nonce"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "a key of the provider", "kid 1"), "jwks_uri"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "alg RS256", "none"), "RS256"),
            (OIDC, step(steps.ID_TOKEN, "idp_unreachable", "a JSON document", "HTTP 500"), "no answer"),
            (OIDC, step(steps.ID_TOKEN, "id_token_invalid", "sub", "sub 1"), "standard"),
            (MICROSOFT, step(steps.USERINFO, "idp_error", "", "HTTP 401"), "another service"),
            (SALESFORCE, step(steps.USERINFO, "idp_error", "", "HTTP 403"), "OAuth scopes"),
            (OIDC, step(steps.USERINFO, "idp_error", "", "HTTP 401"), "refuses the token"),
            (OIDC, step(steps.USERINFO, "userinfo_invalid", "userinfo_endpoint", "a provider"), "mode jwt"),
            (OIDC, step(steps.USERINFO, "userinfo_invalid", "the sub of the ID token", "no sub"), "another person"),
            (OAUTH2, step(steps.USERINFO, "userinfo_invalid", "sub or id", "an answer without a subject"), "sub or id"),
            (OIDC, step(steps.USERINFO, "userinfo_invalid", "a JSON object", "HTTP 200 text/html"), "no user endpoint"),
            (MICROSOFT, step(steps.TENANT, "tenant_not_allowed", "a listed tenant", TENANT), f"tenant {TENANT}"),
            (SALESFORCE, step(steps.TENANT, "tenant_not_allowed", "organization", "00D"), "own org"),
            (MICROSOFT, step(steps.MAPPING, "mapping_field_missing", "email", "sub, name"), "no mail address"),
            (MICROSOFT, step(steps.MAPPING, "mapping_field_missing", "upn", "sub, name"), "never has"),
            (
                OIDC,
                step(steps.MAPPING, "mapping_field_missing", "x", "x as null; fields: sub"),
                "holds no account name",
            ),
            (OIDC, step(steps.MAPPING, "mapping_field_missing", "x", "sub, name"), "no field “preferred_username”"),
            (OIDC, step(steps.AGENT, "agent_unknown", "an agent", "none"), "Create one"),
            (OIDC, step(steps.AGENT, "agent_frozen", "an agent", "lin"), "Unfreeze"),
            (OIDC, step(steps.AGENT, "contact_center_error", "", "InvalidAccessKeyId.NotFound"), "AccessKey pair"),
            (OIDC, step(steps.AGENT, "contact_center_error", "", "NoPermission"), "aiccs:GetAgent"),
            (OIDC, step(steps.AGENT, "contact_center_error", "", "NoTenantFound"), "“ccc_xp_demo”"),
            (OIDC, step(steps.AGENT, "contact_center_unreachable", "", "none in time"), "no good answer"),
            (
                OIDC,
                step(steps.EXCHANGE, "exchange_rejected", "a token", "invalid_client"),
                "not those of your identity",
            ),
            (OIDC, step(steps.EXCHANGE, "exchange_rejected", "a token", "invalid_scope"), "user_management,hotline"),
            (OIDC, step(steps.EXCHANGE, "exchange_rejected", "a token", "NoAgentFound"), "exactly “lin”"),
            (OIDC, step(steps.EXCHANGE, "exchange_rejected", "a token", "AgentFrozen"), "Unfreeze"),
            (OIDC, step(steps.EXCHANGE, "exchange_rejected", "a token", "invalid_grant"), "exactly “contoso”"),
            (JWT, step(steps.EXCHANGE, "exchange_rejected", "a token", "invalid_grant"), "“https://bridge.example”"),
            (OIDC, step(steps.EXCHANGE, "exchange_unreachable", "a token", "HTTP 500"), "gave no answer"),
            (OIDC, step(steps.EXCHANGE, "exchange_answer_invalid", "JSON", "HTTP 302"), "rhinokeen.com"),
            (OIDC, step(steps.USER_NAME, "agent_mismatch", "lin", "fang"), "the same field on both sides"),
            (OIDC, step("elsewhere", "internal_error"), "Compare what was expected"),
        ],
        ids=lambda value: f"{value.name}-{value.code}" if isinstance(value, Step) else "",
    )
    def test_names_what_to_change(self, connection: Connection, failed: Step, words: str) -> None:
        assert words in advise(connection, failed, redirect_uri=REDIRECT_URI, account_name="lin")

    def test_of_every_step_ends_with_a_rule_for_what_is_left_or_the_general_one(self) -> None:
        for failed in (steps.DISCOVERY, steps.TENANT, steps.AGENT, steps.USER_NAME):
            assert advise(OAUTH2, step(failed, "internal_error"), redirect_uri="")

    def test_fills_every_place_of_every_template(self) -> None:
        rules = [
            rule
            for room in (provider, contact_center)
            for found in vars(room).values()
            if isinstance(found, tuple)
            for rule in found
        ]
        assert len(rules) > 50
        for rule in rules:
            failed = step(steps.REDEEM)
            known = advise(MICROSOFT, failed, redirect_uri=REDIRECT_URI).values
            assert rule.advice.template % known


class TestTheWalk:
    def test_tells_each_step_with_its_time(self) -> None:
        told = tell(OIDC, went(steps.DISCOVERY, steps.RESPONSE))
        assert [(one.name, one.state, one.milliseconds) for one in told] == [
            ("discovery", "ok", 12),
            ("response", "ok", 12),
        ]

    @pytest.mark.parametrize(
        ("connection", "ahead"),
        [
            (OIDC, ["id_token", "userinfo", "tenant", "mapping", "exchange", "user_name"]),
            (OAUTH2, ["userinfo", "tenant", "mapping", "exchange", "user_name"]),
            (JWT, ["id_token", "tenant", "mapping", "exchange", "user_name"]),
            (replace(JWT, aiccs=AICCS), ["id_token", "tenant", "mapping", "agent", "exchange", "user_name"]),
        ],
        ids=["oauth", "oauth2", "jwt", "jwt-with-agents"],
    )
    def test_tells_what_was_not_come_to(self, connection: Connection, ahead: list[str]) -> None:
        taken = [*went(steps.DISCOVERY, steps.RESPONSE), step(steps.REDEEM, "idp_error", "", "invalid_client")]
        assert [one.name for one in tell(connection, taken) if one.state == "open"] == ahead

    def test_goes_on_after_a_contact_centre_that_cannot_be_asked(self) -> None:
        taken = [step(steps.AGENT, "contact_center_error"), *went(steps.EXCHANGE, steps.USER_NAME)]
        assert [one.state for one in tell(replace(OIDC, aiccs=AICCS), taken)] == ["failed", "ok", "ok"]

    @pytest.mark.parametrize(
        ("failed", "following"),
        [
            (step(steps.USER_NAME), "activate"),
            (step(steps.MAPPING, "mapping_field_missing"), "choose"),
            (step(steps.AGENT, "agent_unknown"), "agent"),
            (step(steps.AGENT, "agent_frozen"), "again"),
            (step(steps.AGENT, "contact_center_error"), "edit"),
            (step(steps.EXCHANGE, "exchange_rejected"), "portal"),
            (step(steps.EXCHANGE, "exchange_rejected", "a token", "NoAgentFound"), "agent"),
            (step(steps.EXCHANGE, "exchange_rejected", "a token", "AgentFrozen"), "again"),
            (step(steps.EXCHANGE, "exchange_unreachable"), "again"),
            (step(steps.USER_NAME, "agent_mismatch"), "portal"),
            (step(steps.REDEEM, "idp_error", "", "invalid_client"), "edit"),
            (step(steps.RESPONSE, "idp_error", "", "access_denied"), "again"),
            (step(steps.DISCOVERY, "idp_unreachable"), "edit"),
        ],
        ids=lambda value: f"{value.name}-{value.code}-{value.received}" if isinstance(value, Step) else value,
    )
    def test_says_what_comes_next(self, failed: Step, following: str) -> None:
        assert next_step([*went(steps.DISCOVERY), failed]) == following


def offered(
    connection: Connection, userinfo: dict[str, Any], id_token: dict[str, Any] | None = None
) -> dict[str, Candidate]:
    """Return the fields to choose from, by name."""
    claims = {"userinfo": userinfo} | ({"id_token": id_token} if id_token is not None else {})
    return {one.field: one for one in candidates(connection, claims)}


class TestTheFields:
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (None, "Empty"),
            ("  ", "Empty"),
            (["a"], "list"),
            ({}, "list"),
            (True, "No text"),
            (1.5, "No text"),
            ("x" * 256, "Longer than the 255"),
            ("a\nb", "characters"),
        ],
        ids=["null", "blank", "list", "object", "boolean", "fraction", "long", "line-break"],
    )
    def test_a_value_that_is_no_name_cannot_be_used(self, value: object, words: str) -> None:
        found = offered(OIDC, {"login": value})["login"]
        assert found.obstacle is not None
        assert words in found.obstacle
        assert found.warnings == ()

    @pytest.mark.parametrize("value", ["lin", 10086, 10086.0, "王芳", "x" * 255])
    def test_a_text_or_a_whole_number_can(self, value: object) -> None:
        found = offered(OIDC, {"login": value})["login"]
        assert (found.obstacle, found.warnings) == (None, ())

    def test_a_field_inside_another_is_offered_by_its_path(self) -> None:
        assert offered(OIDC, {"custom_attributes": {"agent": "lin"}})["custom_attributes.agent"].value == "lin"

    def test_a_name_that_no_setting_can_hold_is_not_offered(self) -> None:
        assert offered(OIDC, {"a field": "x", "login": "lin"}).keys() == {"login"}

    def test_a_field_that_its_own_path_does_not_lead_to_is_not_offered(self) -> None:
        assert offered(OIDC, {"a": {"b.c": "x"}, "d.e": "top", "d": {"e": "inside"}})["d.e"].value == "top"
        assert "a.b.c" not in offered(OIDC, {"a": {"b.c": "x"}})

    def test_what_speaks_of_the_token_is_not_offered(self) -> None:
        assert offered(JWT, {}, {"iss": "https://a", "aud": "x", "exp": 1, "nonce": "n", "oid": "o"}).keys() == {"oid"}

    def test_the_chosen_one_comes_first_then_what_nothing_speaks_against(self) -> None:
        found = candidates(OIDC, {"userinfo": {"name": "L", "gone": None, "login": "l", "preferred_username": "lin"}})
        assert [one.field for one in found] == ["preferred_username", "login", "name", "gone"]
        assert [one.is_chosen for one in found] == [True, False, False, False]

    def test_fuyun_cannot_read_the_id_token(self) -> None:
        found = offered(OIDC, {"login": "lin"}, {"login": "lin", "employee": "7"})
        assert found["login"].obstacle is None
        assert "asks the user endpoint" in str(found["employee"].obstacle) or "does not read" in str(
            found["employee"].obstacle
        )

    @pytest.mark.parametrize("field", ["preferred_username", "upn", "oid", "mobile"])
    def test_microsofts_user_endpoint_never_has_it(self, field: str) -> None:
        assert "no more than sub" in str(offered(MICROSOFT, {field: "x"})[field].obstacle)
        assert offered(MICROSOFT_JWT, {}, {field: "x"})[field].obstacle is None

    def test_in_mode_jwt_the_id_token_counts_first(self) -> None:
        found = offered(JWT, {"login": "of-userinfo", "only": "there"}, {"login": "of-token", "only": None})
        assert (found["login"].value, found["login"].source) == ("of-token", "id_token")
        assert (found["only"].value, found["only"].source) == ("there", "userinfo")

    @pytest.mark.parametrize(
        ("field", "words"),
        [
            ("email", "given to somebody else"),
            ("preferred_username", "given to somebody else"),
            ("name", "same name"),
            ("phone_number", "handed on"),
            ("sub", "no person can read"),
            ("locale", "same for many"),
            ("picture", "A link"),
        ],
    )
    def test_what_speaks_against_a_field_is_said(self, field: str, words: str) -> None:
        assert words in " ".join(offered(OIDC, {field: "x"})[field].warnings)

    def test_an_address_that_nobody_checked_is_named(self) -> None:
        warnings = offered(OIDC, {"email": "a@b.example", "email_verified": False})["email"].warnings
        assert "nobody has checked" in " ".join(warnings)

    def test_microsoft_without_a_mailbox_is_named(self) -> None:
        assert "without a mailbox" in " ".join(offered(MICROSOFT, {"email": "a@b.example"})["email"].warnings)

    @pytest.mark.parametrize("field", ["email", "preferred_username", "upn"])
    def test_several_tenants_make_an_address_dangerous(self, field: str) -> None:
        two = replace(MICROSOFT_JWT, idp=replace(MICROSOFT.idp, tenant="common", allowed_tenants=("a", "b")))
        assert "nOAuth" in " ".join(offered(two, {}, {field: "x"})[field].warnings)

    @pytest.mark.parametrize(
        ("idp", "several"),
        [
            (MICROSOFT.idp, False),
            (replace(MICROSOFT.idp, allowed_tenants=("a", "b")), True),
            (replace(MICROSOFT.idp, tenant="common", allowed_tenants=("a",)), False),
            (replace(MICROSOFT.idp, tenant="organizations"), True),
            (SALESFORCE.idp, False),
            (replace(SALESFORCE.idp, organization_id="", issuer="https://login.salesforce.com"), True),
            (replace(SALESFORCE.idp, organization_id="", issuer="https://acme.my.salesforce.com"), False),
            (OIDC.idp, False),
        ],
        ids=["one", "two-allowed", "common-one", "organizations", "org", "login-host", "my-domain", "oidc"],
    )
    def test_several_organizations_are_seen(self, idp: IdentityProvider, *, several: bool) -> None:
        assert spans_tenants(replace(MICROSOFT, idp=idp)) is several


class TestTheTable:
    def test_shows_whole_values_with_their_paths(self) -> None:
        claims = {"name": "王芳", "address": {"country": "CN"}, "groups": ["a"], "active": True, "none": None}
        assert rows(claims) == [
            ("name", "王芳"),
            ("address.country", "CN"),
            ("groups", '["a"]'),
            ("active", "true"),
            ("none", "null"),
        ]

    def test_can_be_written_whatever_a_provider_sends(self) -> None:
        assert rows({"name": "half \ud83d"}) == [("name", "half ?")]


class TestTheChecklist:
    def proofs(self, connection: Connection, taken: list[Step], user_name: str = "") -> dict[str, str]:
        return {str(item.text): item.proof for item in checklist(connection, taken, user_name)}

    def test_is_open_before_any_rehearsal(self) -> None:
        assert set(self.proofs(OIDC, []).values()) == {"open", "unprovable"}

    def test_turns_green_step_by_step(self) -> None:
        found = self.proofs(OIDC, [*went(steps.DISCOVERY, steps.REDEEM), step(steps.USERINFO, "userinfo_invalid")])
        assert found["The redirect URI is registered, client ID and client secret are right"] == "proven"
        assert found["The user endpoint takes the provider's token"] == "failed"
        assert found["Fuyun's client_id and client_secret are right"] == "open"

    @pytest.mark.parametrize(("user_name", "proof"), [("lin", "proven"), ("", "open")])
    def test_an_opaque_token_proves_no_mapping_field(self, user_name: str, proof: str) -> None:
        found = self.proofs(OIDC, went(steps.EXCHANGE, steps.USER_NAME), user_name)
        assert found["The mapping field is the same on both sides"] == proof

    @pytest.mark.parametrize(
        ("code", "received", "expected"),
        [
            ("exchange_rejected", "invalid_client", ["failed", "open", "open"]),
            ("exchange_rejected", "invalid_scope", ["proven", "failed", "open"]),
            ("exchange_rejected", "invalid_grant", ["proven", "unsure", "unsure"]),
            ("exchange_rejected", "NoAgentFound", ["proven", "open", "proven"]),
            ("exchange_rejected", "another", ["unsure", "unsure", "unsure"]),
            ("exchange_unreachable", "HTTP 500", ["open", "open", "open"]),
        ],
    )
    def test_a_refused_exchange_blames_no_more_than_it_must(
        self, code: str, received: str, expected: list[str]
    ) -> None:
        found = self.proofs(JWT, [step(steps.EXCHANGE, code, "a token", received)])
        assert [
            found["Fuyun's client_id and client_secret are right"],
            found["App Name, grant type, scope and callback URL are the portal's"],
            found["Public key and iss are entered in the portal"],
        ] == expected

    def test_knows_the_modes(self) -> None:
        assert "Public key and iss are entered in the portal" in self.proofs(JWT, [])
        assert "The contact center has the agent" in self.proofs(replace(JWT, aiccs=AICCS), [])
        assert "The bridge finds the identity provider" not in self.proofs(OAUTH2, [])
        assert set(self.proofs(replace(OIDC, mode="frontend"), []).values()) == {"unprovable"}


class TestWhoWouldGetAnAgent:
    @pytest.mark.parametrize(
        ("looked", "was_known", "told"),
        [
            ([step(steps.AGENT)], True, "there"),
            ([step(steps.AGENT, "agent_frozen")], False, "there"),
            ([step(steps.AGENT, "agent_unknown", received="none")], False, "new"),
            ([step(steps.AGENT, "agent_unknown", received="none")], True, "gone"),
            ([step(steps.AGENT, "agent_unknown", received="deleted")], False, "gone"),
            ([step(steps.AGENT, "contact_center_unreachable")], False, "open"),
            ([], False, "open"),
        ],
        ids=["there", "frozen", "new", "known", "deleted", "outage", "not asked"],
    )
    def test_is_told_by_the_walk(self, looked: list[Step], was_known: bool, told: str) -> None:  # noqa: FBT001 — a table
        assert standing([step(steps.MAPPING), *looked], NewAgent("lin", "Lin", was_known=was_known)) == told

    @pytest.mark.parametrize(
        ("wanted", "received", "words"),
        [
            (Provisioning(create_agents=True), "none", "The first sign-in makes one"),
            (Provisioning(create_agents=True), "deleted", "nobody gets an agent back"),
            (Provisioning(), "none", "Create one whose AccountName"),
            (None, "deleted", "Create one whose AccountName"),
        ],
        ids=["makes", "deleted", "off", "without"],
    )
    def test_is_advised_as_the_connection_says(self, wanted: Provisioning | None, received: str, words: str) -> None:
        failed = step(steps.AGENT, "agent_unknown", received=received)
        assert words in advise(replace(OIDC, provisioning=wanted), failed, redirect_uri=REDIRECT_URI)

"""What `check` asks: the store, and for each customer the provider, its keys, its clock and Fuyun."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey

from bridge.checks import clock, connection, offers, provider
from bridge.checks.finding import Finding
from bridge.checks.round import TOGETHER, Question, carry_out, probe
from bridge.checks.scene import Scene
from bridge.connections.keys import key_id
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider, JwtSigning, Secret
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.journeys.steps import rehoused
from tests.kit.house import change

if TYPE_CHECKING:
    from tests.kit.house import House


def scene(house: House) -> Scene:
    outbound = house.services.outbound
    return Scene(house.services, outbound, MetadataCache(outbound), KeyCache(outbound))


def found(house: House, name: str = "globex") -> dict[str, Finding]:
    (one,) = [one for one in house.settings.connections if one.name == name]
    return {finding.name: finding for finding in probe(scene(house), [one], whole=False)}


def bad(house: House) -> set[str]:
    return {finding.name for finding in found(house).values() if finding.level == "fault"}


def test_everybody_who_answers_well_is_told_with_what_came(house: House) -> None:
    assert [(one.level, one.title, one.what) for one in found(house).values()] == [
        ("ok", "globex: metadata", "issuer http://localhost:5100/oidc"),
        ("ok", "globex: keys", "1 signing key: RSA 2048"),
        ("ok", "globex: clock", "the provider does not tell its time"),
        ("ok", "globex: offers", "code flow, PKCE S256, iss parameter, signs out at the provider"),
        ("ok", "globex: fuyun", "http://localhost:5100 answers"),
        ("ok", "globex: contact center", "takes the access key"),
    ]
    assert list(found(house, "initech")) == ["metadata", "clock", "fuyun", "contact center"]


def test_the_bridge_itself_comes_first_and_then_every_connection(house: House) -> None:
    told = probe(scene(house), house.settings.connections)
    assert list(dict.fromkeys(one.connection for one in told)) == ["", "contoso", "acme", "globex", "initech"]
    assert [one.title for one in told if one.level == "fault"] == []
    assert {one.name for one in told if not one.connection} >= {"keys.ring", "store.database", "public_url"}


@pytest.mark.parametrize(
    ("target", "fault", "said", "names"),
    [
        ("discovery", "http_500", {}, {"metadata"}),
        ("discovery", "wrong_iss", {}, {"metadata"}),
        ("discovery", "reset", {}, {"metadata"}),
        ("discovery", "clock_off", {"seconds": 70}, {"clock"}),
        ("discovery", "clock_off", {"seconds": -62}, {"clock"}),
        ("discovery", "clock_off", {"seconds": 50}, set()),
        ("jwks", "no_keys", {}, {"keys"}),
        ("aiccs", "refused_key", {}, {"contact center"}),
    ],
)
def test_whoever_does_not_is_named(house: House, target: str, fault: str, said: Any, names: set[str]) -> None:
    house.world.faults.set(target, fault, connection="globex", **said)
    assert bad(house) == names


def test_a_clock_that_is_off_is_told_by_how_much(house: House) -> None:
    house.world.faults.set("discovery", "clock_off", connection="globex", seconds=-3600)
    assert found(house)["clock"].what.startswith("ours differs from the provider's by +360")


@pytest.mark.parametrize(
    ("offsets", "told"),
    [
        ((0, 2, -1), [("ok", "agrees with 3 of 3 servers")]),
        ((0, 1, 90), [("ok", "agrees with 2 of 3 servers")]),
        ((31, 29), [("warn", "2 servers agree that this machine's clock is 31 seconds fast")]),
        ((-90, -91, -89), [("fault", "3 servers agree that this machine's clock is 90 seconds slow")]),
        ((90, -90, 40), []),
        ((90,), []),
    ],
    ids=["right", "one of them is wrong", "fast", "slow", "no two agree", "one alone"],
)
def test_servers_that_agree_are_right_about_our_clock(offsets: tuple[float, ...], told: list[tuple[str, str]]) -> None:
    found = clock.of_this_machine({str(at): offset for at, offset in enumerate(offsets)})
    assert [(one.level, one.what) for one in found] == told


@pytest.mark.parametrize(
    ("document", "changes", "level", "told"),
    [
        ({"response_types_supported": ["id_token"]}, {}, "fault", "no response type code"),
        (
            {"code_challenge_methods_supported": ["plain"]},
            {},
            "warn",
            "PKCE without S256, which the bridge always uses",
        ),
        (
            {"response_modes_supported": ["query"]},
            {"response_mode": "form_post"},
            "fault",
            "no response mode form_post",
        ),
        ({"scopes_supported": ["openid"]}, {"scope": "openid email crm.read"}, "warn", "no scope email"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, {}, "warn", "neither client_secret_basic nor"),
        (
            {"token_endpoint_auth_methods_supported": ["client_secret_post"]},
            {"token_endpoint_auth_method": "client_secret_basic"},
            "fault",
            "no client_secret_basic, only client_secret_post",
        ),
        (
            {"token_endpoint_auth_methods_supported": ["client_secret_post"]},
            {"client_secret": NO_SECRET},
            "warn",
            "no public clients",
        ),
        (
            {"id_token_signing_alg_values_supported": ["RS256"]},
            {"id_token_signed_response_alg": "ES256"},
            "fault",
            "no ID tokens with ES256, only RS256",
        ),
        (
            {"grant_types_supported": ["authorization_code"]},
            {"scope": "openid offline_access"},
            "warn",
            "no refresh tokens",
        ),
        ({"issuer": "x"}, {}, "ok", "code flow, PKCE not announced, no iss parameter, no sign-out at the provider"),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_what_a_provider_does_not_offer_is_told(
    document: dict[str, Any], changes: dict[str, Any], level: str, told: str
) -> None:
    idp = IdentityProvider("oidc", "bridge", Secret("s"), scope="openid", issuer="https://idp.example")
    asking = Connection("globex", "Globex", replace(idp, **changes), fuyun=FuyunApp("app", NO_SECRET))
    (one,) = offers.compared(asking, document)
    assert (one.level, told in one.what) == (level, True), one.what


def test_keys_are_told_by_kind(house: House) -> None:
    members = [new_rsa().public_key(), new_rsa().public_key()]
    assert provider.kinds_of(KeySet([RSAKey.import_key(public_pem(one)) for one in members])) == (
        "2 signing keys: 2 RSA 2048"
    )
    assert provider.kinds_of(KeySet([ECKey.generate_key("P-256")])) == "1 signing key: EC P-256"


def test_another_host_of_a_provider_is_asked_too(house: House) -> None:
    def elsewhere(one: Connection) -> Connection:
        return replace(one, idp=replace(one.idp, userinfo_endpoint="http://127.0.0.1:9/userinfo"))

    built = rehoused(house, lambda old: change(old, "globex", elsewhere))
    assert bad(built) == {"endpoints"}
    built.services.database.close()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "http://fuyun.test/x"], ids=["silent", "failing"])
def test_a_fuyun_that_is_silent_or_fails_is_told(house: House, address: str) -> None:
    def fails(_: Any, start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [])
        return [b""]

    def elsewhere(one: Connection) -> Connection:
        return replace(one, fuyun=replace(one.fuyun, token_exchange_url=address))

    built = rehoused(house, lambda old: change(old, "globex", elsewhere))
    built.adapter.mount("http://fuyun.test", fails)
    assert bad(built) == {"fuyun"}
    built.services.database.close()


def test_what_hangs_does_not_hold_up_the_rest(house: House) -> None:
    never = threading.Event()

    def hangs() -> list[Finding]:
        never.wait(60)
        return []

    questions = [
        *(Question(f"{number}", hangs, "globex") for number in range(TOGETHER)),
        Question("late", lambda: [Finding("late", "in time")], "globex"),
    ]
    told = carry_out(questions, house.services.outbound, deadline=0.4)
    never.set()
    assert {(one.level, one.what) for one in told[:-1]} == {("fault", "no end within 0 seconds")}
    assert (told[-1].level, told[-1].what) == ("warn", "not asked within 0 seconds")


def test_a_mistake_of_ours_is_not_hidden(house: House) -> None:
    with pytest.raises(ZeroDivisionError):
        carry_out([Question("ours", lambda: [Finding(str(1 // 0), "")])], house.services.outbound)


SWITCH = "2027-01-31T08:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "due", "level", "what"),
    [
        (-1, "present", "ok", f"the next key takes over on {SWITCH}"),
        (0, "next", "warn", f"the next key took over on {SWITCH}"),
    ],
    ids=["before the moment", "since then"],
)
def test_the_keys_of_mode_jwt_are_told(seconds: int, due: str, level: str, what: str) -> None:
    keys = {"present": new_rsa(), "next": new_rsa()}
    present, following = (Secret(private_pem(key)) for key in keys.values())
    signing = JwtSigning("https://crm.example.com", present, next_private_key=following, next_key_from=SWITCH)
    at = datetime.fromisoformat(SWITCH).timestamp() + seconds
    first, second = connection._signing("crm", signing, at)
    assert (first.level, first.what) == ("ok", f"2048 bits, kid {key_id(keys[due])}, iss https://crm.example.com")
    assert (second.level, second.what) == (level, what)


def test_a_connection_in_mode_jwt_tells_the_key_that_signs(house: House) -> None:
    signing = JwtSigning("https://crm.example.com", Secret("damaged"))
    built = rehoused(house, lambda old: change(old, "globex", lambda one: replace(one, mode="jwt", jwt=signing)))
    told = found(built)
    assert (told["signing key"].level, "signing key" in found(built, "acme")) == ("fault", False)
    built.services.database.close()


def test_who_is_switched_off_is_not_asked_and_frontend_needs_no_fuyun(house: House) -> None:
    off = change(house.settings, "globex", lambda one: replace(one, enabled=False))
    built = rehoused(house, lambda _: change(off, "acme", lambda one: replace(one, mode="frontend")))
    assert (found(built), "fuyun" in found(built, "acme")) == ({}, False)
    built.services.database.close()

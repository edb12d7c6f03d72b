"""What `check` asks: the store, and for each customer the provider, its keys, its clock and Fuyun."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from bridge import checks
from bridge.connections.keys import key_id
from bridge.core.model import JwtSigning, Secret
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.journeys.steps import rehoused
from tests.kit.house import change

if TYPE_CHECKING:
    from bridge.checks import Finding
    from tests.kit.house import House
    from tests.kit.redis_server import RedisServer


SOMEWHERE = "sqlite://"


def found(house: House) -> dict[str, Finding]:
    outbound = house.services.flow._upstream._outbound
    probe = checks.probe(
        house.services, house.settings.connections, outbound, MetadataCache(outbound), KeyCache(outbound)
    )
    return {finding.name: finding for finding in probe}


def bad(house: House) -> set[str]:
    return {finding.name for finding in found(house).values() if not finding.ok}


def test_everybody_who_answers_well_is_told_with_what_came(house: House) -> None:
    findings = found(house)
    assert bad(house) == set()
    assert list(findings)[:5] == ["store", "contoso: metadata", "contoso: keys", "contoso: clock", "contoso: fuyun"]
    assert findings["globex: metadata"].what == "issuer http://localhost:5100/oidc"
    assert findings["globex: keys"].what == "1 signing keys"
    assert findings["globex: clock"].what == "the provider does not tell its time"
    assert findings["globex: fuyun"].what == "http://localhost:5100 answers"
    assert findings["globex: contact center"].what == "takes the access key"
    assert findings["initech: metadata"].what == "token endpoint at http://localhost:5100"
    assert "initech: keys" not in findings


@pytest.mark.parametrize(
    ("target", "fault", "said", "names"),
    [
        ("discovery", "http_500", {}, {"globex: metadata", "globex: keys"}),
        ("discovery", "wrong_iss", {}, {"globex: metadata", "globex: keys"}),
        ("discovery", "reset", {}, {"globex: metadata", "globex: keys", "globex: clock"}),
        ("discovery", "clock_off", {"seconds": 61}, {"globex: clock"}),
        ("discovery", "clock_off", {"seconds": -62}, {"globex: clock"}),
        ("discovery", "clock_off", {"seconds": 50}, set()),
        ("jwks", "no_keys", {}, {"globex: keys"}),
    ],
)
def test_whoever_does_not_is_named(house: House, target: str, fault: str, said: Any, names: set[str]) -> None:
    house.world.faults.set(target, fault, connection="globex", **said)
    assert bad(house) == names


def test_a_clock_that_is_off_is_told_by_how_much(house: House) -> None:
    house.world.faults.set("discovery", "clock_off", connection="globex", seconds=-3600)
    finding = found(house)["globex: clock"]
    assert not finding.ok
    assert "received +36" in finding.what


def test_a_silent_fuyun_and_a_store_that_fails_are_told(house: House) -> None:
    silent = rehoused(
        house,
        lambda old: change(
            old, "globex", lambda one: replace(one, fuyun=replace(one.fuyun, token_exchange_url="http://127.0.0.1:9/x"))
        ),
    )
    silent.services.database.engine = type(silent.services.database)("sqlite:////proc/nowhere/x.db").engine
    assert bad(silent) == {"store", "globex: fuyun"}


def test_a_fuyun_that_fails_is_told(house: House) -> None:
    def fails(_: Any, start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [])
        return [b""]

    house.adapter.mount("http://fuyun.test", fails)
    failing = change(
        house.settings,
        "globex",
        lambda one: replace(one, fuyun=replace(one.fuyun, token_exchange_url="http://fuyun.test/x")),
    )
    built = rehoused(house, lambda _: failing)
    built.adapter.mount("http://fuyun.test", fails)
    assert bad(built) == {"globex: fuyun"}
    built.services.database.close()


SWITCH = "2027-01-31T08:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "due", "level", "what"),
    [
        (-1, "present", "ok", f"the next key takes over on {SWITCH}"),
        (0, "next", "warn", f"the next key took over on {SWITCH}: move it to private_key"),
    ],
    ids=["before the moment", "since then"],
)
def test_the_keys_of_mode_jwt_are_told(seconds: int, due: str, level: str, what: str) -> None:
    keys = {"present": new_rsa(), "next": new_rsa()}
    present, following = (Secret(private_pem(key)) for key in keys.values())
    signing = JwtSigning("https://crm.example.com", present, next_private_key=following, next_key_from=SWITCH)
    at = datetime.fromisoformat(SWITCH).timestamp() + seconds
    first, second = checks._signing("crm: signing key", signing, at)
    assert (first.level, first.what) == ("ok", f"2048 bits, kid {key_id(keys[due])}, iss https://crm.example.com")
    assert (second.level, second.what) == (level, what)


def test_a_connection_in_mode_jwt_tells_the_key_that_signs(house: House) -> None:
    signing = JwtSigning("https://crm.example.com", Secret("damaged"))
    built = rehoused(house, lambda old: change(old, "globex", lambda one: replace(one, mode="jwt", jwt=signing)))
    told = found(built)
    assert (told["globex: signing key"].level, "acme: signing key" in told) == ("fault", False)
    built.services.database.close()


def test_who_is_switched_off_is_not_asked_and_frontend_needs_no_fuyun(house: House) -> None:
    off = change(house.settings, "globex", lambda one: replace(one, enabled=False))
    built = rehoused(house, lambda _: change(off, "acme", lambda one: replace(one, mode="frontend")))
    findings = found(built)
    assert not [name for name in findings if name.startswith("globex")]
    assert "acme: metadata" in findings
    assert "acme: fuyun" not in findings
    built.services.database.close()


def test_an_access_key_that_is_not_taken_is_told(house: House) -> None:
    house.world.faults.set("aiccs", "refused_key")
    told = found(house)["globex: contact center"]
    assert not told.ok
    assert "InvalidAccessKeyId.NotFound" in told.what


def test_sessions_in_redis_are_asked_for_and_what_could_lose_them_is_doubted(
    house: House, redis_server: RedisServer
) -> None:
    url = redis_server.emptied()
    kept = rehoused(
        house, lambda old: replace(old, store=old.store.model_copy(update={"sessions": url, "database": SOMEWHERE}))
    )
    outbound = kept.services.outbound
    asked = checks.probe(kept.services, (), outbound, MetadataCache(outbound), KeyCache(outbound))
    told = [(one.level, one.what) for one in asked if one.name == "store.sessions"]
    assert told == [
        ("ok", "redis answers"),
        ("warn", "a restart of this Redis signs everybody out: switch on appendonly"),
    ]


def test_a_redis_that_does_not_answer_is_told(house: House) -> None:
    silent = rehoused(
        house,
        lambda old: replace(
            old, store=old.store.model_copy(update={"sessions": "redis://127.0.0.1:9", "database": SOMEWHERE})
        ),
    )
    outbound = silent.services.outbound
    (told,) = [
        one
        for one in checks.probe(silent.services, (), outbound, MetadataCache(outbound), KeyCache(outbound))
        if one.name == "store.sessions"
    ]
    assert told.level == "fault"
    assert "store_unavailable" in told.what

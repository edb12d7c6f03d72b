"""What ends and how soon: warnings 30, 14 and 3 days before, unknown dates last."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.connections.expiry import Deadline, certificate, deadlines, in_order, provider_address
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider, JwtSigning, Secret

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
DAY = 86_400


def connection(name: str = "contoso", *, idp: str = "", fuyun: str = "") -> Connection:
    return Connection(
        name=name,
        title=name,
        idp=IdentityProvider(
            "oidc", "bridge", Secret("s"), client_secret_expires=idp, discovery_url="https://idp.example/d"
        ),
        fuyun=FuyunApp("app", Secret("s"), client_secret_expires=fuyun),
    )


@pytest.mark.parametrize(
    ("day", "days", "level", "is_imminent", "needs_attention"),
    [
        ("2027-01-31", 70, "ok", False, False),
        ("2026-12-23", 31, "ok", False, False),
        ("2026-12-22", 30, "soon", False, True),
        ("2026-12-07", 15, "soon", False, True),
        ("2026-12-06", 14, "urgent", False, True),
        ("2026-11-26", 4, "urgent", False, True),
        ("2026-11-25", 3, "urgent", True, True),
        ("2026-11-22", 0, "urgent", True, True),
        ("2026-11-21", -1, "over", True, True),
    ],
)
def test_a_date_is_told_with_the_days_that_are_left(
    day: str,
    days: int,
    level: str,
    is_imminent: bool,  # noqa: FBT001 — parametrised
    needs_attention: bool,  # noqa: FBT001 — likewise
) -> None:
    found = deadlines([connection(idp=day)], NOON)[0]
    told = (found.what, found.days, found.level, found.is_imminent, found.needs_attention)
    assert told == ("idp_secret", days, level, is_imminent, needs_attention)


def test_the_whole_entered_day_is_still_good() -> None:
    midnight = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
    levels = [deadlines([connection(idp="2026-11-22")], now)[0].level for now in (midnight, midnight + DAY - 1)]
    assert levels == ["urgent", "urgent"]
    assert deadlines([connection(idp="2026-11-22")], midnight + DAY)[0].level == "over"


def test_what_has_no_date_is_offered_last() -> None:
    found = deadlines([connection("globex"), connection("contoso", fuyun="2027-01-31")], NOON)
    assert [(one.connection, one.what, one.level) for one in found] == [
        ("contoso", "fuyun_secret", "ok"),
        ("contoso", "idp_secret", "unknown"),
        ("globex", "fuyun_secret", "unknown"),
        ("globex", "idp_secret", "unknown"),
    ]
    assert [(one.ends_at, one.days, one.is_imminent, one.needs_attention) for one in found[1:2]] == [
        (None, None, False, False)
    ]


def test_only_what_is_there_can_end() -> None:
    public = connection()
    public = replace(public, idp=replace(public.idp, client_secret=NO_SECRET), fuyun=FuyunApp("app", NO_SECRET))
    assert deadlines([public], NOON) == []
    signing = replace(
        public, jwt=JwtSigning("https://phone.example.com", Secret("key"), private_key_expires="2026-11-24")
    )
    assert [(one.what, one.days) for one in deadlines([signing], NOON)] == [("jwt_key", 2)]


def test_certificates_are_told_like_the_rest() -> None:
    found = in_order(
        [certificate("contoso", "idp.example", None, NOON), certificate("", "phone.example", NOON + DAY * 5, NOON)]
    )
    assert found == [
        Deadline("", "certificate", NOON + DAY * 5, 5, "phone.example"),
        Deadline("contoso", "certificate", None, None, "idp.example"),
    ]


@pytest.mark.parametrize(
    ("discovery_url", "token_endpoint", "address"),
    [
        ("https://idp.example/d", "https://tokens.example", "https://idp.example/d"),
        ("", "https://tokens.example", "https://tokens.example"),
        ("", "", "https://idp.example/authorize"),
    ],
    ids=["discovery", "token endpoint", "authorization endpoint"],
)
def test_the_provider_is_asked_where_every_sign_in_goes(discovery_url: str, token_endpoint: str, address: str) -> None:
    given = connection()
    idp = replace(
        given.idp,
        discovery_url=discovery_url,
        token_endpoint=token_endpoint,
        authorization_endpoint="https://idp.example/authorize",
    )
    assert provider_address(replace(given, idp=idp)) == address

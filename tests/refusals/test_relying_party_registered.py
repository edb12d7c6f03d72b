"""A provider with several keys and algorithms: what it registered for this client is what counts, and nothing else."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.upstream.logout_token import EVENT
from tests.kit.hostile import CLIENT_ID, Does, Provider, compact, connection, having, jwk, rs256
from tests.refusals.refused import ID_TOKEN_INVALID, VERIFIED, beside
from tests.refusals.relying_party import Module, assert_module, curve_jwk, es256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.house import House

BOTH: Final[dict[str, Any]] = {
    "discovery": having(id_token_signing_alg_values_supported=["none", "RS256", "ES256", "HS256"]),
    "jwks": lambda _: {"keys": [jwk(), curve_jwk()]},
}
OTHERWISE: Final = Module(
    "an ID token signed with another algorithm than the registered one",
    Does(**BOTH, header=having(alg="ES256", kid="curve"), sign=es256),
    ID_TOKEN_INVALID,
    VERIFIED,
    "alg RS256",
)


@pytest.fixture
def provider() -> Provider:
    return Provider(connection("r0", id_token_signed_response_alg="RS256"), OTHERWISE.does)


@pytest.fixture
def bridge(tmp_path: Path, provider: Provider) -> Iterator[House]:
    built = beside(tmp_path, [provider])
    yield built
    built.services.database.close()


def told(bridge: House, provider: Provider, alg: str) -> int:
    """Post a logout token by a published key, and return the status."""
    now = int(time.time())
    claims = {"iss": provider.issuer, "aud": CLIENT_ID, "sub": "subject-of-lin", "iat": now, "exp": now + 120}
    payload = json.dumps({**claims, "jti": alg, "events": {EVENT: {}}}).encode()
    kid, sign = ("curve", es256) if alg == "ES256" else ("published", rs256())
    token = compact({"alg": alg, "typ": "logout+jwt", "kid": kid}, payload, sign)
    return bridge.browser().knock("/backchannel-logout/r0", {"logout_token": token})


def test_a_logout_token_signed_otherwise_is_refused(bridge: House, provider: Provider) -> None:
    """Module oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg, as the suite's provider is: it announces all."""
    assert [told(bridge, provider, alg) for alg in ("ES256", "RS256")] == [400, 200]


def test_an_id_token_signed_otherwise_is_refused(bridge: House, provider: Provider) -> None:
    assert_module(bridge, provider, OTHERWISE)

"""The OpenID Foundation's test plans for relying parties: which modules they hold, and one module as a row of a table.

Plans and modules have the names that the foundation's conformance suite gives them (release of August 2026). In the
suite a provider that errs plays against a relying party; here the providers of `tests.kit.hostile` do as it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from tests.kit.hostile import ORIGIN, Alter, Does, Members, Provider, Sign, connection, jwk, without
from tests.refusals.refused import DEPARTURE, EXCHANGED, Refusal, assert_refused, endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from requests.models import Response

    from tests.kit.house import House

BASIC: Final = (
    "oidcc-client-test",
    "oidcc-client-test-invalid-iss",
    "oidcc-client-test-missing-sub",
    "oidcc-client-test-invalid-aud",
    "oidcc-client-test-missing-iat",
    "oidcc-client-test-kid-absent-single-jwks",
    "oidcc-client-test-kid-absent-multiple-jwks",
    "oidcc-client-test-idtoken-sig-rs256",
    "oidcc-client-test-idtoken-sig-none",
    "oidcc-client-test-invalid-sig-rs256",
    "oidcc-client-test-userinfo-invalid-sub",
    "oidcc-client-test-nonce-invalid",
    "oidcc-client-test-scope-userinfo-claims",
    "oidcc-client-test-client-secret-basic",
)
PLANS: Final = {
    "oidcc-client-basic-certification-test-plan": BASIC,
    "oidcc-client-formpost-basic-certification-test-plan": BASIC,
    "oidcc-client-config-certification-test-plan": (
        "oidcc-client-test-discovery-openid-config",
        "oidcc-client-test-discovery-jwks-uri-keys",
        "oidcc-client-test-discovery-issuer-mismatch",
        "oidcc-client-test-idtoken-sig-none",
        "oidcc-client-test-signing-key-rotation-just-before-signing",
        "oidcc-client-test-signing-key-rotation",
    ),
    "oidcc-client-rp-initiated-logout-rp-basic": (
        "oidcc-client-test-rp-init-logout",
        "oidcc-client-test-rp-init-logout-other-state",
        "oidcc-client-test-rp-init-logout-no-state",
    ),
    "oidcc-client-back-channel-logout-rp-basic": (
        "oidcc-client-test-rp-backchannel-rpinitlogout",
        "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
        "oidcc-client-test-rp-backchannel-rpinitlogout-no-event",
        "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
    ),
    "oidcc-client-front-channel-logout-rp-basic": ("oidcc-client-test-rp-frontchannel-rpinitlogout",),
    "oidcc-client-refreshtoken-test-plan": (
        "oidcc-client-test-refresh-token",
        "oidcc-client-test-refresh-token-invalid-issuer",
        "oidcc-client-test-refresh-token-invalid-sub",
    ),
    "oidcc-client-test-3rd-party-init-login-test-plan": ("oidcc-client-test-3rd-party-init-login",),
}
"""The plans that the bridge is held to: response type code, client authentication by secret, a static registration."""
BEYOND: Final = (
    "oidcc-client-test-aggregated-claims",
    "oidcc-client-test-discovery-webfinger-acct",
    "oidcc-client-test-discovery-webfinger-url",
    "oidcc-client-test-distributed-claims",
    "oidcc-client-test-dynamic-registration",
    "oidcc-client-test-form-post-error",
    "oidcc-client-test-ignores-unparseable-key-in-jwks",
    "oidcc-client-test-invalid-athash",
    "oidcc-client-test-invalid-chash",
    "oidcc-client-test-invalid-sig-es256",
    "oidcc-client-test-invalid-sig-hs256",
    "oidcc-client-test-missing-athash",
    "oidcc-client-test-missing-aud",
    "oidcc-client-test-missing-chash",
    "oidcc-client-test-mtls-endpoint-aliases",
    "oidcc-client-test-nonce-unless-code-flow",
    "oidcc-client-test-refresh-token-invalid-aud",
    "oidcc-client-test-refresh-token-invalid-azp",
    "oidcc-client-test-request-uri-signed-none",
    "oidcc-client-test-request-uri-signed-rs256",
    "oidcc-client-test-rp-frontchannel-opinitlogout",
    "oidcc-client-test-session-management",
    "oidcc-client-test-userinfo-bearer-body",
    "oidcc-client-test-userinfo-bearer-header",
    "oidcc-client-test-userinfo-signed",
)
"""The modules that only the comprehensive and dynamic plans hold, or that some release of the suite holds in none."""

DISCOVERED: Final = ("openid-configuration",)
"""What the bridge asks where discovery itself is refused."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One sign-in at a module's provider, as it went.

    Args:
        asked: the parameters of the authorization request; none where the bridge asked for no authorization.
        calls: every address that the bridge asked for it.
        answer: the bridge's last answer to the browser.
    """

    provider: Provider
    asked: dict[str, str]
    calls: tuple[str, ...]
    answer: Response

    def received(self, endpoint: str) -> Any:
        """Return the one request that came in at an endpoint of the provider."""
        (found,) = [one for one in self.provider.received if one.endpoint == endpoint]
        return found


@dataclass(frozen=True, slots=True)
class Module:
    """One module: what the provider does, and what becomes of the sign-in.

    Args:
        refusal: None where the relying party has to accept.
        asked: the endpoints that the bridge may ask, in order; of a refusal, the last one's answer is the bad one.
        says: a text that the refusal shows.
        shows: what else has to be true of the sign-in.
        idp: what the connection is told about its provider.
        why: a module that is not for the bridge: which offer it does not make or use.
    """

    id: str
    does: Does = field(default_factory=Does)
    refusal: Refusal | None = None
    asked: tuple[str, ...] = EXCHANGED
    says: str = ""
    shows: Callable[[Visit], bool] = lambda _: True
    idp: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    def __str__(self) -> str:
        return f"{self.id}, by form" if self.idp.get("response_mode") else self.id


def providers_of(modules: Iterable[Module]) -> dict[str, Provider]:
    """Return a provider of its own for each module, by the module's text."""
    return {str(one): Provider(connection(f"r{at}", **one.idp), one.does) for at, one in enumerate(modules)}


def visit(house: House, provider: Provider) -> Visit:
    """Go to a provider and come back the way that the bridge asked for: by address or by form."""
    since, browser = len(house.calls), house.browser()
    answer, asked = browser.open(f"/login/{provider.name}", follow=False), {}
    if answer.status_code == DEPARTURE:
        location = answer.headers["Location"]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        back = provider.come_back(location)
        path, _, query = back.partition("?")
        if asked.get("response_mode") == "form_post":
            answer = browser.submit(path, dict(parse_qsl(query)), follow=False, Origin=ORIGIN)
        else:
            answer = browser.open(back, follow=False)
    return Visit(provider, asked, tuple(url for _, url in house.calls[since:]), answer)


def assert_module(house: House, provider: Provider, module: Module) -> None:
    """Sign in at the module's provider and check what becomes of it."""
    kept, since = house.rows(), len(house.calls)
    seen = visit(house, provider)
    assert endpoints(house, since) == module.asked
    if module.refusal:
        assert_refused(seen.answer, module.refusal, provider.secrets, module.says)
        assert house.rows() == kept
    else:
        assert (seen.answer.status_code, seen.answer.headers["Location"]) == (303, "/softphone")
        assert "bridge_session=" in seen.answer.headers["Set-Cookie"]
    assert module.shows(seen)


# What the suite's provider does ---------------------------------------------------------------------------------------


def longer(name: str, by: str = "1") -> Alter:
    """Append to a member, which is how the suite makes a value wrong."""
    return lambda good: {**good, name: f"{good[name]}{by}"}


def nameless(name: str = "published") -> Members:
    """Return a public key without a kid."""
    return dict(without("kid")(jwk(name)))


def spoilt(sign: Sign) -> Sign:
    """Sign, and turn bits of every octet of the signature."""
    return lambda signed: bytes(octet ^ 0x5A for octet in sign(signed))


def unsigned(_: bytes) -> bytes:
    """Leave the signature out."""
    return b""


def es256(signed: bytes) -> bytes:
    """Sign with the key that `curve_jwk` publishes (RFC 7518 section 3.4)."""
    r, s = decode_dss_signature(_curve_key().sign(signed, ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def curve_jwk() -> Members:
    """Return the public half of the key on P-256."""
    return dict(ECKey.import_key(_curve_key().public_key(), {"kid": "curve"}).as_dict(private=False))


@cache
def _curve_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())

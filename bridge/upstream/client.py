"""The verbs said to an identity provider: authorize, redeem, verify, userinfo, refresh, revoke."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from bridge.core import protocol
from bridge.core.errors import (
    IdpAnswerInvalid,
    IdpError,
    IdpUnreachable,
    IdTokenInvalid,
    LogoutTokenInvalid,
    UserinfoInvalid,
    showable,
)
from bridge.core.model import NO_SECRET, IdentityProvider, TokenSet, VerifiedClaims
from bridge.outbound import FailAs, Outbound
from bridge.upstream import id_token, logout_token
from bridge.upstream.metadata import OK, SERVER_ERROR, KeyCache, MetadataCache, ProviderMetadata
from bridge.upstream.wire import Refused, Wire, WiredClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.egress.answer import Answer
    from bridge.upstream.logout_token import LogoutToken

_USERINFO_FAILURES: Final = FailAs(IdpUnreachable, UserinfoInvalid, "userinfo")
_CLIENT_ERROR: Final = 400
# RFC 6749 section 5.2 has the first one for a wrong secret; Keycloak says the second, GitHub the third.
_UNKNOWN_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client", "incorrect_client_credentials"})

Result = TypeVar("Result")


class SecretProof(Protocol):
    """Hears what becomes of a changed client secret; told of providers with a former one alone, and never raises."""

    def accepted(self, idp: IdentityProvider) -> None:
        """Hear that the provider gave tokens for the present secret."""

    def refused(self, idp: IdentityProvider, error: str) -> None:
        """Hear by which OAuth error the provider did not know the present secret; the former one is tried next."""


class UpstreamClient:
    """Speaks OAuth 2.0 and OpenID Connect with every connection's provider.

    Args:
        now: epoch seconds.
        secret_proof: None where nobody keeps former secrets.
    """

    def __init__(
        self,
        outbound: Outbound,
        metadata: MetadataCache,
        keys: KeyCache,
        now: Callable[[], float],
        secret_proof: SecretProof | None = None,
    ) -> None:
        self._outbound = outbound
        self._metadata = metadata
        self._keys = keys
        self._now = now
        self._secret_proof = secret_proof

    def metadata(self, idp: IdentityProvider) -> ProviderMetadata:
        """Return what is known of the provider; raises IdpUnreachable or IdpAnswerInvalid."""
        return self._metadata.get(idp)

    def get_ready(self, idp: IdentityProvider) -> None:
        """Open in the background the lines that a callback of this provider will need; see `Outbound.get_ready`."""
        metadata = self._metadata.get(idp)
        self._outbound.get_ready(metadata.token_endpoint, public_only=idp.public_only)
        if metadata.userinfo_endpoint:
            self._outbound.get_ready(metadata.userinfo_endpoint, public_only=idp.public_only)

    def authorize(
        self, idp: IdentityProvider, redirect_uri: str, state: str, nonce: str, code_verifier: str, **hints: str
    ) -> str:
        """Return the address to send the browser to (RFC 6749 section 4.1.1, RFC 7636 section 4.3).

        Args:
            hints: ``login_hint``, ``prompt`` and the like; empty ones are left out.
        """
        extra = {name: value for name, value in hints.items() if value}
        if idp.response_mode:
            extra["response_mode"] = idp.response_mode
        if asks_for_id_token(idp):
            extra["nonce"] = nonce
        metadata = self._metadata.get(idp)
        url, _ = self._client(idp, metadata).create_authorization_url(
            metadata.authorization_endpoint,
            state=state,
            code_verifier=code_verifier,
            redirect_uri=redirect_uri,
            scope=idp.scope or None,
            **extra,
        )
        return str(url)

    def redeem(self, idp: IdentityProvider, code: str, code_verifier: str, redirect_uri: str) -> TokenSet:
        """Exchange the code for tokens (RFC 6749 section 4.1.3).

        Raises:
            IdpError: the provider refuses the code.
            IdpUnreachable: no answer, or 5xx.
            IdpAnswerInvalid: no usable token answer.
        """
        return self._ask_for_tokens(
            idp,
            lambda client, token_endpoint: client.fetch_token(
                token_endpoint,
                grant_type=protocol.AUTHORIZATION_CODE,
                code=code,
                code_verifier=code_verifier,
                redirect_uri=redirect_uri,
            ),
        )

    def refresh(self, idp: IdentityProvider, refresh_token: str) -> TokenSet:
        """Exchange the refresh token for new tokens; a provider that sends no new one lets the old one live on.

        Raises:
            IdpError: with ``received`` holding the OAuth error code; ``invalid_grant`` alone is final.
            IdpUnreachable, IdpAnswerInvalid: as for `redeem`.
        """
        fresh = self._ask_for_tokens(
            idp, lambda client, token_endpoint: client.refresh_token(token_endpoint, refresh_token=refresh_token)
        )
        return fresh if fresh.refresh_token else replace(fresh, refresh_token=refresh_token)

    def revoke(self, idp: IdentityProvider, token: str) -> None:
        """Ask the provider to forget a refresh token (RFC 7009); a provider without the endpoint is left alone."""
        metadata = self._metadata.get(idp)
        if not metadata.revocation_endpoint:
            return

        def ask(asked: IdentityProvider) -> None:
            client = self._client(asked, metadata)
            answer = client.revoke_token(
                metadata.revocation_endpoint, token=token, token_type_hint=protocol.REFRESH_TOKEN
            )
            answer.raise_for_refusal()

        with suppress(IdpError):
            self._with_either_secret(idp, ask)

    def verify(self, idp: IdentityProvider, tokens: TokenSet, nonce: str | None) -> VerifiedClaims:
        """Return the claims of the ID token after every check; an absent one is a refusal.

        Raises:
            IdTokenInvalid: names the failed check.
        """
        if not tokens.unverified_id_token:
            raise IdTokenInvalid(expected="an id_token, since scope holds openid", received="none")
        metadata = self._metadata.get(idp)
        expected = id_token.expect(metadata, idp.client_id, nonce, tokens.access_token, self._now())
        return id_token.verify(
            tokens.unverified_id_token,
            self._keys.get(idp, metadata.jwks_uri),
            lambda seen: self._keys.refetch(idp, metadata.jwks_uri, seen),
            _algorithms(idp, metadata),
            expected,
        )

    def verify_logout(self, idp: IdentityProvider, unverified_logout_token: str) -> LogoutToken:
        """Return what a provider says about sessions that are over (Back-Channel Logout 1.0 section 2.6).

        Raises:
            LogoutTokenInvalid: names the failed check.
            IdpUnreachable, IdpAnswerInvalid: the provider's metadata or keys cannot be had.
        """
        metadata = self._metadata.get(idp)
        if not metadata.issuer or not metadata.jwks_uri:
            raise LogoutTokenInvalid(expected="a provider of OpenID Connect", received="one without issuer and keys")
        return logout_token.verify(
            unverified_logout_token,
            self._keys.get(idp, metadata.jwks_uri),
            # Anybody may post one here: an invented kid must not cost the sign-ins their next look at the keys.
            lambda seen: self._keys.refetch(idp, metadata.jwks_uri, seen, asker="logout"),
            _algorithms(idp, metadata),
            id_token.expect(metadata, idp.client_id, None, "", self._now()),
        )

    def userinfo(self, idp: IdentityProvider, access_token: str) -> dict[str, Any]:
        """Return the UserInfo answer for the very token that Fuyun will get (OpenID Connect Core section 5.3).

        Raises:
            IdpError: the provider refuses the token.
            IdpUnreachable: no answer, or 5xx.
            UserinfoInvalid: a redirect, or no JSON object.
        """
        metadata = self._metadata.get(idp)
        if not metadata.userinfo_endpoint:
            raise UserinfoInvalid(expected="userinfo_endpoint", received="a provider without one")
        answer = self._outbound.get(
            metadata.userinfo_endpoint,
            _USERINFO_FAILURES,
            headers={"Authorization": f"Bearer {access_token}"},
            public_only=idp.public_only,
        )
        return self._read_userinfo(idp, metadata, answer)

    def _read_userinfo(self, idp: IdentityProvider, metadata: ProviderMetadata, answer: Answer) -> dict[str, Any]:
        if answer.status >= SERVER_ERROR:
            raise IdpUnreachable(expected="a UserInfo answer", received=f"HTTP {answer.status}")
        if answer.status >= _CLIENT_ERROR:
            raise IdpError("The provider refused the token at its UserInfo endpoint.", received=f"HTTP {answer.status}")
        if answer.status == OK and answer.kind == "application/jwt":
            return self._signed_userinfo(idp, metadata, answer)
        claims = answer.json_object() if answer.status == OK else None
        if claims is None:
            raise UserinfoInvalid(expected="a JSON object", received=f"HTTP {answer.status} {answer.kind}")
        return claims

    def _signed_userinfo(self, idp: IdentityProvider, metadata: ProviderMetadata, answer: Answer) -> dict[str, Any]:
        try:
            header, claims = id_token.verify_signature(
                answer.body.decode("ascii", "replace"),
                self._keys.get(idp, metadata.jwks_uri),
                lambda seen: self._keys.refetch(idp, metadata.jwks_uri, seen),
                (),
            )
            # OpenID Connect Core section 5.3.2; some providers name neither.
            named = {"iss": metadata.issuer, "aud": idp.client_id} | claims
            id_token.check_parties(header, named, id_token.expect(metadata, idp.client_id, None, "", self._now()))
        except IdTokenInvalid as fault:
            raise UserinfoInvalid(expected=fault.expected, received=fault.received) from fault
        return claims

    def _ask_for_tokens(self, idp: IdentityProvider, fetch: Callable[[WiredClient, str], dict[str, Any]]) -> TokenSet:
        metadata = self._metadata.get(idp)

        def ask(asked: IdentityProvider) -> TokenSet:
            client = self._client(asked, metadata)
            tokens = self._token_set(lambda: fetch(client, metadata.token_endpoint))
            if asked.former_client_secret and self._secret_proof:
                # Tokens alone are a proof: some servers judge a stranger's code before they look at the client.
                self._secret_proof.accepted(asked)
            return tokens

        return self._with_either_secret(idp, ask)

    def _with_either_secret(self, idp: IdentityProvider, ask: Callable[[IdentityProvider], Result]) -> Result:
        """Ask, and once more with the former secret where the provider does not know the present one.

        Failing to authenticate spends neither code nor token (RFC 6749 section 3.2.1: the client comes first); where it
        did all the same, the second refusal is the one that is told.
        """
        try:
            return ask(idp)
        except IdpError as refusal:
            if not idp.former_client_secret or refusal.received not in _UNKNOWN_CLIENT:
                raise
            error = refusal.received
        if self._secret_proof:
            self._secret_proof.refused(idp, error)
        return ask(replace(idp, client_secret=idp.former_client_secret, former_client_secret=NO_SECRET))

    def _client(self, idp: IdentityProvider, metadata: ProviderMetadata) -> WiredClient:
        method = idp.token_endpoint_auth_method or _choose_method(metadata.token_endpoint_auth_methods)
        return WiredClient(
            session=Wire(self._outbound, public_only=idp.public_only),
            client_id=idp.client_id,
            client_secret=idp.client_secret.reveal(),
            token_endpoint_auth_method=method if idp.client_secret else "none",
            revocation_endpoint_auth_method=method if idp.client_secret else "none",
            code_challenge_method=protocol.S256,
        )

    def _token_set(self, fetch: Callable[[], dict[str, Any]]) -> TokenSet:
        try:
            answer = fetch()
        except Refused as refusal:
            raise IdpError("The provider's token endpoint refused.", received=showable(refusal.error)) from refusal
        access_token = answer.get("access_token")
        token_type = answer.get("token_type", "bearer")
        if not isinstance(access_token, str) or not access_token:
            raise IdpAnswerInvalid(expected="access_token", received="an answer without one")
        if not (access_token.isascii() and access_token.isprintable()):
            # It goes into a header next (RFC 6749 appendix A.12).
            raise IdpAnswerInvalid(expected="access_token of printable ASCII characters", received="another")
        if str(token_type).lower() != "bearer":
            raise IdpAnswerInvalid(expected="token_type Bearer", received=showable(token_type))
        return TokenSet(
            access_token=access_token,
            refresh_token=_text(answer.get("refresh_token")),
            unverified_id_token=_text(answer.get("id_token")),
            expires_at=int(self._now()) + answer["expires_in"] if "expires_in" in answer else None,
        )


def asks_for_id_token(idp: IdentityProvider) -> bool:
    """Say whether the connection asks for an ID token: plain OAuth 2.0 never does, OpenID Connect by its scope."""
    return idp.kind not in {"oauth2", "none"} and protocol.OPENID in idp.scope.split()


def _algorithms(idp: IdentityProvider, metadata: ProviderMetadata) -> tuple[str, ...]:
    """Return what tokens may be signed with: as registered (Back-Channel Logout 1.0 section 2.6), or announced."""
    registered = idp.id_token_signed_response_alg
    return (registered,) if registered else metadata.id_token_signing_algs


def _choose_method(methods: tuple[str, ...]) -> str:
    if protocol.CLIENT_SECRET_BASIC not in methods and protocol.CLIENT_SECRET_POST in methods:
        return protocol.CLIENT_SECRET_POST
    return protocol.CLIENT_SECRET_BASIC


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

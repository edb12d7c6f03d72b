"""Who signed in, and as which agent: each answer of the provider is judged before the next is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.access.rules import is_unvouched_mailbox
from bridge.core import trace as steps
from bridge.core.errors import MappingFieldMissing, UserinfoInvalid
from bridge.core.mapping import as_text, display_name, find_field, map_account
from bridge.core.model import AccountName, Connection, Identity, TokenSet, VerifiedClaims
from bridge.upstream.client import UpstreamClient, asks_for_id_token
from bridge.upstream.tenant import check_tenant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.trace import Trace


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Somebody whom the provider vouched for, after every check.

    Args:
        claims: all that is known of the person; what was signed wins.
        mapped_from: the document in which the mapping field is looked for.
    """

    identity: Identity
    claims: VerifiedClaims
    mapped_from: VerifiedClaims


def identify(
    upstream: UpstreamClient, connection: Connection, tokens: TokenSet, nonce: str, trace: Trace
) -> tuple[Authenticated, AccountName]:
    """Return who signed in, and the agent's account.

    Raises:
        MappingFieldMissing: nothing usable in the mapping field.
        BridgeError: as for `authenticate`.
    """
    found = authenticate(upstream, connection, tokens, nonce, trace)
    with trace.step(steps.MAPPING):
        _check_vouched(connection, found.mapped_from)
        account_name = map_account(found.mapped_from, connection.mapping_field)
    trace.account_name = account_name
    return found, account_name


def _check_vouched(connection: Connection, claims: VerifiedClaims) -> None:
    """Refuse an e-mail address that the provider does not vouch for: in mode jwt nobody but the bridge would.

    Whoever may register with any address at the provider could else pass for the agent who has it.
    """
    signing = connection.jwt if connection.mode == "jwt" else None
    if signing and not signing.accept_unverified_email and is_unvouched_mailbox(connection.mapping_field, claims):
        raise MappingFieldMissing(
            expected=f"{connection.mapping_field} that the provider has verified",
            received="one that is not",
        )


def authenticate(
    upstream: UpstreamClient,
    connection: Connection,
    tokens: TokenSet,
    nonce: str,
    trace: Trace,
    *,
    asks_userinfo: bool = False,
) -> Authenticated:
    """Return who signed in: each answer of the provider is judged before the next is asked for.

    In mode oauth UserInfo is the truth, since Fuyun reads the same document; in mode jwt the ID token is enough where
    it carries what is needed.

    Args:
        asks_userinfo: also where the ID token would be enough.

    Raises:
        IdTokenInvalid, UserinfoInvalid, TenantNotAllowed: the check that failed.
        IdpError, IdpUnreachable, IdpAnswerInvalid: the provider's own failure.
    """
    idp = connection.idp
    id_claims = None
    if asks_for_id_token(idp):
        with trace.step(steps.ID_TOKEN):
            id_claims = upstream.verify(idp, tokens, nonce)
        trace.claims[steps.ID_TOKEN] = id_claims
    if connection.mode == "jwt" and id_claims is not None and not asks_userinfo and _suffices(connection, id_claims):
        with trace.step(steps.TENANT):
            check_tenant(idp, id_claims)
        return Authenticated(_identity(connection, id_claims, id_claims), id_claims, id_claims)
    with trace.step(steps.USERINFO):
        userinfo = VerifiedClaims(upstream.userinfo(idp, tokens.access_token))
        subject = _same_subject(connection, id_claims, userinfo)
    trace.claims[steps.USERINFO] = userinfo
    with trace.step(steps.TENANT):
        check_tenant(idp, {**(id_claims or {}), **_without(userinfo, "tid")})
    known = VerifiedClaims({**userinfo, **(id_claims or {}), "sub": subject})
    return Authenticated(_identity(connection, known, id_claims), known, userinfo)


def _identity(connection: Connection, claims: VerifiedClaims, id_claims: VerifiedClaims | None) -> Identity:
    iss = str(id_claims["iss"]) if id_claims else connection.idp.issuer or connection.idp.token_endpoint
    sid = claims.get("sid")
    return Identity(
        iss=iss,
        sub=str(claims["sub"]),
        sid=sid if isinstance(sid, str) else "",
        display_name=display_name(claims),
    )


def _suffices(connection: Connection, claims: VerifiedClaims) -> bool:
    needs_organization = connection.idp.kind == "salesforce" and connection.idp.organization_id
    if needs_organization and "organization_id" not in claims:
        return False
    return bool(as_text(find_field(claims, connection.mapping_field)))


def _same_subject(connection: Connection, id_claims: VerifiedClaims | None, userinfo: Mapping[str, Any]) -> str:
    if id_claims is None:
        return _plain_subject(connection, userinfo)
    # Token substitution: another subject means that the answer is for another person's token (OIDC Core 5.3.2).
    if userinfo.get("sub") != id_claims["sub"]:
        received = "another sub" if "sub" in userinfo else "no sub"
        raise UserinfoInvalid(expected="the sub of the ID token", received=received)
    return str(id_claims["sub"])


def _plain_subject(connection: Connection, userinfo: Mapping[str, Any]) -> str:
    paths = [connection.idp.subject_field] if connection.idp.subject_field else ["sub", "id"]
    for path in paths:
        subject = as_text(find_field(userinfo, path))
        if subject:
            return subject
    raise UserinfoInvalid(expected=" or ".join(paths), received="an answer without a subject")


def _without(claims: Mapping[str, Any], name: str) -> dict[str, Any]:
    # `tid` decides about the tenant and counts only where it was signed: in the ID token.
    return {key: value for key, value in claims.items() if key != name}

"""What to change at the identity provider, or in what the connection says of it."""

from __future__ import annotations

from typing import Final

from bridge.core.wording import said
from bridge.signin.advice.rule import NO_PROVIDER, PRIVATE, Rule

DISCOVERY: Final = (
    PRIVATE,
    Rule(
        said(
            "Microsoft knows no tenant “%(tenant)s”. Copy the Directory (tenant) ID from Entra → Overview, enter it "
            "as tenant, and check that the cloud is the right one."
        ),
        codes=("idp_answer_invalid",),
        received="HTTP 4",
        kind="microsoft",
    ),
    Rule(
        said("At this host there is no Salesforce. Enter your My Domain, such as company.my.salesforce.com."),
        codes=("idp_answer_invalid",),
        received="HTTP [34]",
        kind="salesforce",
    ),
    Rule(
        said(
            "Nothing at this address describes a provider. Check the issuer for a typing mistake; a path such as "
            "/realms/name belongs to it."
        ),
        codes=("idp_answer_invalid",),
        received="HTTP ",
    ),
    Rule(
        said(
            "The tenant's own description names another issuer: %(received)s. Check that tenant and cloud belong "
            "together, and enter no issuer of your own."
        ),
        expected="issuer",
        kind="microsoft",
    ),
    Rule(
        said("Salesforce calls itself %(received)s here. Enter exactly that host."),
        expected="issuer",
        kind="salesforce",
    ),
    Rule(
        said(
            "The provider calls itself %(received)s. Enter exactly that as issuer, with or without the slash at its "
            "end, just as it stands there."
        ),
        expected="issuer",
    ),
    Rule(
        said("The provider's description leaves an address out. Enter it by hand under the advanced settings."),
        expected=r".* in the discovery document",
    ),
    NO_PROVIDER,
)

RESPONSE: Final = (
    Rule(
        said(
            "Somebody pressed “cancel”, or the account may not use this application. In Entra → Enterprise "
            "applications → your app → Users and groups, assign the person (or switch “Assignment required” off), and "
            "grant admin consent under Permissions."
        ),
        received="access_denied",
        kind="microsoft",
    ),
    Rule(
        said(
            "Salesforce does not let this account use the app. In Setup → the app's policies, admit the person's "
            "profile or permission set, or let all users authorize themselves."
        ),
        received="(access_denied|OAUTH_)",
        kind="salesforce",
    ),
    Rule(
        said(
            "Somebody pressed “cancel”, or the account may not use this application. Admit the person to the "
            "application at the provider, then test again."
        ),
        received="access_denied",
    ),
    Rule(
        said(
            "The provider wants an administrator's or the person's consent first. Grant it for the whole organization "
            "at the provider (Entra → Enterprise applications → your app → Permissions → Grant admin consent)."
        ),
        received="(consent_required|interaction_required)",
    ),
    Rule(
        said(
            "The provider does not know one of the scopes “%(scope)s”. Take away what it does not offer: openid, "
            "profile and email are usually enough."
        ),
        received="invalid_scope",
    ),
    Rule(
        said(
            "The provider does not let this client sign people in with a code. Allow the authorization code flow for "
            "client %(client_id)s, and register the application as a web application."
        ),
        received="(unauthorized_client|unsupported_response_type)",
    ),
    Rule(
        said("The provider has trouble of its own at the moment. Test again in a few minutes."),
        received="(server_error|temporarily_unavailable)",
    ),
    Rule(
        said(
            "The answer names another provider than the one that was asked. Check that the issuer and the sign-in "
            "address belong to the same provider."
        ),
        expected="iss ",
    ),
    Rule(
        said(
            "The provider sent the person back without a code. Check that client %(client_id)s may use the "
            "authorization code flow and that %(redirect_uri)s is registered for it."
        )
    ),
)

_WRONG_CLIENT: Final = "(invalid_client|unauthorized_client|HTTP 401)"
REDEEM: Final = (
    PRIVATE,
    Rule(
        said(
            "The client secret is wrong or has expired. In Entra → App registrations → your app → Certificates & "
            "secrets make a new one, and enter its VALUE, not its ID. Check that the client ID is %(client_id)s."
        ),
        received=_WRONG_CLIENT,
        kind="microsoft",
    ),
    Rule(
        said(
            "The consumer key or the consumer secret is wrong. In Salesforce Setup → your app → Settings → OAuth "
            "settings, copy both again. A new app takes up to ten minutes until it works."
        ),
        received="(invalid_client|HTTP 401)",
        kind="salesforce",
    ),
    Rule(
        said(
            "The client ID %(client_id)s or its secret is wrong, or the provider wants them another way: choose the "
            "other client authentication (client_secret_post or client_secret_basic) under the advanced settings."
        ),
        received=_WRONG_CLIENT,
    ),
    Rule(
        said("Register exactly this redirect URI for client %(client_id)s at the provider: %(redirect_uri)s"),
        received="redirect_uri_mismatch",
    ),
    Rule(
        said(
            "The provider did not take the code. Test once more; if it is refused again, check that exactly this "
            "redirect URI is registered, as a web application: %(redirect_uri)s"
        ),
        received="invalid_grant",
    ),
    Rule(
        said("The provider does not know one of the scopes “%(scope)s”. Take away what it does not offer."),
        received="invalid_scope",
    ),
    Rule(
        said(
            "The provider did not understand the request. Check the token endpoint, and that the application is "
            "registered as a web application with a client secret."
        ),
        codes=("idp_error",),
    ),
    Rule(
        said("The provider's token endpoint is in trouble, or its address is wrong. Check it and test again later."),
        codes=("idp_unreachable",),
    ),
    Rule(said("What answers at the token endpoint is no token endpoint. Check its address."), received="HTTP "),
    Rule(
        said("The provider's token answer breaks the standard. Show what was expected and what came to its operator.")
    ),
)

ID_TOKEN: Final = (
    Rule(
        said(
            "The provider sent no ID token. Keep openid among the scopes, and allow OpenID Connect for client "
            "%(client_id)s at the provider."
        ),
        expected="an id_token",
    ),
    Rule(
        said(
            "The token was made for the client %(received)s, but the connection has %(client_id)s. Enter the client "
            "ID of the very application that you registered."
        ),
        expected="(aud|azp)",
    ),
    Rule(
        said(
            "The person comes from another tenant or by an old token version: the token names %(received)s. Check the "
            "tenant, and set accessTokenAcceptedVersion to 2 in the application's manifest in Entra."
        ),
        expected="iss",
        kind="microsoft",
    ),
    Rule(
        said("The token names another issuer: %(received)s. Enter exactly that one, if it is your provider's."),
        expected="(iss|a token of)",
    ),
    Rule(
        said(
            "The provider's clock and the bridge's differ by more than two minutes. Synchronize the one that is "
            "wrong (NTP)."
        ),
        expected="(exp|iat|nbf) in",
    ),
    Rule(
        said(
            "The provider did not repeat what the bridge sent along (nonce), as OpenID Connect demands. Test again in "
            "a fresh window; if it stays, choose plain OAuth 2.0 for this provider."
        ),
        expected="the nonce",
    ),
    Rule(
        said(
            "The token is signed by no key that the provider publishes. In Entra remove a signing key of the "
            "application's own (SAML settings); elsewhere check the key address (jwks_uri)."
        ),
        expected="(a key of|a signature|a public signing key|a key set)",
    ),
    Rule(
        said(
            "The provider signs its tokens in a way that is not safe for this purpose. Choose RS256 for client "
            "%(client_id)s at the provider."
        ),
        expected="alg",
    ),
    NO_PROVIDER,
    Rule(
        said("The ID token breaks the standard. Show what was expected and what came to the provider's operator."),
    ),
)

USERINFO: Final = (
    PRIVATE,
    Rule(
        said(
            "Microsoft refuses its own token at its user endpoint: it was issued for another service. Leave only "
            "openid, profile, email and offline_access among the scopes, without any api:// address."
        ),
        received="HTTP 4",
        kind="microsoft",
    ),
    Rule(
        said("Salesforce refuses the token at its user endpoint. Add openid and profile to the app's OAuth scopes."),
        received="HTTP 4",
        kind="salesforce",
    ),
    Rule(
        said(
            "The user endpoint refuses the token. Check its address, and that the scopes “%(scope)s” give a token for "
            "it."
        ),
        codes=("idp_error",),
    ),
    Rule(
        said(
            "The provider has no user endpoint, which Fuyun must ask in mode oauth. Enter its address under the "
            "advanced settings, or use mode jwt."
        ),
        expected="userinfo_endpoint",
    ),
    Rule(
        said(
            "The user endpoint speaks of another person than the ID token. Check that both belong to the same provider."
        ),
        expected="the sub of the ID token",
    ),
    Rule(
        said("The answer does not say whose it is. Enter the field that does as subject field (now: %(expected)s)."),
        received="an answer without a subject",
    ),
    NO_PROVIDER,
    Rule(said("What answers at the user endpoint is no user endpoint. Check its address.")),
)

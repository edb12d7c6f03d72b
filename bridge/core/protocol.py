"""The standards' words, and Fuyun's own, as constants: a misspelt word becomes a missing name."""

from typing import Final

# RFC 6749, RFC 7636
AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 — a grant type, not a secret
INVALID_GRANT: Final = "invalid_grant"
S256: Final = "S256"
CLIENT_SECRET_BASIC: Final = "client_secret_basic"  # noqa: S105 — a method's name
CLIENT_SECRET_POST: Final = "client_secret_post"  # noqa: S105 — a method's name

# OpenID Connect Core, Discovery
OPENID: Final = "openid"
WELL_KNOWN: Final = "/.well-known/openid-configuration"
FORM_POST: Final = "form_post"

# RFC 8693, as Fuyun's document writes it
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 — a grant type

# Fuyun's own spelling (document, "请求参数"); RFC 6749 says redirect_uri
FUYUN_REDIRECT_URL: Final = "redirect_url"
FUYUN_SUBJECT_ISSUER: Final = "subject_issuer"
FUYUN_USER_NAME: Final = "user_name"
AC_TOKEN: Final = "AC_TOKEN"  # noqa: S105 — a cookie's name

# Microsoft: the issuer template of common and organizations, and the tenant of personal accounts
TENANT_PLACEHOLDER: Final = "{tenantid}"
MULTI_TENANT: Final = frozenset({"common", "organizations", "consumers"})
PERSONAL_ACCOUNTS_TENANT: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"

SIGNING_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Of ID and logout tokens. No `none` and no HS*: whoever knows a client secret or a public key could sign with it."""

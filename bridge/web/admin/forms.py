"""What an administrator is asked for: one form for each kind of identity provider, each asking only what it needs.

The rules are those of the configuration file and are asked through `services().entry`: the forms know labels,
explanations and examples, and the same defaults.
"""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm

from bridge.core.protocol import SIGNING_ALGORITHMS
from bridge.web.admin.forms_fields import (
    address,
    choice,
    day,
    lines,
    long_secret,
    moment,
    names,
    secret,
    switch,
    text,
    words,
)

_REDIRECTION: Final = _("Only to replace the address that discovery finds.")


class PlainForm(FlaskForm):  # type: ignore[misc]
    """What every kind of connection is asked for, also one without a provider."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """The console has a CSRF token of its own: see `http.console.require_own_form`."""

        csrf = False

    title = text(
        _("Name for people"),
        _("What agents read on the sign-in page, usually the customer's name. Left empty, it is the App Name."),
        "Contoso Ltd",
        autocomplete="organization",
        autocapitalize="words",
    )
    name = text(
        _("App Name"),
        _(
            "The App Name of your application in Fuyun's developer portal: at most 10 letters and digits. "
            "It stands in addresses and cannot be changed later."
        ),
        "contoso",
        maxlength="64",
    )
    instance_id = text(
        _("Contact center instance"),
        _("The id of the contact center instance. Alibaba Cloud console → Cloud Contact Center → instance list."),
        "ccc_xp_…",
    )
    mode = text(
        _("How Fuyun learns who signed in"),
        _("Which way fits depends on what the provider tells about people."),
        default="oauth",
    )

    fuyun_client_id = text(
        _("Fuyun client ID"), _("Fuyun's developer portal → your application → Credentials → client_id.")
    )
    fuyun_client_secret = secret(
        _("Fuyun client secret"), _("Fuyun's developer portal → your application → Credentials → client_secret.")
    )
    fuyun_client_secret_expires = day(_("The Fuyun secret ends on"), _("Only if Fuyun named a day."))
    fuyun_scope = text(
        _("Fuyun scope"),
        _("What the application in Fuyun's portal may do, separated by commas."),
        default="user_management,hotline",
    )
    fuyun_redirect_url = address(
        _("Callback URL in Fuyun's portal"),
        _("Only if the portal has another one than the address shown above."),
    )
    fuyun_token_exchange_url = address(
        _("Token exchange address"),
        _("Where Fuyun takes a person's token for an agent's. Change it only if Fuyun told you so."),
        default="https://signin.rhinokeen.com/oauth/token_exchange",
    )
    jwt_issuer = text(
        _("Issuer domain (iss)"),
        _("The same text as in Fuyun's developer portal → Sign-in mode JWT → issuer domain."),
        "https://phone.example.com",
    )
    jwt_private_key = long_secret(
        _("Private key"),
        _(
            "An RSA key of at least 2048 bits, as PEM or base64 text. The portal sheet "
            "shows the public half for Fuyun's portal."
        ),
        "-----BEGIN PRIVATE KEY-----",  # pragma: allowlist secret
    )
    jwt_private_key_expires = day(_("Replace the key by"), _("You are reminded 30, 14 and 3 days ahead."))
    jwt_next_private_key = long_secret(
        _("Next private key"),
        _(
            "Takes over at the moment below, when you also enter its public half in Fuyun's portal, which has one "
            "field. Around that moment the bridge tries both keys, so nobody is locked out."
        ),
        "-----BEGIN PRIVATE KEY-----",  # pragma: allowlist secret
    )
    jwt_next_key_from = moment(
        _("The next key takes over at (UTC)"),
        _("Enter the public key in the portal at about this time. You are reminded 30, 14 and 3 days ahead."),
    )
    jwt_accept_unverified_email = switch(
        _("Addresses that nobody has verified"),
        _(
            "Some providers say of an e-mail address that nobody has verified it (email_verified is false). Accept "
            "such addresses only where the provider's own administrators enter them, and people cannot change theirs."
        ),
        _("are refused"),
        _("are accepted"),
    )
    jwt_exp_in_milliseconds = switch(
        _("How the end of a signature is written (exp)"),
        _("Milliseconds only if Fuyun refuses a signature that is right in every other way."),
        _("in seconds, as documented"),
        _("in milliseconds"),
    )
    jwt_lifetime = text(
        _("How long a signature is good"), _("A time such as 120s or 2m; 120s suits Fuyun."), "120s", "120s"
    )

    aiccs_access_key_id = secret(
        _("Access key ID"),
        _(
            "RAM console → Users → an account for this alone → AccessKey. To look up agents it needs aiccs:GetAgent; "
            "to make them at the first sign-in also aiccs:CreateAgent and aiccs:QuerySkillGroups."
        ),
    )
    aiccs_access_key_secret = secret(_("Access key secret"), _("Shown once, when the access key is made."))
    aiccs_endpoint = text(_("OpenAPI host"), _("Change it only for another region."), default="aiccs.aliyuncs.com")


class ConnectionForm(PlainForm):
    """What a connection with a provider is asked for."""

    mapping_field = text(
        _("Mapping field"),
        _(
            "The field of the provider's user information that holds exactly the agent's AccountName in the contact "
            "center. Usually email."
        ),
        "email",
        "email",
        list="mapping-fields",
    )
    domains = words(
        _("E-mail domains"),
        _(
            "People whose work e-mail address ends like this are led to this connection. Several are separated by "
            "commas. Each one counts once its owner has proven it."
        ),
        "contoso.com, contoso.cn",
    )
    hosts = words(
        _("Host names of its own"),
        _(
            "Only if you gave this customer an address of their own that leads to the bridge: whoever opens it comes "
            "straight to this sign-in."
        ),
        "phone.contoso.com",
    )
    provisioning_create_agents = switch(
        _("People without an agent"),
        _(
            "Whether somebody who signs in for the first time gets an agent whose AccountName is the value of the "
            "mapping field. Agents who were deleted or frozen never come back this way."
        ),
        _("cannot sign in until somebody makes their agent"),
        _("get an agent at the first sign-in"),
    )
    provisioning_display_name = text(
        _("Field of the display name"),
        _("A field of the person's profile. Left empty, it is the person's usual name."),
        "nickname",
    )
    provisioning_skill_groups = names(
        _("Skill groups for everybody"),
        _("Names of skill groups as the contact center has them, separated by commas; they may hold spaces."),
        "Hotline, After-sales",
    )
    provisioning_rules = lines(
        _("Further skill groups by rules"),
        _(
            "One rule a line: a field of the profile, its value, then the skill groups. A list of groups fits with any "
            "of its members, * fits with whatever is there. Every rule that fits counts; a test shows what comes of it."
        ),
        "groups = sales-emea -> Sales, Support",
    )
    idp_client_id = text(_("Client ID"), _("The id that the provider gave to the bridge as its client."))
    idp_client_secret = secret(_("Client secret"), _("The secret that belongs to this client id."))
    idp_client_secret_expires = day(
        _("The secret ends on"),
        _("The provider shows this day beside the secret. You are reminded 30, 14 and 3 days ahead."),
    )
    idp_scope = text(
        _("Scopes"),
        _("What the bridge asks the provider for, separated by spaces. Left empty, it asks for what it needs."),
        "openid profile email",
    )
    idp_token_endpoint_auth_method = choice(
        _("How the client proves itself"),
        _("Only if the provider insists on one way."),
        [
            ("", _("as the provider says")),
            ("client_secret_basic", "client_secret_basic"),
            ("client_secret_post", "client_secret_post"),
        ],
    )
    idp_id_token_signed_response_alg = choice(
        _("How ID tokens are signed"),
        _("Where the provider has several ways, the one that it keeps for this client; another is then refused."),
        [("", _("as the provider says")), *((one, one) for one in SIGNING_ALGORITHMS)],
    )
    idp_response_mode = choice(
        _("How the answer comes back"),
        _("form_post keeps the code out of addresses; the bridge then needs an https address."),
        [("", _("in the address (usual)")), ("form_post", "form_post")],
    )
    idp_discovery_url = address(
        _("Discovery document"), _("Only if it is not where the standard puts it."), "https://…/openid-configuration"
    )
    idp_authorization_endpoint = address(_("Authorization endpoint"), _REDIRECTION)
    idp_token_endpoint = address(_("Token endpoint"), _REDIRECTION)
    idp_userinfo_endpoint = address(_("User information endpoint"), _REDIRECTION)
    idp_jwks_uri = address(_("Signing keys (JWKS)"), _REDIRECTION)
    idp_end_session_endpoint = address(_("End session endpoint"), _REDIRECTION)
    idp_revocation_endpoint = address(_("Revocation endpoint"), _REDIRECTION)

    fuyun_frontend_redirect_url = address(
        _("Fuyun's redirect URL"),
        _("Fuyun's developer portal → your application → Sign-in mode → redirect_url for Fuyun open API."),
        "https://signin.rhinokeen.com/…",
    )
    fuyun_workbench_redirect_url = address(
        _("Redirect URL for the XP workbench"),
        _(
            "The second redirect_url in the portal, read only there. Agents then find a link that opens Fuyun's own "
            "workbench; register the address at the provider, too."
        ),
        "https://signin.rhinokeen.com/…",
    )


class MicrosoftForm(ConnectionForm):
    """Microsoft Entra ID: tenant, client id, secret."""

    kind = "microsoft"
    idp_tenant = text(
        _("Directory (tenant) ID"),
        _("Microsoft Entra admin center → App registrations → your app → Overview → Directory (tenant) ID."),
        "8eaef023-2b34-4da1-9baa-8bc8c9d6a490",
    )
    idp_client_id = text(
        _("Application (client) ID"),
        _("On the same Overview page: Application (client) ID."),
        "5b7c1f7e-2f34-4a1c-8a43-0c9a1f6b2d77",
    )
    idp_client_secret = secret(
        _("Client secret"),
        _(
            "The same app → Certificates & secrets → New client secret. Copy the column Value, not the Secret ID; it "
            "is shown only once."
        ),
    )
    idp_client_secret_expires = day(
        _("The secret ends on"),
        _("The column Expires in the same list. You are reminded 30, 14 and 3 days ahead."),
    )
    idp_allowed_tenants = words(
        _("Tenants that may sign in"),
        _(
            "With common, organizations or consumers, any company in the world could sign in: list the tenant IDs of "
            "those who may, separated by commas."
        ),
        "8eaef023-2b34-4da1-9baa-8bc8c9d6a490",
    )
    idp_cloud = choice(
        _("Microsoft cloud"),
        _("Only customers of the US government cloud or of the cloud in China (21Vianet) need another than global."),
        [("global", _("global")), ("us", _("US government")), ("china", _("China (21Vianet)"))],
    )
    idp_issuer = address(
        _("Issuer"), _("Only to replace Microsoft's own; may hold {tenantid}."), "https://login.microsoftonline.com/…"
    )


class SalesforceForm(ConnectionForm):
    """Salesforce: host, client id, secret."""

    kind = "salesforce"
    idp_host = text(
        _("Salesforce host"),
        _("Salesforce Setup → My Domain → Current My Domain URL."),
        "acme.my.salesforce.com",
        inputmode="url",
    )
    idp_client_id = text(
        _("Consumer key"),
        _("Setup → External Client App Manager → your app → Settings → OAuth Settings → Consumer Key and Secret."),
        "3MVG9…",
    )
    idp_client_secret = secret(_("Consumer secret"), _("On the same page, below the consumer key."))
    idp_organization_id = text(
        _("Organization ID"),
        _(
            "Setup → Company Information → Salesforce.com Organization ID. Needed with login.salesforce.com, through "
            "which any company's people could come."
        ),
        "00D000000000001AAA",
    )
    idp_issuer = address(_("Issuer"), _("Only if it differs from the host."), "https://acme.my.salesforce.com")


class OidcForm(ConnectionForm):
    """Any OpenID Connect provider: issuer, client id, secret."""

    kind = "oidc"
    idp_issuer = address(
        _("Issuer"),
        _(
            "The provider's base address, exactly as its administration shows it. "
            "Keycloak: https://host/realms/NAME. Okta: https://NAME.okta.com. Google: https://accounts.google.com."
        ),
        "https://idp.example.com",
    )


class OAuth2Form(ConnectionForm):
    """A provider without OpenID Connect: three endpoints, client id, secret, and which field names the person."""

    kind = "oauth2"
    idp_authorization_endpoint = address(
        _("Authorization endpoint"),
        _("Where people sign in. The provider's documentation for developers names it, often /authorize."),
        "https://idp.example.com/oauth/authorize",
    )
    idp_token_endpoint = address(
        _("Token endpoint"),
        _("Where the bridge fetches the token, often /token."),
        "https://idp.example.com/oauth/token",
    )
    idp_userinfo_endpoint = address(
        _("User information endpoint"),
        _("Where the provider tells who the token belongs to, often /userinfo or /me. Fuyun asks here too."),
        "https://idp.example.com/api/me",
    )
    idp_subject_field = text(
        _("Field that names the person"),
        _("A field of the user information that never changes for a person. Left empty: sub, else id."),
        "data.id",
    )


class NoProviderForm(PlainForm):
    """No provider: the platform's own software says who its agents are, which works in mode jwt only."""

    kind = "none"
    mode = text(
        _("How Fuyun learns who signed in"),
        _("Your software names the agent, and the bridge vouches with a signature."),
        default="jwt",
    )


FORMS: Final[dict[str, type[Any]]] = {
    form.kind: form for form in (MicrosoftForm, SalesforceForm, OidcForm, OAuth2Form, NoProviderForm)
}

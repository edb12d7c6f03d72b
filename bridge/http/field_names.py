"""What the settings of a connection are called by people; the keys are those of the configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask_babel import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_NAMES: Final[dict[str, LazyString]] = {
    "name": _("Name (the portal's App Name)"),
    "title": _("Title"),
    "mode": _("How Fuyun is told who signs in"),
    "mapping_field": _("Mapping field"),
    "domains": _("E-mail domains"),
    "hosts": _("Host names of its own"),
    "instance_id": _("Contact center instance"),
    "idp.kind": _("Kind of sign-in"),
    "idp.client_id": _("Client ID at the identity provider"),
    "idp.client_secret": _("Client secret at the identity provider"),
    "idp.client_secret_expires": _("Client secret expires"),
    "idp.issuer": _("Issuer"),
    "idp.discovery_url": _("Discovery address"),
    "idp.tenant": _("Microsoft tenant"),
    "idp.cloud": _("Microsoft cloud"),
    "idp.allowed_tenants": _("Tenants that may sign in"),
    "idp.host": _("Salesforce host"),
    "idp.organization_id": _("Salesforce organization"),
    "idp.scope": _("Scope"),
    "idp.subject_field": _("Subject field"),
    "idp.token_endpoint_auth_method": _("How the bridge authenticates"),
    "idp.id_token_signed_response_alg": _("Signature of ID tokens"),
    "idp.response_mode": _("Response mode"),
    "idp.authorization_endpoint": _("Authorization endpoint"),
    "idp.token_endpoint": _("Token endpoint"),
    "idp.userinfo_endpoint": _("User endpoint"),
    "idp.jwks_uri": _("Key set address"),
    "idp.end_session_endpoint": _("Sign-out endpoint"),
    "idp.revocation_endpoint": _("Revocation endpoint"),
    "fuyun.client_id": _("Client ID in the Fuyun portal"),
    "fuyun.client_secret": _("Client secret in the Fuyun portal"),
    "fuyun.client_secret_expires": _("Portal secret expires"),
    "fuyun.scope": _("Scope in the Fuyun portal"),
    "fuyun.redirect_url": _("Callback URL"),
    "fuyun.token_exchange_url": _("Fuyun's exchange address"),
    "fuyun.frontend_redirect_url": _("Fuyun's redirect URL"),
    "fuyun.workbench_redirect_url": _("Redirect URL for the XP workbench"),
    "jwt.issuer": _("Issuer of our own tokens"),
    "jwt.private_key": _("Private key"),
    "jwt.private_key_expires": _("Private key expires"),
    "jwt.next_private_key": _("Next private key"),
    "jwt.next_key_from": _("The next key takes over"),
    "jwt.accept_unverified_email": _("Addresses that nobody has verified"),
    "jwt.exp_in_milliseconds": _("End of our own tokens in milliseconds"),
    "jwt.lifetime": _("Lifetime of our own tokens, in seconds"),
    "aiccs.access_key_id": _("Alibaba Cloud access key ID"),
    "aiccs.access_key_secret": _("Alibaba Cloud access key secret"),
    "aiccs.endpoint": _("Contact center address"),
    "aiccs.protocol": _("Contact center protocol"),
    "aiccs.requests_per_second": _("Calls to the contact center a second"),
    "aiccs.page_size": _("Rows asked of the contact center at once"),
    "aiccs.utc_offset": _("Time zone of call details"),
    "aiccs.recording_hosts": _("Hosts of recordings"),
    "provisioning.create_agents": _("Agents at first sign-in"),
    "provisioning.display_name": _("Field of the display name"),
    "provisioning.skill_groups": _("Skill groups for everybody"),
    "provisioning.rules": _("Further skill groups by rules"),
}


def field_name(key: str) -> str:
    """Return what people call a setting, the key itself where it has no other name.

    Args:
        key: dotted; a place in a list (``domains[0]``) counts as the list.
    """
    return str(_NAMES.get(key.partition("[")[0], key))

"""Discovery while somebody types: what the provider says of itself, or what was expected, what came, what to change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext as _

from bridge.core.errors import BridgeError, IdpUnreachable, showable
from bridge.http.current import services
from bridge.upstream.metadata import MetadataCache, fetch_document
from bridge.web.admin.drafting import placed, table_of

if TYPE_CHECKING:
    from bridge.core.model import Connection, IdentityProvider
    from bridge.upstream.metadata import ProviderMetadata

_FIRST: Final = {
    "microsoft": ("idp_tenant",),
    "salesforce": ("idp_host",),
    "oidc": ("idp_issuer",),
    "oauth2": (),
}
_CLAIMS_SHOWN: Final = 40
# What discovery does not depend on must not keep it from being tried: an unfinished form is read as if it were whole.
_INVENTED: Final = "x"
_ASIDE: Final = ("idp.client_id", "idp.client_secret", "idp.client_secret_expires")


def discover(form: Any, former: Connection | None) -> dict[str, Any]:
    """Look at the provider that an unfinished form describes.

    Args:
        form: of its kind, filled in as far as it goes.
        former: the kept connection that is being edited, None for a new one.

    Returns:
        What the page's script shows: ``found``; ``faults`` and ``warnings`` by field; ``facts`` (label and value)
        or ``title``, ``expected``, ``received``, ``advice`` and perhaps a ``suggestion`` (field and value).
    """
    if form.kind not in _FIRST or not all(form[name].data for name in _FIRST[form.kind]):
        return {"found": False, "faults": {}, "warnings": {}}
    draft = services().entry.read(_finished(form), {})
    faults = [(fault.key, fault.message) for fault in draft.faults if _concerns(fault.key)]
    connection = draft.connection
    if connection is not None and _is_new_ground(connection, former):
        reviewed = services().changes.review(connection, former, services().entry.secrets(connection).keys())
        faults += [(fault.key, fault.message) for fault in reviewed if _concerns(fault.key)]
    doubts = [doubt for doubt in draft.doubts if _concerns(doubt[0])]
    if form.mode.data == "jwt":
        # Read as if Fuyun asked the provider, which in this mode it does not; the whole truth is told after saving.
        doubts = [doubt for doubt in doubts if doubt[0] != "mapping_field"]
    warnings = placed(form, doubts).fields
    if faults or connection is None:
        return {"found": False, "faults": placed(form, faults).fields, "warnings": warnings}
    public_only = _is_new_ground(connection, former)
    return {"faults": {}, "warnings": warnings} | _asked(form, replace(connection.idp, public_only=public_only))


def _finished(form: Any) -> dict[str, Any]:
    table = table_of(form, {}, secrets={})
    idp = {key: value for key, value in table["idp"].items() if f"idp.{key}" not in _ASIDE}
    # Whether a mode has all it needs is asked when the form is sent; frontend needs less than the others discover.
    mode = table["mode"] if table.get("mode") in {"oauth", "frontend"} else "oauth"
    fuyun = {"client_id": _INVENTED, "client_secret": _INVENTED, "frontend_redirect_url": "https://fuyun.invalid"}
    return {
        "name": _INVENTED,
        "instance_id": _INVENTED,
        "mode": mode,
        "mapping_field": table.get("mapping_field", ""),
        "idp": {**idp, "client_id": _INVENTED, "client_secret": _INVENTED},
        "fuyun": fuyun,
    }


def _concerns(key: str) -> bool:
    return key == "mapping_field" or (key.startswith("idp.") and key not in _ASIDE)


def _is_new_ground(connection: Connection, former: Connection | None) -> bool:
    """Say whether these are other addresses than those that an operator at the shell allowed to be private."""
    if former is None or former.idp.public_only:
        return True
    return connection.idp.discovery_url != former.idp.discovery_url


def _asked(form: Any, idp: IdentityProvider) -> dict[str, Any]:
    outbound = services().outbound
    try:
        # A shelf of its own: the one that sign-ins use would grow with every letter typed.
        found = MetadataCache(outbound).get(idp)
        claims = (
            _claims(fetch_document(outbound, idp.discovery_url, public_only=idp.public_only))
            if idp.discovery_url
            else ""
        )
    except BridgeError as error:
        return {"found": False, **_failure(form, error)}
    return {"found": True, "title": _title(idp), "facts": _facts(found, claims)}


def _title(idp: IdentityProvider) -> str:
    if idp.discovery_url:
        return str(_("The provider answered"))
    return str(_("These addresses will be used as they are"))


def _facts(found: ProviderMetadata, claims: str) -> list[dict[str, str]]:
    none = str(_("none: it offers no such address"))
    facts = [
        (_("Issuer"), found.issuer),
        (_("Token endpoint"), found.token_endpoint),
        (_("User information endpoint"), found.userinfo_endpoint or none),
        (_("Fields it says it knows"), claims),
    ]
    return [{"label": str(label), "value": value} for label, value in facts if value]


def _claims(document: dict[str, Any]) -> str:
    told = document.get("claims_supported")
    names = told if isinstance(told, list) else []
    return ", ".join(showable(name) for name in names[:_CLAIMS_SHOWN])


def _failure(form: Any, error: BridgeError) -> dict[str, Any]:
    wrong_issuer = error.expected.startswith("issuer ")
    told: dict[str, Any] = {
        "code": error.code,
        "title": str(_title_of(error)),
        "expected": error.expected,
        "received": error.received,
        "advice": str(_advice(form.kind, error, wrong_issuer=wrong_issuer)),
    }
    if form.kind == "oidc" and wrong_issuer and error.received.startswith("https://"):
        told["suggestion"] = {"field": "idp_issuer", "value": error.received}
    return told


def _title_of(error: BridgeError) -> str:
    if isinstance(error, IdpUnreachable):
        return str(_("The provider did not answer"))
    return str(_("The provider's answer cannot be used"))


def _advice(kind: str, error: BridgeError, *, wrong_issuer: bool) -> str:
    known = {
        "a private one": _("This address leads into a private network. Enter one that the internet can reach."),
        "an unknown host name": _("No host has this name. Check the spelling."),
    }
    if error.received in known:
        return str(known[error.received])
    if wrong_issuer:
        return str(_("The provider calls itself by another name, often only a slash at the end. Enter what it said."))
    if kind == "microsoft" and error.received.startswith("HTTP 4"):
        return str(_("Microsoft knows no such tenant. Copy the Directory (tenant) ID again; is the cloud right?"))
    if isinstance(error, IdpUnreachable):
        return str(_("Check the address. If it is right, the provider may be down: you can save and test later."))
    return str(_("Check the address with whoever runs the provider: often only a part of the path is missing."))

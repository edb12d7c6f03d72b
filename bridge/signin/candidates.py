"""The fields of a rehearsal from which the mapping field can be chosen, each with what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.core import trace as steps
from bridge.core.errors import showable
from bridge.core.mapping import as_text, find_field
from bridge.core.protocol import MULTI_TENANT
from bridge.core.wording import said
from bridge.signin.findings import flat, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.core.model import Connection
    from bridge.core.wording import Sentence

# Of the token or of the organization, not of the person: nobody is told apart by these.
_ABOUT_THE_TOKEN: Final = frozenset(
    {"acr", "aio", "amr", "at_hash", "aud", "auth_time", "azp", "c_hash", "exp", "iat", "idp", "iss", "jti", "nbf"}
    | {"nonce", "rh", "s_hash", "sid", "tid", "typ", "uti", "ver", "xms_ftd", "xms_pl", "xms_mirid"}
)
_SHARED: Final = frozenset(
    {"active", "country", "email_verified", "gender", "is_app_installed", "is_salesforce_integration_user"}
    | {"language", "locale", "locality", "organization_id", "phone_number_verified", "region", "updated_at"}
    | {"user_type", "utcoffset", "zoneinfo"}
)
_NAMES_OF_PEOPLE: Final = frozenset(
    {"display_name", "displayname", "family_name", "given_name", "middle_name", "name", "nickname", "realname"}
)
_MAILS: Final = frozenset(
    {"email", "mail", "preferred_username", "unique_name", "upn", "username", "userprincipalname"}
)
_PHONES: Final = frozenset({"mobile", "mobile_phone", "mobilephone", "moblie", "phone", "phone_number", "telephone"})
_CODES: Final = frozenset({"sub"})
_LINKS: Final = frozenset({"photo", "picture", "profile", "thumbnail", "website"})
# All that Microsoft's user endpoint ever gives (Microsoft identity platform, "UserInfo endpoint").
_OF_MICROSOFT: Final = frozenset({"email", "family_name", "given_name", "name", "picture", "sub"})
_LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field that came, and whether it can name the agent.

    Args:
        field: dotted path, as a mapping field is written.
        source: the step that brought it, ``userinfo`` or ``id_token``.
        obstacle: why it cannot work at all; None where it can.
        warnings: what to know before choosing it.
    """

    field: str
    source: str
    value: str
    is_chosen: bool
    obstacle: Sentence | None = None
    warnings: tuple[Sentence, ...] = ()


def candidates(connection: Connection, claims: Mapping[str, Mapping[str, Any]]) -> list[Candidate]:
    """Return every field that came and might name a person: the chosen one first, then those without a doubt.

    Args:
        claims: by the step that brought them, as `Trace.claims`.
    """
    found = [_candidate(connection, field, source, claims) for field, source in _sources(connection, claims).items()]
    return sorted(found, key=lambda one: (not one.is_chosen, one.obstacle is not None, len(one.warnings)))


def spans_tenants(connection: Connection) -> bool:
    """Say whether people of several organizations can come in, whose administrators know nothing of one another."""
    idp = connection.idp
    if idp.kind == "microsoft":
        return len(idp.allowed_tenants) > 1 or (idp.tenant.lower() in MULTI_TENANT and len(idp.allowed_tenants) != 1)
    return idp.kind == "salesforce" and not idp.organization_id and not idp.issuer.endswith(".my.salesforce.com")


def _sources(connection: Connection, claims: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return each field with the document in which it would be looked for."""
    order = [steps.ID_TOKEN, steps.USERINFO] if connection.mode == "jwt" else [steps.USERINFO, steps.ID_TOKEN]
    found: dict[str, str] = {}
    for source in order:
        for field, value in flat(claims.get(source, {})):
            if field in _ABOUT_THE_TOKEN or not _can_be_written(field, value, claims[source]):
                continue
            if field not in found or (connection.mode == "jwt" and as_text(value) and not _text(claims, found, field)):
                found[field] = source
    return found


def _text(claims: Mapping[str, Mapping[str, Any]], found: Mapping[str, str], field: str) -> str:
    return as_text(find_field(claims[found[field]], field))


def _can_be_written(field: str, value: object, document: Mapping[str, Any]) -> bool:
    """Say whether a mapping field of this name would find this very value."""
    return showable(field) == field and find_field(document, field) is value


def _candidate(connection: Connection, field: str, source: str, claims: Mapping[str, Mapping[str, Any]]) -> Candidate:
    value = find_field(claims[source], field)
    obstacle = _obstacle(value) or _out_of_reach(connection, field, source)
    return Candidate(
        field=field,
        source=source,
        value=shown(value),
        is_chosen=field == connection.mapping_field,
        obstacle=obstacle,
        warnings=() if obstacle else tuple(_warnings(connection, field, claims[source])),
    )


def _obstacle(value: object) -> Sentence | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return said("Empty for this person.")
    if isinstance(value, list | dict):
        return said("A list or a group of values; an account name is one text.")
    text = as_text(value)
    if not text:
        return said("No text; an account name is one.")
    if len(text) > _LONGEST:
        return said("Longer than the 255 characters that an account name can have.")
    return None if text.isprintable() else said("Holds characters that no account name has.")


def _out_of_reach(connection: Connection, field: str, source: str) -> Sentence | None:
    if connection.mode == "jwt":
        return None
    if connection.idp.kind == "microsoft" and field not in _OF_MICROSOFT:
        return said(
            "Fuyun reads Microsoft's user endpoint, which gives no more than sub, names, picture and, for an account "
            "with a mailbox, email. This field works in mode jwt only."
        )
    if source == steps.USERINFO:
        return None
    return said(
        "Only in the ID token, which Fuyun does not read: it asks the user endpoint. It works in mode jwt only."
    )


def _warnings(connection: Connection, field: str, claims: Mapping[str, Any]) -> Iterator[Sentence]:
    last = field.rpartition(".")[2].lower()
    if last in _LINKS:
        yield said("A link, which can change at any time.")
    if last in _SHARED:
        yield said("The same for many people: it does not say who somebody is.")
    if last in _NAMES_OF_PEOPLE:
        yield said("Several people can have the same name, and people change theirs: one could arrive as another.")
    if last in _MAILS:
        yield _changeable(connection)
        if last in {"email", "mail"} and claims.get("email_verified") is False:
            yield said("The provider says that nobody has checked whether this address is really the person's.")
    if last in _PHONES:
        yield said("Numbers are handed on: whoever has the number next arrives as this agent.")
    if last in _CODES:
        yield said(
            "A code that no person can read: the agent's AccountName must be this very text, and some providers give "
            "another one to each registered application."
        )
    if connection.idp.kind == "microsoft" and connection.mode == "oauth" and field == "email":
        yield said("Microsoft leaves it out for every account without a mailbox; such people cannot sign in.")


def _changeable(connection: Connection) -> Sentence:
    if spans_tenants(connection):
        return said(
            "Dangerous here, since people of several organizations can sign in: the administrators of each can give "
            "their people any address or sign-in name, also that of one of your agents, and so take over the agent's "
            "phone (known as “nOAuth”). Make one connection for each organization, or in mode jwt choose a field that "
            "nobody can change, such as oid."
        )
    return said(
        "Can change, and can be given to somebody else later, who then arrives as this agent. Usual within one "
        "organization, as long as it does not hand addresses on."
    )

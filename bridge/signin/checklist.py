"""What a rehearsal proves of the values that were carried into Fuyun's portal and to the identity provider."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bridge.core import trace as steps
from bridge.core.wording import said
from bridge.signin.advice.contact_center import FROZEN, NO_AGENT, WRONG_CLIENT, WRONG_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.core.model import Connection
    from bridge.core.trace import Step
    from bridge.core.wording import Sentence

Proof = Literal["proven", "failed", "unsure", "open", "unprovable"]

_UNPROVABLE: Final = ""
# What the exchange depends on in the portal, in the order in which Fuyun looks at it.
_CLIENT: Final = "exchange: client"
_APPLICATION: Final = "exchange: application"
_SUBJECT: Final = "exchange: subject"
_INVALID_GRANT: Final = "invalid_grant"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to have done.

    Args:
        proof: ``unsure``: Fuyun refused, and this is one of the things that it may have meant; ``unprovable``: no
            sign-in shows it, somebody has to look.
    """

    text: Sentence
    proof: Proof


def checklist(connection: Connection, taken: Sequence[Step], user_name: str) -> list[Item]:
    """Return what is to be done on both sides, each with what the last rehearsal says about it.

    Args:
        taken: the steps of the last rehearsal of this version; nothing where there was none.
        user_name: what Fuyun's token named.
    """
    return [Item(text, _proof(name, taken, user_name)) for text, name in _items(connection)]


def _items(connection: Connection) -> Iterator[tuple[Sentence, str]]:
    if connection.mode == "frontend":
        yield said("Fuyun's redirect URL is registered at the identity provider"), _UNPROVABLE
    else:
        if connection.idp.kind != "none":
            yield from _at_the_provider(connection)
        yield from _in_the_contact_center(connection)
        yield from _in_the_portal(connection)
    if connection.mode != "jwt":
        yield said("Token endpoint, third-party client ID and client secret are entered in the portal"), _UNPROVABLE
    yield said("Start URL is entered in the portal"), _UNPROVABLE
    yield said("“Sign in to workbench without login” is left unticked"), _UNPROVABLE


def _at_the_provider(connection: Connection) -> Iterator[tuple[Sentence, str]]:
    if connection.idp.discovery_url:
        yield said("The bridge finds the identity provider"), steps.DISCOVERY
    yield said("The redirect URI is registered, client ID and client secret are right"), steps.REDEEM
    if connection.mode == "oauth":
        yield said("The user endpoint takes the provider's token"), steps.USERINFO
    yield said("The mapping field names an account"), steps.MAPPING


def _in_the_contact_center(connection: Connection) -> Iterator[tuple[Sentence, str]]:
    if connection.aiccs is not None and connection.instance_id:
        yield said("The contact center has the agent"), steps.AGENT


def _in_the_portal(connection: Connection) -> Iterator[tuple[Sentence, str]]:
    yield said("Fuyun's client_id and client_secret are right"), _CLIENT
    yield said("App Name, grant type, scope and callback URL are the portal's"), _APPLICATION
    if connection.mode == "jwt":
        yield said("Public key and iss are entered in the portal"), _SUBJECT
    else:
        yield said("Sign-in mode OAuth with this user endpoint is chosen in the portal"), _SUBJECT
        yield said("The mapping field is the same on both sides"), steps.USER_NAME


def _proof(name: str, taken: Sequence[Step], user_name: str) -> Proof:
    if name == _UNPROVABLE:
        return "unprovable"
    step = next((one for one in taken if one.name == name.partition(":")[0]), None)
    if step is None:
        return "open"
    if step.code != steps.OK:
        return _refused(name, step) if step.name == steps.EXCHANGE else "failed"
    # An opaque token passes the comparison, but shows nothing.
    return "open" if name == steps.USER_NAME and not user_name else "proven"


def _refused(name: str, step: Step) -> Proof:
    """Return what a refused exchange says of one of the things that it depends on (RFC 6749 section 5.2)."""
    if step.code != "exchange_rejected":
        return "open"
    for reason, meant in ((WRONG_CLIENT, _CLIENT), (WRONG_SCOPE, _APPLICATION)):
        if re.match(reason, step.received, re.IGNORECASE):
            return "failed" if name == meant else "proven" if name == _CLIENT else "open"
    if re.match(f"({NO_AGENT}|{FROZEN})", step.received, re.IGNORECASE):
        # It looked the agent up, so it had read the token first.
        return "open" if name == _APPLICATION else "proven"
    is_past_the_client = name == _CLIENT and re.match(_INVALID_GRANT, step.received, re.IGNORECASE)
    return "proven" if is_past_the_client else "unsure"

"""The four identity providers by their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.sandbox.idp_generic import GenericOidc, PlainOAuth2
from bridge.sandbox.idp_microsoft import Microsoft
from bridge.sandbox.idp_salesforce import Salesforce

if TYPE_CHECKING:
    from bridge.sandbox.idp_manner import Manner

MANNERS: Final[dict[str, type[Manner]]] = {
    manner.kind: manner for manner in (Microsoft, Salesforce, GenericOidc, PlainOAuth2)
}

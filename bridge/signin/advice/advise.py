"""Chooses the advice for a step that failed, and fills in the very values to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.core import trace as steps
from bridge.core.wording import Sentence, said
from bridge.signin.advice import contact_center, provider
from bridge.signin.advice.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.model import Connection
    from bridge.core.trace import Step

_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    steps.DISCOVERY: provider.DISCOVERY,
    steps.RESPONSE: provider.RESPONSE,
    steps.REDEEM: provider.REDEEM,
    steps.ID_TOKEN: provider.ID_TOKEN,
    steps.USERINFO: provider.USERINFO,
    steps.TENANT: contact_center.TENANT,
    steps.MAPPING: contact_center.MAPPING,
    steps.AGENT: contact_center.AGENT,
    steps.EXCHANGE: contact_center.EXCHANGE,
    steps.USER_NAME: contact_center.USER_NAME,
}
_OTHERWISE: Final = Rule(said("Compare what was expected with what came, correct the connection, and test again."))


def advise(connection: Connection, step: Step, *, redirect_uri: str, account_name: str = "") -> Sentence:
    """Return what to change after a step that failed.

    Args:
        redirect_uri: the bridge's own for this connection.
        account_name: what the mapping field gave, if the rehearsal came that far.
    """
    rules = (*_RULES.get(step.name, ()), _OTHERWISE)
    rule = next(one for one in rules if one.fits(connection, step))
    return Sentence(rule.advice.template, _values(connection, step) | _of_road(redirect_uri, account_name))


def _values(connection: Connection, step: Step) -> dict[str, object]:
    idp = connection.idp
    return {
        "expected": step.expected,
        "received": step.received,
        "tenant": idp.tenant,
        "client_id": idp.client_id,
        "scope": idp.scope,
        "mapping_field": connection.mapping_field,
        "instance_id": connection.instance_id,
        "app_name": connection.name,
        "fuyun_scope": connection.fuyun.scope,
        "jwt_issuer": connection.jwt.issuer if connection.jwt else "",
    }


def _of_road(redirect_uri: str, account_name: str) -> dict[str, object]:
    return {"redirect_uri": redirect_uri, "account_name": account_name}

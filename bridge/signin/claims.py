"""Claims that somebody pasted: read with care, then tried out as far as no provider is needed."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bridge.core import trace as steps
from bridge.core.errors import BridgeError
from bridge.core.mapping import map_account
from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.model import Connection
    from bridge.core.trace import Trace
    from bridge.core.wording import Sentence
    from bridge.signin.rehearsal import Foretell, LookForAgent

LARGEST: Final = 32_768
"""Bytes of pasted text, in UTF-8, that are read."""

_DEEPEST: Final = 32
_NO_PROFILE: Final = said("The text holds numbers or nested lists that no profile has.")


class ClaimsUnreadable(ValueError):
    """The text is no JSON object.

    Args:
        sentence: what it is instead, and where; never repeats it.
    """

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def read_claims(text: str) -> tuple[dict[str, Any], Sentence | None]:
    """Return the claims in a pasted text, and nothing, or no claims and what is wrong with the text."""
    try:
        return _claims_in(text.strip()), None
    except ClaimsUnreadable as fault:
        return {}, fault.sentence


def rehearse_claims(
    look_for_agent: LookForAgent, foretell: Foretell, connection: Connection, claims: Mapping[str, Any], trace: Trace
) -> None:
    """Go the steps that need no provider: which account the mapping field gives, and whether it is an agent's.

    Args:
        foretell: puts into `trace` which agent a first sign-in would make.
    """
    trace.claims[steps.USERINFO] = claims
    with suppress(BridgeError):
        with trace.step(steps.MAPPING):
            account_name = map_account(claims, connection.mapping_field)
        trace.account_name = account_name
        foretell(connection, claims, account_name, trace)
        look_for_agent(connection, account_name, trace)


def _claims_in(text: str) -> dict[str, Any]:
    if not text:
        raise ClaimsUnreadable(said("Paste the claims first: a JSON object, from { to }."))
    if len(text.encode(errors="replace")) > LARGEST:
        raise ClaimsUnreadable(
            said("The text is longer than 32 KB, which no profile needs. Paste one person's claims.")
        )
    if text.startswith("eyJ"):
        raise ClaimsUnreadable(said("This is a token, not what is in it. Decode it first, and paste the JSON."))
    try:
        claims = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as fault:
        raise ClaimsUnreadable(
            said(
                "The text stops being JSON in line %(line)s at character %(column)s. Names and texts need double "
                "quotes, and no comma stands before a closing bracket.",
                line=fault.lineno,
                column=fault.colno,
            )
        ) from fault
    except (ValueError, RecursionError) as fault:
        raise ClaimsUnreadable(_NO_PROFILE) from fault
    if _is_deeper(claims, _DEEPEST):
        raise ClaimsUnreadable(_NO_PROFILE)
    if not isinstance(claims, dict):
        raise ClaimsUnreadable(said("The text is JSON, but no object. It must begin with { and end with }."))
    return claims


def _is_deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)

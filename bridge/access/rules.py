"""Who is an administrator: people of a connection, by a claim that their provider vouches for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.core.errors import showable
from bridge.core.gate_errors import AdminNotAllowed
from bridge.core.mapping import as_text, find_field

if TYPE_CHECKING:
    from collections.abc import Iterable

Role = Literal["connection", "operator"]

FRESH_FOR: Final = 900
"""Seconds after a sign-in within which secrets may be changed."""
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Allowed:
    """One rule: people of `connection` whose `claim` has one of `values` may enter.

    Args:
        role: ``operator`` administers everything, ``connection`` only `connections`.
        connections: names; empty: the one through which they come.
    """

    connection: str
    claim: str
    values: tuple[str, ...]
    role: Role = "connection"
    connections: tuple[str, ...] = ()

    def admits(self, connection: str, claims: Mapping[str, Any]) -> bool:
        """Say whether the rule speaks of this person."""
        if connection.lower() != self.connection.lower():
            return False
        value = as_text(find_field(claims, self.claim))
        if self.claim == "email" and value.isascii():
            # Mailboxes differ by no letter's case at any provider; whatever else a claim holds is compared as it is.
            return value.lower() in {one.lower() for one in self.values}
        return bool(value) and value in self.values


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody in the console.

    Args:
        name: as journals show it.
        connection: through which they came; empty for the link of the command line.
        signed_in_at: epoch seconds.
        grounds: the claims that the rules look at, so that a rule that goes takes the right away.
        connections: lower-case names that a ``connection`` administrator may see.
        provider: what vouched for them; another one behind the same connection does not.
    """

    name: str
    role: Role
    signed_in_at: float
    connection: str = ""
    grounds: Mapping[str, str] = field(default_factory=dict)
    connections: tuple[str, ...] = ()
    provider: str = ""

    def may_see(self, name: str) -> bool:
        """Say whether a connection concerns this administrator."""
        return self.is_operator or name.lower() in self.connections

    @property
    def is_operator(self) -> bool:
        """Whether every connection is theirs."""
        return self.role == "operator"


def is_unverified(claims: Mapping[str, Any]) -> bool:
    """Say whether the provider itself does not vouch for the e-mail address (OpenID Connect Core section 5.1)."""
    return "email_verified" in claims and claims["email_verified"] is not True and claims["email_verified"] != "true"


def is_mailbox(claim: str) -> bool:
    """Say whether a claim is one that holds an e-mail address."""
    return claim.rpartition(".")[2].lower() == "email"


def _is_unvouched(claim: str, claims: Mapping[str, Any]) -> bool:
    beside = find_field(claims, claim.rpartition(".")[0]) if "." in claim else claims
    return is_unverified(claims) or (isinstance(beside, Mapping) and is_unverified(beside))


def is_unvouched_mailbox(claim: str, claims: Mapping[str, Any]) -> bool:
    """Say whether a claim holds an e-mail address that the provider itself does not vouch for."""
    return is_mailbox(claim) and _is_unvouched(claim, claims)


def _auth_time(claims: Mapping[str, Any], now: float) -> float:
    # A provider that remembers the person proves nothing about now; where it tells since when, that counts.
    if "auth_time" not in claims:
        return now
    told = as_text(claims["auth_time"])
    return float(told) if told.isascii() and told.isdecimal() and len(told) <= _DIGITS else 0.0


class AdminRules:
    """The rules of this deployment."""

    def __init__(self, allowed: Iterable[Allowed]) -> None:
        self._allowed = tuple(allowed)

    @property
    def ways_in(self) -> list[str]:
        """The connections through which administrators come, in lower case."""
        return list(dict.fromkeys(rule.connection.lower() for rule in self._allowed))

    def recognise(self, connection: str, claims: Mapping[str, Any], now: float) -> Administrator:
        """Return the administrator that a provider's claims name.

        Raises:
            AdminNotAllowed: no rule speaks of this person.
        """
        rules = [rule for rule in self._allowed if rule.admits(connection, claims)]
        rules = [rule for rule in rules if not is_unvouched_mailbox(rule.claim, claims)]
        if not rules:
            raise AdminNotAllowed(expected="a person whom [admin] allow lists", received="another")
        grounds = {rule.claim: as_text(find_field(claims, rule.claim)) for rule in rules}
        # The name that the rule has for them: any other claim could make them look like somebody else in the journal.
        name = next(iter(grounds.values()))
        signed_in_at = min(now, _auth_time(claims, now))
        return self.confirm(Administrator(name, "connection", signed_in_at, connection, grounds))

    def confirm(self, admin: Administrator) -> Administrator:
        """Return the administrator with the rights that the rules give today.

        Raises:
            AdminNotAllowed: none any more.
        """
        if not admin.connection:
            return admin
        rules = [rule for rule in self._allowed if rule.admits(admin.connection, admin.grounds)]
        if not rules:
            raise AdminNotAllowed(expected="a person whom [admin] allow lists", received=showable(admin.name))
        if any(rule.role == "operator" for rule in rules):
            return replace(admin, role="operator", connections=())
        seen = {name.lower() for rule in rules for name in (rule.connections or (rule.connection,))}
        return replace(admin, role="connection", connections=tuple(sorted(seen)))

    def is_trusted_with_more(self, name: str) -> bool:
        """Say whether a connection's provider vouches for people who administer more than the connection.

        Whoever can point such a connection at a provider of their own could make themselves an operator.
        """
        here = [rule for rule in self._allowed if rule.connection.lower() == name.lower()]
        return any(
            rule.role == "operator" or {one.lower() for one in rule.connections} - {name.lower()} for rule in here
        )
